"""Roles for widgets of our own, as screen readers know them: a notification, a picture. Knows nothing of what they
show."""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAccessibleWidget, QWidget

_kept: list[Any] = []  # Qt does not keep what a factory made


def set_role(widget: QWidget, role: QAccessible.Role) -> None:
    """What Qt takes for a mere area is known as this."""
    if not _kept:
        _kept.append(_make_accessible)
        QAccessible.installFactory(_make_accessible)
    widget.accessible_role = role  # type: ignore[attr-defined]


def _make_accessible(_kind: str, what: Any) -> Any:
    role = getattr(what, "accessible_role", None)
    if role is None:
        return None
    _kept.append(QAccessibleWidget(what, role))
    return _kept[-1]
