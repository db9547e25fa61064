"""Opens files that the user names, whatever they really are. Knows nothing of what is in them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from assistant.errors import BadInput
from assistant.words.tongue import mark, tr


def open_regular(path: Path, stage: str, what: str) -> BinaryIO:
    """Opens a regular, non-empty file without ever blocking (a FIFO would). Raises `BadInput`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except IsADirectoryError:
        raise BadInput(
            stage,
            tr("“{path}” is a folder, not a {what}.").format(path=path, what=tr(what)),
            tr("Name a file inside it."),
        ) from None
    except FileNotFoundError:
        raise BadInput(
            stage, tr("There is no {what} “{path}”.").format(what=tr(what), path=path), tr("Check its name and folder.")
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or tr("its name is not valid")
        raise BadInput(
            stage,
            tr("“{path}” cannot be opened: {reason}.").format(path=path, reason=reason),
            tr("Check its name and permissions."),
        ) from None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size == 0:
        os.close(descriptor)
        kind = mark("no regular file")
        if stat.S_ISDIR(facts.st_mode):
            kind = mark("a folder")
        elif stat.S_ISREG(facts.st_mode):
            kind = mark("empty")
        raise BadInput(
            stage,
            tr("“{path}” is {kind}, not a {what}.").format(path=path, kind=tr(kind), what=tr(what)),
            tr("Choose another file."),
        )
    return os.fdopen(descriptor, "rb")
