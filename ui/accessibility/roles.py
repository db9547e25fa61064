"""Gives widgets that Qt does not know a role for screen readers, such as a notification or a graphic."""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAccessibleWidget, QWidget

_ROLE_PROPERTY = "accessible_role"
_kept_alive: list[Any] = []  # Qt does not own what a factory returns


def set_role(widget: QWidget, role: QAccessible.Role) -> None:
    """Reports `widget` to screen readers as `role`; Qt would report a plain area."""
    if not _kept_alive:
        _kept_alive.append(_make_accessible)
        QAccessible.installFactory(_make_accessible)
    widget.setProperty(_ROLE_PROPERTY, role)


def _make_accessible(_class_name: str, target: Any) -> Any:
    role = target.property(_ROLE_PROPERTY) if isinstance(target, QWidget) else None
    if role is None:
        return None
    _kept_alive.append(QAccessibleWidget(target, role))
    return _kept_alive[-1]
