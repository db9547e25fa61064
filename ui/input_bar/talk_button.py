"""The talk button and the level meter. Know nothing of sound: they show a number and tell when they are pressed."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from assistant.text.i18n import tr
from ui import theme
from ui.widgets.labels import set_tool_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_HOLD = 350  # milliseconds; let go earlier, the button was tapped


class TalkButton(QAbstractButton):
    """`down` when talking begins, `up(tapped)` when the key or button is let go."""

    down, up = Signal(), Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Talk"))
        self.setAccessibleDescription(tr("Hold to talk, or tap and speak. The key F9 does the same everywhere."))
        set_tool_tip(self, tr("Hold to talk, or tap and speak (F9)"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._since = QElapsedTimer()
        self._on, self._why_not = False, ""
        self.pressed.connect(self.press_down)
        self.released.connect(self.release)

    @property
    def why_not(self) -> str:
        """Why one cannot talk now; "" when one can."""
        return self._why_not

    def set_available(self, possible: bool, why_not: str) -> None:
        """Whether one can talk now, and else why not."""
        self._why_not = "" if possible else why_not
        self.setEnabled(possible)
        set_tool_tip(self, tr("Hold to talk, or tap and speak (F9)") if possible else why_not)

    def show_on(self, on: bool) -> None:
        self._on = on
        self.setAccessibleName(tr("Talk, listening") if on else tr("Talk"))
        self.update()

    @Slot()
    def press_down(self) -> None:
        self._since.start()
        self.show_on(True)
        self.down.emit()

    @Slot()
    def release(self) -> None:
        self.up.emit(self._since.elapsed() < _HOLD)

    def sizeHint(self) -> QSize:
        return QSize(92, 92)

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = min(self.width(), self.height()) - 4
        around = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        ring = now.accent if self._on or self.hasFocus() else now.line
        painter.setPen(QPen(QColor(ring), 2.5 if self.hasFocus() else 1.2))
        painter.setBrush(QColor(now.accent_soft if self._on else now.raised))
        painter.drawEllipse(around)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(now.accent if self.isEnabled() else now.muted))
        painter.drawEllipse(around.adjusted(7, 7, -7, -7))
        draw_microphone(painter, around.center(), side / 92, QColor(now.on_accent))


def draw_microphone(painter: QPainter, at: QPointF, scale: float, color: QColor) -> None:
    painter.translate(at)
    painter.scale(scale, scale)
    painter.setBrush(color)
    painter.drawRoundedRect(QRectF(-6, -17, 12, 21), 6, 6)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color, 2.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawArc(QRectF(-11, -13, 22, 22), 180 * 16, 180 * 16)
    painter.drawLine(QPointF(0, 10), QPointF(0, 15))


class LevelMeter(QWidget):
    """The last levels as bars, or where nothing may move the last one in steps. It has no value for a screen
    reader: every change would be read."""

    _BARS, _STEPS = 9, 3

    def __init__(self) -> None:
        super().__init__()
        self._levels: deque[float] = deque([0.0] * self._BARS, maxlen=self._BARS)
        self.setFixedSize(self._BARS * 7, 22)

    def add_level(self, level: float) -> None:
        """A level from 0 to 1."""
        if theme.is_still():
            # Bars as high as they stand; how many there are tells the level.
            shown = min(self._STEPS, math.ceil(level**0.5 * self._STEPS - 0.2)) * self._BARS // self._STEPS
            kept = [0.5] * shown + [0.0] * (self._BARS - shown)
            if kept != list(self._levels):
                self._levels.extend(kept)
                self.update()
        elif level or any(self._levels):
            self._levels.append(level)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.current_theme().accent))
        for place, level in enumerate(self._levels):
            # A square root: quiet speech is seen too.
            height = max(3.0, min(1.0, level**0.5) * self.height())
            painter.drawRoundedRect(QRectF(place * 7, self.height() - height, 4, height), 2, 2)
