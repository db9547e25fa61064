"""The only place in the engine where every exception is caught."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.errors import AssistantError
from assistant.text.i18n import tr

_log = logging.getLogger(__name__)


@contextmanager
def reporting_errors(report: Callable[[AssistantError], None], logs: Path) -> Iterator[None]:
    """Runs its block and calls `report` with whatever goes wrong in it.

    An `AssistantError` is reported as it is. Any other exception is a bug in Hark: it is logged with its traceback, and
    reported in a sentence that names the log in the folder `logs`."""
    try:
        yield
    except AssistantError as error:
        report(error)
    except Exception:  # noqa: BLE001 - the one place
        _log.exception("a step failed")
        hint = tr("The log “{what}” says what; please report it.").format(what=logs / "hark.log")
        report(AssistantError("answer", tr("Something went wrong inside Hark."), hint))
