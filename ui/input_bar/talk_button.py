"""The talk button and the level meter. Know nothing of sound: they show a number and tell when they are pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton

from assistant.text.i18n import tr
from ui import theme
from ui.widgets.icons import draw_microphone
from ui.widgets.labels import set_tool_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_HOLD = 350  # milliseconds; let go earlier, the button was tapped


class TalkButton(QAbstractButton):
    """`down` when talking begins, `up(tapped)` when the key or button is let go."""

    talk_pressed, talk_released = Signal(), Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Talk"))
        self.setAccessibleDescription(tr("Hold to talk, or tap and speak. The key F9 does the same everywhere."))
        set_tool_tip(self, tr("Hold to talk, or tap and speak (F9)"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._since = QElapsedTimer()
        self._is_listening, self._unavailable_reason = False, ""
        self.pressed.connect(self.press_down)
        self.released.connect(self.release)

    @property
    def unavailable_reason(self) -> str:
        """Why one cannot talk now; "" when one can."""
        return self._unavailable_reason

    def set_available(self, possible: bool, why_not: str) -> None:
        """Whether one can talk now, and else why not."""
        self._unavailable_reason = "" if possible else why_not
        self.setEnabled(possible)
        set_tool_tip(self, tr("Hold to talk, or tap and speak (F9)") if possible else why_not)

    def show_listening(self, on: bool) -> None:
        self._is_listening = on
        self.setAccessibleName(tr("Talk, listening") if on else tr("Talk"))
        self.update()

    @Slot()
    def press_down(self) -> None:
        self._since.start()
        self.show_listening(True)
        self.talk_pressed.emit()

    @Slot()
    def release(self) -> None:
        self.talk_released.emit(self._since.elapsed() < _HOLD)

    def sizeHint(self) -> QSize:
        return QSize(92, 92)

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = min(self.width(), self.height()) - 4
        around = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        ring = now.accent if self._is_listening or self.hasFocus() else now.line
        painter.setPen(QPen(QColor(ring), 2.5 if self.hasFocus() else 1.2))
        painter.setBrush(QColor(now.accent_soft if self._is_listening else now.raised))
        painter.drawEllipse(around)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(now.accent if self.isEnabled() else now.muted))
        painter.drawEllipse(around.adjusted(7, 7, -7, -7))
        draw_microphone(painter, around.center(), side / 92, QColor(now.on_accent))
