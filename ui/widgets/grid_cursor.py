"""A cursor in a 3 x 3 grid over a picture, which keys move and zoom, and which says in words where it is.

All boxes are left, top, right, bottom in the picture's own pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from assistant.text.i18n import ntr, tr, tr_noop

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

Box = tuple[int, int, int, int]
_PLACES = (
    (tr_noop("top left"), tr_noop("top"), tr_noop("top right")),
    (tr_noop("left"), tr_noop("middle"), tr_noop("right")),
    (tr_noop("bottom left"), tr_noop("bottom"), tr_noop("bottom right")),
)
_MOVES = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}
_ZOOM_IN_KEYS, _ZOOM_OUT_KEYS = (Qt.Key.Key_Plus, Qt.Key.Key_Equal), (Qt.Key.Key_Minus, Qt.Key.Key_Underscore)
_MIN_ZOOM_PX = 9  # a cell with a shorter side cannot be zoomed into


def place_of(box: Box, size: tuple[int, int]) -> str:
    """The ninth of a picture of this width and height that holds the middle of `box`, in words."""
    x, y = (box[0] + box[2]) / 2 / size[0], (box[1] + box[3]) / 2 / size[1]
    return tr(_PLACES[min(2, int(3 * y))][min(2, int(3 * x))])


def is_plain(event: QKeyEvent) -> bool:
    """Whether a key was pressed without Alt and Ctrl."""
    return not event.modifiers() & (Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier)


class GridCursor:
    """The cell that the keys have reached in a picture of width and height `size`, and how far they zoomed in."""

    def __init__(self, size: tuple[int, int] = (1, 1)) -> None:
        self._regions: list[Box] = [(0, 0, *size)]  # each inside the one before; the whole picture first
        self._cell = (1, 1)

    @property
    def current_region(self) -> Box:
        """The region that the grid divides."""
        return self._regions[-1]

    @property
    def current_box(self) -> Box:
        """The cell that the keys have reached."""
        left, top, right, bottom = self.current_region
        (row, column), width, height = self._cell, right - left, bottom - top
        return (
            left + width * column // 3, top + height * row // 3,
            left + width * (column + 1) // 3, top + height * (row + 1) // 3,
        )  # fmt: skip

    @property
    def place_text(self) -> str:
        """The place of the cell in words, such as "top right, zoomed twice"."""
        place, depth = tr(_PLACES[self._cell[0]][self._cell[1]]), len(self._regions) - 1
        if not depth:
            return place
        zoom = {1: tr("zoomed once"), 2: tr("zoomed twice")}.get(depth) or ntr(
            "zoomed {n} time", "zoomed {n} times", depth
        )
        return f"{place}, {zoom}"

    def handle_key(self, event: QKeyEvent) -> str:
        """Moves or zooms as the key says, and returns the new place in words; "" for any other key."""
        key = Qt.Key(event.key())
        if not is_plain(event):
            return ""
        if key in _MOVES:
            down, across = _MOVES[key]
            self._cell = (min(2, max(0, self._cell[0] + down)), min(2, max(0, self._cell[1] + across)))
            return self.place_text
        if key in _ZOOM_IN_KEYS:
            return self._zoom_in()
        return self._zoom_out() if key in _ZOOM_OUT_KEYS else ""

    def _zoom_in(self) -> str:
        left, top, right, bottom = self.current_box
        if min(right - left, bottom - top) < _MIN_ZOOM_PX:
            return tr("This is as near as it goes")
        self._regions.append(self.current_box)
        self._cell = (1, 1)
        return self.place_text

    def _zoom_out(self) -> str:
        if len(self._regions) == 1:
            return tr("This is the whole picture")
        self._regions.pop()
        self._cell = (1, 1)
        return self.place_text


def draw_grid(painter: QPainter, frame: QRectF) -> None:
    """Paints the lines between the nine cells of `frame`."""
    painter.setPen(QPen(QColor(255, 255, 255, 150), 1))
    for third in (1, 2):
        x, y = frame.left() + frame.width() * third / 3, frame.top() + frame.height() * third / 3
        painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))
        painter.drawLine(QPointF(frame.left(), y), QPointF(frame.right(), y))


def draw_outline(painter: QPainter, frame: QRectF, color: QColor, width: int) -> None:
    """Paints a box in two colours, so that it is visible on any picture."""
    for pen in (QPen(QColor(255, 255, 255, 200), width + 2), QPen(color, width)):
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(frame.adjusted(2, 2, -2, -2))
