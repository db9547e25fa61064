"""The program `hark-window`, or `python -m ui`: whatever needs no window is done before Qt is loaded."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from assistant import __version__

COMMAND_HELP = {
    "talk": "listen to one question",
    "stop": "stop speaking, at once",
    "describe": "describe what is on the screen",
}


class _ArgumentParser(argparse.ArgumentParser):
    """A parser that reports an error as one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message[:1].upper()}{message[1:]}. See {self.prog} --help.\n")


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parses the command line: `command` is "show" or a key of `COMMAND_HELP`, `away` and `install` are flags.

    Ends the program with 2 for an unknown argument, and with 0 after --help and --version."""
    parser = _ArgumentParser(
        prog="hark-window",
        allow_abbrev=False,
        description="Hark's window: talk, type, show pictures. If it is open already, that window does what is asked.",
    )
    parser.set_defaults(command="show")
    parser.add_argument("--version", action="version", version=f"hark-window {__version__}")
    command_group = parser.add_mutually_exclusive_group()
    for command, text in COMMAND_HELP.items():
        command_group.add_argument(f"--{command}", action="store_const", dest="command", const=command, help=text)
    command_group.add_argument("--away", action="store_true", help="start in the tray, where the desktop has one")
    command_group.add_argument(
        "--install", action="store_true", help="put Hark into a Linux desktop's menu, and show nothing"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Shows the window; returns the exit code, which is 4 without a display."""
    options = parse_arguments(arguments)
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        print("There is no display. In a terminal use hark listen or hark ask.", file=sys.stderr)
        return 4
    # What is created until the first paint stays: there is no garbage yet, and looking for it takes time.
    gc.disable()
    from ui.desktop import message_bus

    silent_bus_text = message_bus.disable_silent_buses()  # before Qt is loaded, which uses them
    from ui import app

    return app.main(options, silent_bus_text)


if __name__ == "__main__":
    sys.exit(main())
