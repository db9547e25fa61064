"""A picture to point at: a box by mouse, or a 3 x 3 grid by keys, each step told. Knows nothing of the engine.

All boxes are left, top, right, bottom in the picture's own pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from assistant.words.tongue import mark, tr, trn
from ui import style

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent

Box = tuple[int, int, int, int]
_PLACES = (
    (mark("top left"), mark("top"), mark("top right")),
    (mark("left"), mark("middle"), mark("right")),
    (mark("bottom left"), mark("bottom"), mark("bottom right")),
)
_SMALLEST = 9  # pixels of a side that can be zoomed into
_DRAGGED = 6  # points; a shorter drag is a click


def place_of(box: Box, size: tuple[int, int]) -> str:
    """Where a box lies, in words: the ninth of the picture that holds its middle."""
    x, y = (box[0] + box[2]) / 2 / size[0], (box[1] + box[3]) / 2 / size[1]
    return tr(_PLACES[min(2, int(3 * y))][min(2, int(3 * x))])


class Pointing(QWidget):
    """`pointed` gives the box that is asked about, `cropped` the one that the picture is cut to, `turned` asks for a
    quarter turn, `told` is what a screen reader says of a step. While `cropping`, the mouse's box cuts."""

    pointed, cropped, turned, told = Signal(tuple), Signal(tuple), Signal(), Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("pointing")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMouseTracking(False)
        self._image, self._size = QImage(), (1, 1)
        self._marks: list[tuple[str, Box]] = []
        self._regions: list[Box] = []  # one inside the other, the whole picture first
        self._cell = (1, 1)
        self.cropping = False
        self._from: QPoint | None = None
        self._dragged = QRectF()

    def show_picture(self, image: QImage, name: str, size: tuple[int, int]) -> None:
        """Another picture of `size` pixels, drawn from a smaller `image` of it."""
        self._image, self._size = image, size
        self._marks, self._regions, self._cell = [], [(0, 0, *size)], (1, 1)
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
    def box(self) -> Box:
        """The cell that is pointed at."""
        left, top, right, bottom = self._regions[-1]
        (row, column), width, height = self._cell, right - left, bottom - top
        return (
            left + width * column // 3, top + height * row // 3,
            left + width * (column + 1) // 3, top + height * (row + 1) // 3,
        )  # fmt: skip

    @property
    def words(self) -> str:
        """Where it points, such as "top right, zoomed twice"."""
        place, deep = tr(_PLACES[self._cell[0]][self._cell[1]]), len(self._regions) - 1
        if not deep:
            return place
        often = {1: tr("zoomed once"), 2: tr("zoomed twice")}.get(deep) or trn(
            "zoomed {n} time", "zoomed {n} times", deep
        )
        return f"{place}, {often}"

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, column = self._cell
        moves = {
            Qt.Key.Key_Left: (row, column - 1), Qt.Key.Key_Right: (row, column + 1),
            Qt.Key.Key_Up: (row - 1, column), Qt.Key.Key_Down: (row + 1, column),
        }  # fmt: skip
        do = {
            Qt.Key.Key_Plus: self._zoom_in, Qt.Key.Key_Equal: self._zoom_in,
            Qt.Key.Key_Minus: self._zoom_out, Qt.Key.Key_Underscore: self._zoom_out,
            Qt.Key.Key_Return: lambda: self.pointed.emit(self.box),
            Qt.Key.Key_Enter: lambda: self.pointed.emit(self.box),
            Qt.Key.Key_X: lambda: self.cropped.emit(self.box), Qt.Key.Key_T: self.turned.emit,
        }  # fmt: skip
        key = Qt.Key(event.key())
        plain = not event.modifiers() & (Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier)
        if plain and key in moves:
            self._cell = tuple(min(2, max(0, one)) for one in moves[key])  # type: ignore[assignment]
            self._tell()
        elif plain and key in do:
            do[key]()
        else:
            super().keyPressEvent(event)

    def _zoom_in(self) -> None:
        left, top, right, bottom = self.box
        if min(right - left, bottom - top) >= _SMALLEST:
            self._regions.append(self.box)
            self._cell = (1, 1)
            self._tell()
        else:
            self.told.emit(tr("This is as near as it goes"))

    def _zoom_out(self) -> None:
        if len(self._regions) > 1:
            self._regions.pop()
            self._cell = (1, 1)
            self._tell()
        else:
            self.told.emit(tr("This is the whole picture"))

    def _tell(self) -> None:
        self.update()
        self.told.emit(self.words)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._from = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is not None:
            self._dragged = QRectF(QPointF(self._from), event.position()).normalized() & self._frame
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        dragged, self._from, self._dragged = self._dragged, None, QRectF()
        self.update()
        if min(dragged.width(), dragged.height()) > _DRAGGED:
            left, top = self._to_pixels(dragged.topLeft())
            right, bottom = self._to_pixels(dragged.bottomRight())
            box = (left, top, max(left + 1, right), max(top + 1, bottom))
            (self.cropped if self.cropping else self.pointed).emit(box)

    def sizeHint(self) -> QSize:
        return QSize(260, self.heightForWidth(260))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return max(60, min(width, round(width * self._size[1] / self._size[0])))

    def paintEvent(self, event: QPaintEvent) -> None:
        now, frame = style.theme(), self._frame
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(frame, self._image, self._source)
        if self.hasFocus():
            painter.setPen(QPen(QColor(255, 255, 255, 150), 1))
            for third in (1, 2):
                x, y = frame.left() + frame.width() * third / 3, frame.top() + frame.height() * third / 3
                painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))
                painter.drawLine(QPointF(frame.left(), y), QPointF(frame.right(), y))
            self._outline(painter, self._to_screen(self.box), QColor(now.accent), 3)
        for label, box in self._marks:
            where = self._to_screen(box) & frame
            self._outline(painter, where, QColor(now.warm), 2)
            painter.setPen(QColor(now.warm))
            painter.drawText(where.adjusted(4, 2, 0, 0), label)
        if not self._dragged.isEmpty():
            self._outline(painter, self._dragged, QColor(now.accent), 2)

    @staticmethod
    def _outline(painter: QPainter, where: QRectF, color: QColor, width: int) -> None:
        """In two colours, so that it shows on any picture."""
        for pen in (QPen(QColor(255, 255, 255, 200), width + 2), QPen(color, width)):
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(where.adjusted(2, 2, -2, -2))

    @property
    def _frame(self) -> QRectF:
        """Where the picture is drawn."""
        left, top, right, bottom = self._regions[-1] if self._regions else (0, 0, 1, 1)
        size = QSize(right - left, bottom - top).scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        return QRectF(
            (self.width() - size.width()) / 2, (self.height() - size.height()) / 2, size.width(), size.height()
        )

    @property
    def _source(self) -> QRectF:
        """The part of the small image that is seen."""
        left, top, right, bottom = self._regions[-1] if self._regions else (0, 0, 1, 1)
        x, y = self._image.width() / self._size[0], self._image.height() / self._size[1]
        return QRectF(left * x, top * y, (right - left) * x, (bottom - top) * y)

    def _to_screen(self, box: Box) -> QRectF:
        frame, (left, top, right, bottom) = self._frame, self._regions[-1]
        x, y = frame.width() / (right - left), frame.height() / (bottom - top)
        return QRectF(
            frame.left() + (box[0] - left) * x, frame.top() + (box[1] - top) * y,
            (box[2] - box[0]) * x, (box[3] - box[1]) * y,
        )  # fmt: skip

    def _to_pixels(self, at: QPointF) -> tuple[int, int]:
        frame, (left, top, right, bottom) = self._frame, self._regions[-1]
        x = left + (at.x() - frame.left()) / frame.width() * (right - left)
        y = top + (at.y() - frame.top()) / frame.height() * (bottom - top)
        return min(right, max(left, round(x))), min(bottom, max(top, round(y)))
