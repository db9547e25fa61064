"""Hark's window. Shows values and calls the engine; knows nothing of models, sound devices or threads."""
