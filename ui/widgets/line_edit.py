"""A line edit that screen readers announce when Tab reaches it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QLineEdit


class LineEdit(QLineEdit):
    """A line edit with an accessible name and a placeholder.

    When Tab reaches a line edit, Qt selects its text before it reports the new focus; Orca then says nothing of the
    field. So the reason of the focus is changed to one for which Qt selects nothing."""

    def __init__(self, name: str, hint: str = "") -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPlaceholderText(hint)
        self.setAcceptDrops(False)  # a dropped file goes to the picture tray

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(QFocusEvent(event.type(), Qt.FocusReason.OtherFocusReason))
