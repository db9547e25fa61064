"""Peak memory of a program, measured by the program itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run_measured(code: str, *arguments: Path) -> list[float]:
    """The numbers that `code` prints, in a Python of its own.

    A shell starts it: Linux takes the memory of whoever starts a program for the beginning of the program's own peak
    (`ru_maxrss`), and the tests' own process may hold gigabytes."""
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", code, *map(str, arguments)]
    return [float(word) for word in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()]
