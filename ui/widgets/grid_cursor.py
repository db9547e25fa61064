"""A 3 x 3 grid over a picture, moved in and zoomed by keys, each step in words. Knows nothing of what is chosen for.

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
_NEARER, _FARTHER = (Qt.Key.Key_Plus, Qt.Key.Key_Equal), (Qt.Key.Key_Minus, Qt.Key.Key_Underscore)
_SMALLEST = 9  # pixels of a side that can be zoomed into


def place_of(box: Box, size: tuple[int, int]) -> str:
    """Where a box lies, in words: the ninth of the picture that holds its middle."""
    x, y = (box[0] + box[2]) / 2 / size[0], (box[1] + box[3]) / 2 / size[1]
    return tr(_PLACES[min(2, int(3 * y))][min(2, int(3 * x))])


def is_plain(event: QKeyEvent) -> bool:
    """Whether a key is pressed without Alt and Ctrl."""
    return not event.modifiers() & (Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier)


class GridCursor:
    """Of a picture of `size` pixels."""

    def __init__(self, size: tuple[int, int] = (1, 1)) -> None:
        self._regions: list[Box] = [(0, 0, *size)]  # one inside the other, the whole picture first
        self._cell = (1, 1)

    @property
    def current_region(self) -> Box:
        """What is zoomed into."""
        return self._regions[-1]

    @property
    def current_box(self) -> Box:
        """The cell that is pointed at."""
        left, top, right, bottom = self.current_region
        (row, column), width, height = self._cell, right - left, bottom - top
        return (
            left + width * column // 3, top + height * row // 3,
            left + width * (column + 1) // 3, top + height * (row + 1) // 3,
        )  # fmt: skip

    @property
    def describe_place(self) -> str:
        """Where it points, such as "top right, zoomed twice"."""
        place, deep = tr(_PLACES[self._cell[0]][self._cell[1]]), len(self._regions) - 1
        if not deep:
            return place
        often = {1: tr("zoomed once"), 2: tr("zoomed twice")}.get(deep) or ntr(
            "zoomed {n} time", "zoomed {n} times", deep
        )
        return f"{place}, {often}"

    def handle_key(self, event: QKeyEvent) -> str:
        """Goes where a key leads, and tells it in words; "" for a key that leads nowhere."""
        key = Qt.Key(event.key())
        if not is_plain(event):
            return ""
        if key in _MOVES:
            down, across = _MOVES[key]
            self._cell = (min(2, max(0, self._cell[0] + down)), min(2, max(0, self._cell[1] + across)))
            return self.describe_place
        if key in _NEARER:
            return self._zoom_in()
        return self._zoom_out() if key in _FARTHER else ""

    def _zoom_in(self) -> str:
        left, top, right, bottom = self.current_box
        if min(right - left, bottom - top) < _SMALLEST:
            return tr("This is as near as it goes")
        self._regions.append(self.current_box)
        self._cell = (1, 1)
        return self.describe_place

    def _zoom_out(self) -> str:
        if len(self._regions) == 1:
            return tr("This is the whole picture")
        self._regions.pop()
        self._cell = (1, 1)
        return self.describe_place


def draw_grid(painter: QPainter, frame: QRectF) -> None:
    """The lines between the cells."""
    painter.setPen(QPen(QColor(255, 255, 255, 150), 1))
    for third in (1, 2):
        x, y = frame.left() + frame.width() * third / 3, frame.top() + frame.height() * third / 3
        painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))
        painter.drawLine(QPointF(frame.left(), y), QPointF(frame.right(), y))


def draw_outline(painter: QPainter, where: QRectF, color: QColor, width: int) -> None:
    """In two colours, so that it shows on any picture."""
    for pen in (QPen(QColor(255, 255, 255, 200), width + 2), QPen(color, width)):
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(where.adjusted(2, 2, -2, -2))
