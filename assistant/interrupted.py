"""Handles Ctrl-C while the program is still importing: prints what the console would, and exits."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

EXIT_INTERRUPTED = 130  # exit code of a program that was ended by Ctrl-C
# The line that the console prints for an interrupted turn; the console is not imported yet.
INTERRUPTED_JSON_LINE = (
    b'{"event": "ended", "reason": "interrupted", "heard": "", "answer": "", "by": "", "timings": {"load": null, '
    b'"hear": null, "look": null, "first_word": null, "answer": null, "first_sound": null, "total": null}, '
    b'"heard_until": 0, "id": null}\n'
)


def exit_at_once(*_: object) -> NoReturn:
    """Ends the program at once; may be used as a signal handler.

    Raising `KeyboardInterrupt` instead would not do: an exception in the middle of an import can get lost."""
    if "--json" in sys.argv:
        try:  # noqa: SIM105 - contextlib is not imported yet
            os.write(1, INTERRUPTED_JSON_LINE)
        except OSError:
            pass
    os._exit(EXIT_INTERRUPTED)
