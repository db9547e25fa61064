"""Hark's engine: hears, looks and answers. Knows nothing of any window."""

from assistant.environment import prepare_environment

__version__ = "0.1.0"
prepare_environment()  # before any library is imported: see there
