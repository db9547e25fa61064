"""Where Hark's processes log to, and how libraries are kept from writing to the terminal."""

from __future__ import annotations

import logging
import logging.handlers
import warnings

from assistant.paths import AppPaths


def silence_warnings() -> None:
    """Turns Python's warnings off for this process; `environment` turns off what else libraries would print."""
    warnings.simplefilter("ignore")


def log_to_file(paths: AppPaths) -> None:
    """Sends the log to `hark.log` in `paths.logs` and nowhere else: three files of at most 1 MB in turn.

    Nothing that the user said, wrote or showed is ever logged."""
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    for handler in [handler for handler in root.handlers if isinstance(handler, _LogFile)]:
        root.removeHandler(handler)
        handler.close()
    try:
        paths.logs.mkdir(parents=True, exist_ok=True)
        log_file = _LogFile(paths.logs / "hark.log", maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True)
        log_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(log_file)
    except OSError:
        root.addHandler(logging.NullHandler())


class _LogFile(logging.handlers.RotatingFileHandler):
    """A class of our own, so that a second call replaces our handler and no other."""
