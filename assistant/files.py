"""Opens files that the user names, whatever they really are. Knows nothing of what is in them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from assistant.errors import BadInput


def open_regular(path: Path, stage: str, what: str) -> BinaryIO:
    """Opens a regular, non-empty file without ever blocking (a FIFO would). Raises `BadInput`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except IsADirectoryError:
        raise BadInput(stage, f"“{path}” is a folder, not a {what}.", "Name a file inside it.") from None
    except FileNotFoundError:
        raise BadInput(stage, f"There is no {what} “{path}”.", "Check its name and folder.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not valid"
        raise BadInput(stage, f"“{path}” cannot be opened: {reason}.", "Check its name and permissions.") from None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size == 0:
        os.close(descriptor)
        kind = (
            "a folder" if stat.S_ISDIR(facts.st_mode) else "empty" if stat.S_ISREG(facts.st_mode) else "no regular file"
        )
        raise BadInput(stage, f"“{path}” is {kind}, not a {what}.", "Choose another file.")
    return os.fdopen(descriptor, "rb")
