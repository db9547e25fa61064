"""A picture to point at: a box by mouse, or a 3 x 3 grid by keys, each step told. Knows nothing of the engine.

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

_DRAGGED = 6  # points; a shorter drag is a click


class RegionSelector(QWidget):
    """`pointed` gives the box that is asked about, `cropped` the one that the picture is cut to, `turned` asks for a
    quarter turn, `told` is what a screen reader says of a step. While `cropping`, the mouse's box cuts."""

    region_selected, crop_selected, rotation_requested, announced = Signal(tuple), Signal(tuple), Signal(), Signal(str)

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
        self._from: QPoint | None = None
        self._dragged = QRectF()

    def show_picture(self, image: QImage, name: str, size: tuple[int, int]) -> None:
        """Another picture of `size` pixels, drawn from a smaller `image` of it."""
        self._image, self._size = image, size
        self._marks, self._grid = [], GridCursor(size)
        self.setAccessibleName(tr("Point at {name}").format(name=name))
        self.setAccessibleDescription(
            tr("Arrows move in a grid of nine, plus and minus zoom, Enter asks about the place, X cuts to it, T turns")
        )
        self.updateGeometry()
        self.update()

    def point_out(self, label: str, box: Box) -> None:
        """A place that an answer names."""
        self._marks.append((label, box))
        self.update()

    def clear_marks(self) -> None:
        self._marks = []
        self.update()

    @property
    def selected_box(self) -> Box:
        """The cell that is pointed at."""
        return self._grid.current_box

    @property
    def describe_selection(self) -> str:
        """Where it points, such as "top right, zoomed twice"."""
        return self._grid.describe_place

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
        self._from = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is not None:
            self._dragged = QRectF(QPointF(self._from), event.position()).normalized() & self._picture_frame
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        dragged, self._from, self._dragged = self._dragged, None, QRectF()
        self.update()
        if min(dragged.width(), dragged.height()) > _DRAGGED:
            left, top = self._to_pixels(dragged.topLeft())
            right, bottom = self._to_pixels(dragged.bottomRight())
            box = (left, top, max(left + 1, right), max(top + 1, bottom))
            (self.crop_selected if self.is_cropping else self.region_selected).emit(box)

    def sizeHint(self) -> QSize:
        return QSize(260, self.heightForWidth(260))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return max(60, min(width, round(width * self._size[1] / self._size[0])))

    def paintEvent(self, event: QPaintEvent) -> None:
        now, frame = theme.current_theme(), self._picture_frame
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(frame, self._image, self._source_rect)
        if self.hasFocus():
            draw_grid(painter, frame)
            draw_outline(painter, self._to_screen(self.selected_box), QColor(now.accent), 3)
        for label, box in self._marks:
            where = self._to_screen(box) & frame
            draw_outline(painter, where, QColor(now.warm), 2)
            painter.setPen(QColor(now.warm))
            painter.drawText(where.adjusted(4, 2, 0, 0), label)
        if not self._dragged.isEmpty():
            draw_outline(painter, self._dragged, QColor(now.accent), 2)

    @property
    def _picture_frame(self) -> QRectF:
        """Where the picture is drawn."""
        left, top, right, bottom = self._grid.current_region
        size = QSize(right - left, bottom - top).scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        return QRectF(
            (self.width() - size.width()) / 2, (self.height() - size.height()) / 2, size.width(), size.height()
        )

    @property
    def _source_rect(self) -> QRectF:
        """The part of the small image that is seen."""
        left, top, right, bottom = self._grid.current_region
        x, y = self._image.width() / self._size[0], self._image.height() / self._size[1]
        return QRectF(left * x, top * y, (right - left) * x, (bottom - top) * y)

    def _to_screen(self, box: Box) -> QRectF:
        frame, (left, top, right, bottom) = self._picture_frame, self._grid.current_region
        x, y = frame.width() / (right - left), frame.height() / (bottom - top)
        return QRectF(
            frame.left() + (box[0] - left) * x, frame.top() + (box[1] - top) * y,
            (box[2] - box[0]) * x, (box[3] - box[1]) * y,
        )  # fmt: skip

    def _to_pixels(self, at: QPointF) -> tuple[int, int]:
        frame, (left, top, right, bottom) = self._picture_frame, self._grid.current_region
        x = left + (at.x() - frame.left()) / frame.width() * (right - left)
        y = top + (at.y() - frame.top()) / frame.height() * (bottom - top)
        return min(right, max(left, round(x))), min(bottom, max(top, round(y)))
