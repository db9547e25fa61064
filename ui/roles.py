"""Roles for widgets of our own, as screen readers know them: a notification, a picture. Knows nothing of what they
show."""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAccessibleWidget, QWidget

_kept: list[Any] = []  # Qt does not keep what a factory made


def give(widget: QWidget, role: QAccessible.Role) -> None:
    """What Qt takes for a mere area is known as this."""
    if not _kept:
        _kept.append(_made)
        QAccessible.installFactory(_made)
    widget.accessible_role = role


def _made(_kind: str, what: Any) -> Any:
    role = getattr(what, "accessible_role", None)
    if role is None:
        return None
    _kept.append(QAccessibleWidget(what, role))
    return _kept[-1]
