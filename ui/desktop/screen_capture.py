"""Takes pictures: of the screen, of a part of it that the user selects, and with the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QObject, QPoint, QRect, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAccessible, QColor, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from assistant.errors import NotAvailableError
from assistant.text.i18n import tr, tr_noop
from ui import theme
from ui.accessibility import roles
from ui.child_process import ChildProcess
from ui.widgets.grid_cursor import Box, GridCursor, draw_grid, draw_outline

if TYPE_CHECKING:
    from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPaintEvent

CAPTURE_FORBIDDEN_TEXT = tr_noop(
    "This desktop lets no program capture the screen. Use its own key for it, then paste with Ctrl+V."
)
BLACK_SCREEN_TEXT = tr_noop("The screen is black: perhaps a screen curtain is on. Nothing was captured.")
_CAMERA_TIMEOUT_MS = 15_000
_MIN_REGION_PX = 8  # a shorter side is a slip of the mouse


def capture_screen(window: QWidget, number: int = 0) -> QPixmap:
    """Captures the screen that `window` is on, or another program's window by its X11 number.

    Raises `NotAvailableError` where the desktop forbids it, and where all of the picture is black."""
    capture = window.screen().grabWindow(number)
    if capture.isNull():
        raise NotAvailableError("screen", tr(CAPTURE_FORBIDDEN_TEXT), "")
    if is_black(capture.toImage()):
        raise NotAvailableError("screen", tr(BLACK_SCREEN_TEXT), "")
    return capture


class CameraCapture(ChildProcess):
    """Takes a photograph in a process of its own, with the camera of this number ("" for the first).

    `photo_taken` carries it as PNG, or no bytes if that failed."""

    photo_taken = Signal(bytes)

    def __init__(self, parent: QObject, device: str) -> None:
        super().__init__(parent)
        self.finished.connect(self._on_end)
        QTimer.singleShot(_CAMERA_TIMEOUT_MS, self.kill)  # a driver that hangs
        self.start_module("assistant.pictures.camera", device or "0")

    @Slot()
    def _on_end(self) -> None:
        self.photo_taken.emit(bytes(self.readAllStandardOutput().data()))
        self.deleteLater()


def encode_png(picture: QPixmap) -> bytes:
    """The picture as the bytes of a PNG file."""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    return bytes(buffer.data().data())


class RegionOverlay(QWidget):
    """Shows a capture on the whole screen, in which the user selects a region: by mouse, or a grid cell by keys.

    `region_captured` carries the selected part; `announced` the place in words after every step in the grid. Esc closes
    it without a selection."""

    region_captured, announced = Signal(QPixmap), Signal(str)

    def __init__(self, capture: QPixmap) -> None:
        super().__init__(None, Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        roles.set_role(self, QAccessible.Role.Graphic)
        self.setAccessibleName(tr("Choose a part of the screen"))
        self.setAccessibleDescription(
            tr("Arrows move in a grid of nine, plus and minus zoom, Enter takes the place, or drag a box. Esc leaves.")
        )
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._capture, self._drag_start = capture, QPoint()
        self._drag_box = QRect()  # in the widget's pixels
        self._grid = GridCursor((capture.width(), capture.height()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag_start = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._drag_box = QRect(self._drag_start, event.position().toPoint()).normalized()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if min(self._drag_box.width(), self._drag_box.height()) >= _MIN_REGION_PX:
            ratio = self._capture.width() / max(1, self.width())
            self._emit_region(QRect(self._drag_box.topLeft() * ratio, self._drag_box.size() * ratio))
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            left, top, right, bottom = self._grid.current_box
            self._emit_region(QRect(left, top, right - left, bottom - top))
            self.close()
        elif step := self._grid.handle_key(event):
            self.update()
            self.announced.emit(step)

    def _emit_region(self, region: QRect) -> None:
        self.region_captured.emit(self._capture.copy(region & self._capture.rect()))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(self.rect(), self._capture)
        painter.fillRect(self.rect(), QColor(0, 0, 0, 90))
        region = QRectF(self._drag_box) if not self._drag_box.isEmpty() else self._to_widget(self._grid.current_box)
        painter.setClipRect(region)
        painter.drawPixmap(self.rect(), self._capture)
        painter.setClipping(False)
        if self._drag_box.isEmpty():
            draw_grid(painter, self._to_widget(self._grid.current_region))
        draw_outline(painter, region, QColor(theme.current_theme().accent), 2)

    def _to_widget(self, box: Box) -> QRectF:
        """A box of the capture in the widget's pixels."""
        scale_x, scale_y = self.width() / self._capture.width(), self.height() / self._capture.height()
        left, top, right, bottom = box
        return QRectF(left * scale_x, top * scale_y, (right - left) * scale_x, (bottom - top) * scale_y)


def is_black(image: QImage) -> bool:
    """Whether a capture is all black, as it is behind a screen curtain."""
    small = image.scaled(64, 64).convertToFormat(image.Format.Format_Grayscale8)
    return max(bytes(small.constBits()), default=0) < 8
