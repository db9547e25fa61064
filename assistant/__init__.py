"""Hark's engine: hears, looks and answers. Knows nothing of any window."""

from assistant.interrupted import exit_at_once

__version__ = "0.1.0"

try:
    from assistant.environment import prepare_environment

    prepare_environment()  # before any library is imported: see there
except KeyboardInterrupt:  # no program is there yet that could catch it
    exit_at_once()
