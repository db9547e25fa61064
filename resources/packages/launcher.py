"""The entry point of a bundle: the command `hark`, the window `hark-window`, and the child processes that they start.

Hark starts its child processes as `python -P -m MODULE` or `-P -c CODE`; in a bundle this program replaces python."""

from __future__ import annotations

import multiprocessing
import runpy
import sys
from pathlib import Path

import assistant  # noqa: F401 - before any library: it switches their telemetry off


def main() -> None:
    multiprocessing.freeze_support()
    if sys.argv[1:3] == ["-P", "-m"]:
        sys.argv = sys.argv[3:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    elif sys.argv[1:3] == ["-P", "-c"]:
        code, sys.argv = sys.argv[3], ["-c", *sys.argv[4:]]
        exec(code, {"__name__": "__main__"})
    elif Path(sys.executable).stem == "hark":
        from assistant.cli.main import main as command

        sys.exit(command())
    else:
        from ui.__main__ import main as window

        sys.exit(window())


if __name__ == "__main__":
    main()
