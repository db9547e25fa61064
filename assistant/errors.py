"""The errors whose text is written for the user."""

from __future__ import annotations


class AssistantError(Exception):
    """A stage of Hark failed in a way that is explained to the user.

    stage: the part that failed, such as "hear", "answer" or "speak".
    message: what happened, in one sentence.
    hint: what the user can do, in one sentence; may be "".
    exit_code: of the command line (docs/command-line.md)."""

    exit_code = 1

    def __init__(self, stage: str, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.stage, self.message, self.hint = stage, message, hint


class InvalidInputError(AssistantError):
    """A file or value that the user gave is missing, unreadable or over a limit."""

    exit_code = 3


class NotAvailableError(AssistantError):
    """A model, voice, library or device is not there or cannot be used."""

    exit_code = 4


class UsageError(AssistantError):
    """The arguments of a command are wrong."""

    exit_code = 2


def first_line(error: BaseException, max_letters: int = 200) -> str:
    """The first line of an error's message, to stand in a sentence: at most `max_letters`, without a full stop.

    An `OSError` gives its text and file without the number; an error without a message gives the name of its type."""
    if isinstance(error, OSError) and error.strerror:
        file_part = f": “{error.filename}”" if error.filename else ""
        return f"{error.strerror}{file_part}"[:max_letters]
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:max_letters].rstrip(".")
