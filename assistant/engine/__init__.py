"""The engine: its threads, its audio devices and the pictures attached to the next question."""
