"""The errors that a user may read. Knows nothing of who raises or shows them."""

from __future__ import annotations


class AssistantError(Exception):
    """A stage failed. `message` is one sentence, `hint` the next step; both are shown as they are."""

    exit_code = 1

    def __init__(self, stage: str, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.stage, self.message, self.hint = stage, message, hint


class InvalidInputError(AssistantError):
    """A file that was handed in is missing, unreadable or over a limit."""

    exit_code = 3


class NotAvailableError(AssistantError):
    """A model, voice, library or device is not there."""

    exit_code = 4


class UsageError(AssistantError):
    """The command line itself is wrong."""

    exit_code = 2


def first_line(error: BaseException, most: int = 200) -> str:
    """What any error says, to stand in a sentence: one line of `most` letters at most; its type if it says nothing. Of
    the system's errors it is their text and file, without their number."""
    if isinstance(error, OSError) and error.strerror:
        where = f": “{error.filename}”" if error.filename else ""
        return f"{error.strerror}{where}"[:most]
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:most].rstrip(".")
