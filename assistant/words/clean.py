"""The one door through which untrusted text comes in: no lone surrogates, NULs or control characters."""

from __future__ import annotations

import unicodedata

_KEPT = "\n\t"


def clean(text: str) -> str:
    """The text without characters that break databases, terminals and screen readers."""
    sound = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in sound if c in _KEPT or unicodedata.category(c) not in ("Cc", "Cs"))
