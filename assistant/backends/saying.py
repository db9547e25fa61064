"""What voices made of weights share: their speakers by name or number, and what is said when one fails. Knows nothing
of how they sound."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from assistant.errors import AssistantError, Missing, first_line
from assistant.words.tongue import tr


def number_of(wanted: str, names: Mapping[str, int], count: int) -> int | None:
    """The speaker `wanted`, the first one for ""; None where there is only one. Raises `Missing`."""
    if count <= 1:
        return None
    number = int(names.get(wanted, wanted if wanted.isdecimal() else 0 if not wanted else -1))
    if number not in range(count):
        raise Missing(
            "speak",
            tr("The voice has no speaker “{wanted}”.").format(wanted=wanted),
            tr("It has {what}.").format(what=", ".join(sorted(names)) or f"0 to {count - 1}"),
        )
    return number


def broken(folder: Path, error: BaseException) -> Missing:
    """A voice that cannot be loaded."""
    return Missing(
        "speak",
        tr("The voice in “{folder}” cannot be loaded: {reason}.").format(folder=folder, reason=first_line(error)),
        tr("Choose or get another voice."),
    )


def unsaid() -> AssistantError:
    """A sentence that the voice cannot say."""
    return AssistantError(
        "speak",
        tr("The voice could not say this sentence."),
        tr("The text is on the screen; try another voice."),
    )
