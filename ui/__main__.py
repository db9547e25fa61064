"""Hark's window as a program: `python -m ui`. Knows nothing but where to start."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Shows the window; returns the exit code."""
    # What is made until the first paint stays: nothing in it is garbage, and to look for some takes time.
    gc.disable()
    from ui import start

    return start.main()


if __name__ == "__main__":
    sys.exit(main())
