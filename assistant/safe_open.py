"""Files as the user names them, and opens them, whatever they really are. Knows nothing of what is in them."""

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
_DRIVE = re.compile(r"/[A-Za-z]:(?:/|$)")


def user_path(text: str | Path) -> Path:
    """The path that a person means who typed or pasted `text`: with `~`, `$HOME` or `%USERPROFILE%` in it, as a
    `file://` address, in quotes, or with spaces around it. A file that has this very name goes before all of that."""
    name = str(text).strip()
    bare = name[1:-1].strip() if len(name) > 1 and name[0] + name[-1] in _QUOTES else name
    for given in (str(text), name, bare):
        if os.path.lexists(given):
            return Path(given)
    if match := re.match(r"file:(?://(?:localhost(?=/))?)?(?=[/~])", bare, re.IGNORECASE):
        bare = unquote(bare[match.end() :])
        bare = bare[1:] if _DRIVE.match(bare) else bare
    else:
        bare = os.path.expandvars(bare)
    return Path(os.path.expanduser(bare))


def open_regular_file(path: Path, stage: str, what: str) -> BinaryIO:
    """Opens a regular, non-empty file without ever blocking (a FIFO would). Raises `BadInput`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except IsADirectoryError:
        raise InvalidInputError(
            stage,
            tr("“{path}” is a folder, not a {what}.").format(path=path, what=tr(what)),
            tr("Name a file inside it."),
        ) from None
    except FileNotFoundError:
        raise InvalidInputError(
            stage, tr("There is no {what} “{path}”.").format(what=tr(what), path=path), tr("Check its name and folder.")
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or tr("its name is not valid")
        raise InvalidInputError(
            stage,
            tr("“{path}” cannot be opened: {reason}.").format(path=path, reason=reason),
            tr("Check its name and permissions."),
        ) from None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size == 0:
        os.close(descriptor)
        kind = tr_noop("no regular file")
        if stat.S_ISDIR(facts.st_mode):
            kind = tr_noop("a folder")
        elif stat.S_ISREG(facts.st_mode):
            kind = tr_noop("empty")
        raise InvalidInputError(
            stage,
            tr("“{path}” is {kind}, not a {what}.").format(path=path, kind=tr(kind), what=tr(what)),
            tr("Choose another file."),
        )
    return os.fdopen(descriptor, "rb")
