"""The screen as a picture: all of it, or a part that is dragged out with the mouse; a photograph from the camera.
Knows nothing of the engine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QObject, QPoint, QProcess, QRect, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from assistant.words.tongue import mark, tr
from ui import style

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent

FORBIDDEN = mark("This desktop lets no program capture the screen. Use its own key for it, then paste with Ctrl+V.")
_PATIENCE = 15_000  # milliseconds
_SMALLEST = 8  # points of a side; less is a slip


def whole(window: QWidget, number: int = 0) -> tuple[QPixmap, str]:
    """The screen that a window is on, or another program's window of this number; or an empty picture, and why."""
    shot = window.screen().grabWindow(number)
    if shot.isNull():
        return shot, tr(FORBIDDEN)
    if _is_black(shot):
        return QPixmap(), tr("The screen is black: perhaps a screen curtain is on. Nothing was captured.")
    return shot, ""


class Photograph(QProcess):
    """Takes one from the camera of this number, or the first; `taken` gives it as PNG, or nothing. Waits for nobody."""

    taken = Signal(bytes)

    def __init__(self, parent: QObject, device: str) -> None:
        super().__init__(parent)
        self.finished.connect(self._on_end)
        QTimer.singleShot(_PATIENCE, self.kill)  # a driver that hangs
        self.start(sys.executable, ["-P", "-m", "assistant.pictures.camera", device or "0"])

    @Slot()
    def _on_end(self) -> None:
        self.taken.emit(bytes(self.readAllStandardOutput().data()))
        self.deleteLater()


def encoded(shot: QPixmap) -> bytes:
    """As PNG."""
    data = QBuffer()
    data.open(QBuffer.OpenModeFlag.WriteOnly)
    shot.save(data, "PNG")
    return bytes(data.data().data())


class Region(QWidget):
    """Shows a capture over all of the screen; `taken` gives the part that was dragged out. Esc leaves it."""

    taken = Signal(QPixmap)

    def __init__(self, shot: QPixmap) -> None:
        super().__init__(None, Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(tr("Drag a box around the part that you mean. Esc leaves."))
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._shot, self._from, self._box = shot, QPoint(), QRect()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._from = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._box = QRect(self._from, event.position().toPoint()).normalized()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if min(self._box.width(), self._box.height()) >= _SMALLEST:
            ratio = self._shot.width() / max(1, self.width())
            part = QRect(self._box.topLeft() * ratio, self._box.size() * ratio)
            self.taken.emit(self._shot.copy(part & self._shot.rect()))
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(self.rect(), self._shot)
        painter.fillRect(self.rect(), QColor(0, 0, 0, 90))
        if not self._box.isEmpty():
            painter.setClipRect(self._box)
            painter.drawPixmap(self.rect(), self._shot)
            painter.setClipping(False)
            painter.setPen(QPen(QColor(style.theme().accent), 2))
            painter.drawRect(self._box)


def _is_black(shot: QPixmap) -> bool:
    """Whether a capture shows nothing at all."""
    image = shot.toImage()
    small = image.scaled(64, 64).convertToFormat(image.Format.Format_Grayscale8)
    return max(bytes(small.constBits()), default=0) < 8
