"""The one place of the engine where anything that goes wrong is caught. Knows nothing of who is told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.errors import AssistantError
from assistant.text.i18n import tr

_log = logging.getLogger(__name__)


@contextmanager
def reporting_errors(tell: Callable[[AssistantError], None], logs: Path) -> Iterator[None]:
    """Runs its block. An `AssistantError` in it is told; anything else is a bug of ours: logged whole, and told so."""
    try:
        yield
    except AssistantError as error:
        tell(error)
    except Exception:  # noqa: BLE001 - the one place
        _log.exception("a step failed")
        hint = tr("The log “{what}” says what; please report it.").format(what=logs / "hark.log")
        tell(AssistantError("answer", tr("Something went wrong inside Hark."), hint))
