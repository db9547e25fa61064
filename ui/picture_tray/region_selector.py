"""The large picture in the tray, in which the user selects a region: a box by mouse, or a cell of a 3 x 3 grid by keys.

All boxes are left, top, right, bottom in the picture's own pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAccessible, QColor, QImage, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from assistant.text.i18n import tr
from ui import theme
from ui.accessibility import roles
from ui.widgets.grid_cursor import Box, GridCursor, draw_grid, draw_outline, is_plain

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent

_MIN_DRAG_PX = 6  # a shorter drag is a click


class RegionSelector(QWidget):
    """Shows one picture and lets the user select a region of it.

    `region_selected` carries the box to ask about, `crop_selected` the box to crop the picture to; the keys X and T
    request a crop and a rotation by a quarter turn. `announced` carries the place in words after every step in the
    grid. While `is_cropping`, a box that is dragged with the mouse crops."""

    region_selected, crop_selected = Signal(tuple), Signal(tuple)
    rotation_requested, announced = Signal(), Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("pointing")
        roles.set_role(self, QAccessible.Role.Graphic)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMouseTracking(False)
        self._image, self._size = QImage(), (1, 1)
        self._marks: list[tuple[str, Box]] = []
        self._grid = GridCursor()
        self.is_cropping = False
        self._drag_start: QPoint | None = None
        self._drag_box = QRectF()  # in the widget's pixels

    def show_picture(self, image: QImage, name: str, size: tuple[int, int]) -> None:
        """Shows another picture, of width and height `size`, drawn from `image`, which may be smaller."""
        self._image, self._size = image, size
        self._marks, self._grid = [], GridCursor(size)
        self.setAccessibleName(tr("Point at {name}").format(name=name))
        self.setAccessibleDescription(
            tr("Arrows move in a grid of nine, plus and minus zoom, Enter asks about the place, X cuts to it, T turns")
        )
        self.updateGeometry()
        self.update()

    def add_mark(self, label: str, box: Box) -> None:
        """Draws a region that an answer points at."""
        self._marks.append((label, box))
        self.update()

    def clear_marks(self) -> None:
        """Removes all regions that answers pointed at."""
        self._marks = []
        self.update()

    @property
    def selected_box(self) -> Box:
        """The cell of the grid that the keys have reached."""
        return self._grid.current_box

    def keyPressEvent(self, event: QKeyEvent) -> None:
        actions = {
            Qt.Key.Key_Return: lambda: self.region_selected.emit(self.selected_box),
            Qt.Key.Key_Enter: lambda: self.region_selected.emit(self.selected_box),
            Qt.Key.Key_X: lambda: self.crop_selected.emit(self.selected_box),
            Qt.Key.Key_T: self.rotation_requested.emit,
        }
        key = Qt.Key(event.key())
        step = self._grid.handle_key(event)
        if step:
            self.update()
            self.announced.emit(step)
        elif is_plain(event) and key in actions:
            actions[key]()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag_start = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag_start is not None:
            dragged = QRectF(QPointF(self._drag_start), event.position()).normalized()
            self._drag_box = dragged & self._picture_frame
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag_box, self._drag_start, self._drag_box = self._drag_box, None, QRectF()
        self.update()
        if min(drag_box.width(), drag_box.height()) > _MIN_DRAG_PX:
            left, top = self._to_pixels(drag_box.topLeft())
            right, bottom = self._to_pixels(drag_box.bottomRight())
            box = (left, top, max(left + 1, right), max(top + 1, bottom))
            (self.crop_selected if self.is_cropping else self.region_selected).emit(box)

    def sizeHint(self) -> QSize:
        return QSize(260, self.heightForWidth(260))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return max(60, min(width, round(width * self._size[1] / self._size[0])))

    def paintEvent(self, event: QPaintEvent) -> None:
        colors, frame = theme.current_theme(), self._picture_frame
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(frame, self._image, self._source_rect)
        if self.hasFocus():
            draw_grid(painter, frame)
            draw_outline(painter, self._to_widget(self.selected_box), QColor(colors.accent), 3)
        for label, box in self._marks:
            outline = self._to_widget(box) & frame
            draw_outline(painter, outline, QColor(colors.warning), 2)
            painter.setPen(QColor(colors.warning))
            painter.drawText(outline.adjusted(4, 2, 0, 0), label)
        if not self._drag_box.isEmpty():
            draw_outline(painter, self._drag_box, QColor(colors.accent), 2)

    @property
    def _picture_frame(self) -> QRectF:
        """Where the picture is drawn, in the widget's pixels."""
        left, top, right, bottom = self._grid.current_region
        size = QSize(right - left, bottom - top).scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        return QRectF(
            (self.width() - size.width()) / 2, (self.height() - size.height()) / 2, size.width(), size.height()
        )

    @property
    def _source_rect(self) -> QRectF:
        """The visible part of the small image, in its pixels."""
        left, top, right, bottom = self._grid.current_region
        scale_x, scale_y = self._image.width() / self._size[0], self._image.height() / self._size[1]
        return QRectF(left * scale_x, top * scale_y, (right - left) * scale_x, (bottom - top) * scale_y)

    def _to_widget(self, box: Box) -> QRectF:
        """A box of the picture in the widget's pixels."""
        frame, (left, top, right, bottom) = self._picture_frame, self._grid.current_region
        scale_x, scale_y = frame.width() / (right - left), frame.height() / (bottom - top)
        return QRectF(
            frame.left() + (box[0] - left) * scale_x, frame.top() + (box[1] - top) * scale_y,
            (box[2] - box[0]) * scale_x, (box[3] - box[1]) * scale_y,
        )  # fmt: skip

    def _to_pixels(self, point: QPointF) -> tuple[int, int]:
        """A point of the widget in the picture's pixels."""
        frame, (left, top, right, bottom) = self._picture_frame, self._grid.current_region
        x = left + (point.x() - frame.left()) / frame.width() * (right - left)
        y = top + (point.y() - frame.top()) / frame.height() * (bottom - top)
        return min(right, max(left, round(x))), min(bottom, max(top, round(y)))
