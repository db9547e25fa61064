"""How a voice with several speakers picks one, and the error for a speaker that it does not have."""

from __future__ import annotations

from collections.abc import Mapping

from assistant.errors import NotAvailableError
from assistant.text.i18n import tr


def speaker_number(speaker: str, names: Mapping[str, int], count: int) -> int | None:
    """The number of a speaker that is named or numbered by `speaker`, the first one for "".

    names: the speakers' numbers by name.
    count: how many speakers the voice has; with only one the result is None.
    Raises `NotAvailableError`."""
    if count <= 1:
        return None
    number = int(names.get(speaker, speaker if speaker.isdecimal() else 0 if not speaker else -1))
    if number not in range(count):
        raise NotAvailableError(
            "speak",
            tr("The voice has no speaker “{wanted}”.").format(wanted=speaker),
            tr("It has {what}.").format(what=", ".join(sorted(names)) or f"0 to {count - 1}"),
        )
    return number
