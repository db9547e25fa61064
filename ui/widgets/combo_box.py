"""A combo box that paints its own arrow: the style sheet would need a picture file for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QSignalBlocker, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QComboBox

from assistant.text.i18n import tr
from ui import theme
from ui.widgets.labels import MAX_NAME_LETTERS, shorten_text

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QWheelEvent


class ComboBox(QComboBox):
    """A combo box whose choice the mouse wheel does not change: it scrolls the page."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(10)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_entries(self, entries: Sequence[tuple[str, str]], selected: str) -> None:
        """Replaces the entries, pairs of a value and a name, and selects one; it is added if it is not among them."""
        blocker = QSignalBlocker(self)
        self.clear()
        for value, name in entries:
            self.addItem(shorten_text(name, MAX_NAME_LETTERS), value)
        if self.findData(selected) < 0:
            self.addItem(tr("{name} (not here)").format(name=shorten_text(selected, MAX_NAME_LETTERS)), selected)
        self.setCurrentIndex(self.findData(selected))
        blocker.unblock()

    def event(self, event: QEvent) -> bool:
        """Alt+Up and Alt+Down open the list, as everywhere; elsewhere in the window they change the speed."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_alt = event.modifiers() == Qt.KeyboardModifier.AltModifier
            if is_alt and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                event.accept()
                return True
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.current_theme().muted), 1.6))
        mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        x, y = 12 if mirrored else self.width() - 20, self.height() // 2 - 2
        painter.drawPolyline([QPointF(x, y), QPointF(x + 4, y + 4), QPointF(x + 8, y)])
