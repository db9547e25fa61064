"""A meter that shows the level of the microphone."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

from ui import theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent


class LevelMeter(QWidget):
    """Shows the last levels as bars; with reduced motion, the last level as a number of equal bars.

    It has no value that a screen reader could read: every change would be spoken."""

    _BARS, _STEPS = 9, 3

    def __init__(self) -> None:
        super().__init__()
        self._levels: deque[float] = deque([0.0] * self._BARS, maxlen=self._BARS)
        self.setFixedSize(self._BARS * 7, 22)

    def add_level(self, level: float) -> None:
        """Shows a new level, from 0 to 1."""
        if theme.is_motion_reduced():
            # The bars have one height; their number shows the level.
            bar_count = min(self._STEPS, math.ceil(level**0.5 * self._STEPS - 0.2)) * self._BARS // self._STEPS
            levels = [0.5] * bar_count + [0.0] * (self._BARS - bar_count)
            if levels != list(self._levels):
                self._levels.extend(levels)
                self.update()
        elif level or any(self._levels):
            self._levels.append(level)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.current_theme().accent))
        for position, level in enumerate(self._levels):
            # The square root makes quiet speech visible too.
            height = max(3.0, min(1.0, level**0.5) * self.height())
            painter.drawRoundedRect(QRectF(position * 7, self.height() - height, 4, height), 2, 2)
