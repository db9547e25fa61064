"""The one door through which untrusted text comes in: no lone surrogates, NULs or control characters."""

from __future__ import annotations

import re

_UNSOUND = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # control characters but tab and line feed


def sanitize(text: str) -> str:
    """The text without characters that break databases, terminals and screen readers."""
    return _UNSOUND.sub("", text.encode("utf-8", "replace").decode("utf-8"))
