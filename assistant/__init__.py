"""Hark's engine: hears, looks and answers. Knows nothing of any window."""

__version__ = "0.1.0"
