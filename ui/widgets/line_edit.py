"""A line to type into, that screen readers tell of when Tab comes to it. Knows nothing of what is typed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QLineEdit


class LineEdit(QLineEdit):
    """Qt selects all when Tab comes in, before it tells that the focus has come: Orca then takes the line for known
    and says nothing of it."""

    def __init__(self, name: str, hint: str = "") -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPlaceholderText(hint)
        self.setAcceptDrops(False)  # a dropped file is for the tray

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(QFocusEvent(event.type(), Qt.FocusReason.OtherFocusReason))
