"""The log file of Hark's processes, and the silence of libraries in the terminal."""

from __future__ import annotations

import logging
import logging.handlers
import warnings
from typing import TYPE_CHECKING

from assistant.paths import AppPaths

if TYPE_CHECKING:
    pass


def silence_warnings() -> None:
    """Keeps libraries from warning on the terminal; what else they would say `environment` has switched off."""
    warnings.simplefilter("ignore")


def log_to_file(folders: AppPaths) -> None:
    """Sends the log to a rotating file that holds no words of the user, and nowhere else."""
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    for handler in [one for one in root.handlers if isinstance(one, _LogFile)]:
        root.removeHandler(handler)
        handler.close()
    try:
        folders.logs.mkdir(parents=True, exist_ok=True)
        made = _LogFile(folders.logs / "hark.log", maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True)
        made.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(made)
    except OSError:
        root.addHandler(logging.NullHandler())


class _LogFile(logging.handlers.RotatingFileHandler):
    """Hark's own log file."""
