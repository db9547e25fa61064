"""Hark's engine and its command line: hears, looks at pictures, answers and speaks."""

from assistant.interrupted import exit_at_once

__version__ = "0.1.0"

try:
    from assistant.environment import prepare_environment

    prepare_environment()  # before any other import: libraries read these variables when they are imported
except KeyboardInterrupt:  # too early for any handler of the program's own
    exit_at_once()
