"""Hark's window: shows values and calls the engine. Knows nothing of models or sound devices."""
