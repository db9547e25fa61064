"""Cleans untrusted text before it reaches the database, a terminal or a screen reader."""

from __future__ import annotations

import re

# C0 and C1 control characters except tab and line feed.
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def sanitize(text: str) -> str:
    """Removes control characters and NULs, and replaces lone surrogates with "?"."""
    return _CONTROL_CHARACTERS.sub("", text.encode("utf-8", "replace").decode("utf-8"))
