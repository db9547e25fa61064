"""What voices made of weights share: their speakers by name or number."""

from __future__ import annotations

from collections.abc import Mapping

from assistant.errors import NotAvailableError
from assistant.text.i18n import tr


def speaker_number(wanted: str, names: Mapping[str, int], count: int) -> int | None:
    """The speaker `wanted`, the first one for ""; None where there is only one. Raises `Missing`."""
    if count <= 1:
        return None
    number = int(names.get(wanted, wanted if wanted.isdecimal() else 0 if not wanted else -1))
    if number not in range(count):
        raise NotAvailableError(
            "speak",
            tr("The voice has no speaker “{wanted}”.").format(wanted=wanted),
            tr("It has {what}.").format(what=", ".join(sorted(names)) or f"0 to {count - 1}"),
        )
    return number
