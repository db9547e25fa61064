"""The list of conversations and the controls beside it."""
