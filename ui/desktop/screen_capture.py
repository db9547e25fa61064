"""The screen as a picture: all of it, or a part that is dragged out or chosen by keys; a photograph from the camera.
Knows nothing of the engine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QObject, QPoint, QProcess, QRect, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAccessible, QColor, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from assistant.errors import NotAvailableError
from assistant.text.i18n import tr, tr_noop
from ui import theme
from ui.accessibility import roles
from ui.widgets.grid_cursor import Box, GridCursor, draw_grid, draw_outline

if TYPE_CHECKING:
    from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPaintEvent

FORBIDDEN = tr_noop("This desktop lets no program capture the screen. Use its own key for it, then paste with Ctrl+V.")
BLACK = tr_noop("The screen is black: perhaps a screen curtain is on. Nothing was captured.")
_PATIENCE = 15_000  # milliseconds
_SMALLEST = 8  # points of a side; less is a slip


def capture_screen(window: QWidget, number: int = 0) -> QPixmap:
    """Captures the screen that `window` is on, or another program's window by its X11 number.

    Raises `NotAvailableError` where the desktop forbids it, and where all of the picture is black."""
    capture = window.screen().grabWindow(number)
    if capture.isNull():
        raise NotAvailableError("screen", tr(FORBIDDEN), "")
    if is_black(capture.toImage()):
        raise NotAvailableError("screen", tr(BLACK), "")
    return capture


class CameraCapture(QProcess):
    """Takes one from the camera of this number, or the first; `taken` gives it as PNG, or nothing. Waits for nobody."""

    photo_taken = Signal(bytes)

    def __init__(self, parent: QObject, device: str) -> None:
        super().__init__(parent)
        self.finished.connect(self._on_end)
        QTimer.singleShot(_PATIENCE, self.kill)  # a driver that hangs
        self.start(sys.executable, ["-P", "-m", "assistant.pictures.camera", device or "0"])

    @Slot()
    def _on_end(self) -> None:
        self.photo_taken.emit(bytes(self.readAllStandardOutput().data()))
        self.deleteLater()


def encode_png(shot: QPixmap) -> bytes:
    """As PNG."""
    data = QBuffer()
    data.open(QBuffer.OpenModeFlag.WriteOnly)
    shot.save(data, "PNG")
    return bytes(data.data().data())


class RegionOverlay(QWidget):
    """Shows a capture over all of the screen; `taken` gives the part that was dragged out, or the cell of a grid that
    was chosen by keys, each step of which is `told`. Esc leaves it."""

    region_captured, announced = Signal(QPixmap), Signal(str)

    def __init__(self, shot: QPixmap) -> None:
        super().__init__(None, Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        roles.set_role(self, QAccessible.Role.Graphic)
        self.setAccessibleName(tr("Choose a part of the screen"))
        self.setAccessibleDescription(
            tr("Arrows move in a grid of nine, plus and minus zoom, Enter takes the place, or drag a box. Esc leaves.")
        )
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._shot, self._from, self._box = shot, QPoint(), QRect()
        self._grid = GridCursor((shot.width(), shot.height()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._from = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._box = QRect(self._from, event.position().toPoint()).normalized()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if min(self._box.width(), self._box.height()) >= _SMALLEST:
            ratio = self._shot.width() / max(1, self.width())
            self._take_part(QRect(self._box.topLeft() * ratio, self._box.size() * ratio))
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            left, top, right, bottom = self._grid.current_box
            self._take_part(QRect(left, top, right - left, bottom - top))
            self.close()
        elif told := self._grid.handle_key(event):
            self.update()
            self.announced.emit(told)

    def _take_part(self, part: QRect) -> None:
        self.region_captured.emit(self._shot.copy(part & self._shot.rect()))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(self.rect(), self._shot)
        painter.fillRect(self.rect(), QColor(0, 0, 0, 90))
        lit = QRectF(self._box) if not self._box.isEmpty() else self._to_screen(self._grid.current_box)
        painter.setClipRect(lit)
        painter.drawPixmap(self.rect(), self._shot)
        painter.setClipping(False)
        if self._box.isEmpty():
            draw_grid(painter, self._to_screen(self._grid.current_region))
        draw_outline(painter, lit, QColor(theme.current_theme().accent), 2)

    def _to_screen(self, box: Box) -> QRectF:
        x, y = self.width() / self._shot.width(), self.height() / self._shot.height()
        return QRectF(box[0] * x, box[1] * y, (box[2] - box[0]) * x, (box[3] - box[1]) * y)


def is_black(image: QImage) -> bool:
    """Whether a capture shows nothing at all."""
    small = image.scaled(64, 64).convertToFormat(image.Format.Format_Grayscale8)
    return max(bytes(small.constBits()), default=0) < 8
