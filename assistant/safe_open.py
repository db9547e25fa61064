"""Finds and opens the files that the user names, which need not be what they seem."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from assistant.errors import InvalidInputError
from assistant.text.i18n import tr, tr_noop

_QUOTES = ('""', "''", "“”", "‘’", "«»")
_WINDOWS_DRIVE = re.compile(r"/[A-Za-z]:(?:/|$)")


def user_path(text: str | Path) -> Path:
    """The path that a user means who typed or pasted `text`.

    The text may hold `~`, `$HOME` or `%USERPROFILE%`, be a `file://` address, stand in quotes or have spaces around it.
    A file whose name is exactly the text takes precedence over all of that."""
    name = str(text).strip()
    unquoted = name[1:-1].strip() if len(name) > 1 and name[0] + name[-1] in _QUOTES else name
    for candidate in (str(text), name, unquoted):
        if os.path.lexists(candidate):
            return Path(candidate)
    if match := re.match(r"file:(?://(?:localhost(?=/))?)?(?=[/~])", unquoted, re.IGNORECASE):
        unquoted = unquote(unquoted[match.end() :])
        unquoted = unquoted[1:] if _WINDOWS_DRIVE.match(unquoted) else unquoted
    else:
        unquoted = os.path.expandvars(unquoted)
    return Path(os.path.expanduser(unquoted))


def open_regular_file(path: Path, stage: str, file_kind: str) -> BinaryIO:
    """Opens a regular, non-empty file for reading, and never blocks, as opening a FIFO would.

    `stage` and `file_kind` (such as "picture", a message id) go into the error. Raises `InvalidInputError`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except IsADirectoryError:
        raise InvalidInputError(
            stage,
            tr("“{path}” is a folder, not a {what}.").format(path=path, what=tr(file_kind)),
            tr("Name a file inside it."),
        ) from None
    except FileNotFoundError:
        raise InvalidInputError(
            stage,
            tr("There is no {what} “{path}”.").format(what=tr(file_kind), path=path),
            tr("Check its name and folder."),
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or tr("its name is not valid")
        raise InvalidInputError(
            stage,
            tr("“{path}” cannot be opened: {reason}.").format(path=path, reason=reason),
            tr("Check its name and permissions."),
        ) from None
    file_stat = os.fstat(descriptor)
    if not stat.S_ISREG(file_stat.st_mode) or file_stat.st_size == 0:
        os.close(descriptor)
        actual_kind = tr_noop("no regular file")
        if stat.S_ISDIR(file_stat.st_mode):
            actual_kind = tr_noop("a folder")
        elif stat.S_ISREG(file_stat.st_mode):
            actual_kind = tr_noop("empty")
        raise InvalidInputError(
            stage,
            tr("“{path}” is {kind}, not a {what}.").format(path=path, kind=tr(actual_kind), what=tr(file_kind)),
            tr("Choose another file."),
        )
    return os.fdopen(descriptor, "rb")
