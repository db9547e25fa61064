"""Ctrl-C before there is anything to close. It stands in for what is not imported yet."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

EXIT_INTERRUPTED = 130  # the exit code
# What the console would say, which is not there yet.
INTERRUPTED_JSON_LINE = (
    b'{"event": "ended", "reason": "interrupted", "heard": "", "answer": "", "by": "", "timings": {"load": null, '
    b'"hear": null, "look": null, "first_word": null, "answer": null, "first_sound": null, "total": null}, '
    b'"heard_until": 0, "id": null}\n'
)


def exit_at_once(*_: object) -> NoReturn:
    """Ends the program; usable as a handler of signals. (An exception in the middle of an import may be lost there.)"""
    if "--json" in sys.argv:
        try:  # noqa: SIM105 - contextlib is not imported yet
            os.write(1, INTERRUPTED_JSON_LINE)
        except OSError:
            pass
    os._exit(EXIT_INTERRUPTED)
