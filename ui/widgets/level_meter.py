"""The microphone's level as bars."""

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
    """The last levels as bars, or where nothing may move the last one in steps. It has no value for a screen
    reader: every change would be read."""

    _BARS, _STEPS = 9, 3

    def __init__(self) -> None:
        super().__init__()
        self._levels: deque[float] = deque([0.0] * self._BARS, maxlen=self._BARS)
        self.setFixedSize(self._BARS * 7, 22)

    def add_level(self, level: float) -> None:
        """A level from 0 to 1."""
        if theme.is_motion_reduced():
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
