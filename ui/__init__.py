"""Hark's window. Shows values and calls the engine; knows nothing of models or sound devices."""
