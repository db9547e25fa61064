"""The button that is held while talking, or tapped before."""

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

_MAX_TAP_MS = 350  # a press that lasts longer is a hold


class TalkButton(QAbstractButton):
    """The talk button; F9 presses it too.

    `talk_pressed` is emitted when the button or the key goes down, `talk_released` when it goes up, with whether it was
    only tapped."""

    talk_pressed, talk_released = Signal(), Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Talk"))
        self.setAccessibleDescription(tr("Hold to talk, or tap and speak. The key F9 does the same everywhere."))
        set_tool_tip(self, tr("Hold to talk, or tap and speak (F9)"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._press_timer = QElapsedTimer()
        self._is_listening, self._unavailable_reason = False, ""
        self.pressed.connect(self.press_down)
        self.released.connect(self.release_button)

    @property
    def unavailable_reason(self) -> str:
        """Why talking is impossible at the moment, as a sentence; "" if it is possible."""
        return self._unavailable_reason

    def set_available(self, is_available: bool, reason: str) -> None:
        """Enables the button, or disables it and shows the reason as its tool tip."""
        self._unavailable_reason = "" if is_available else reason
        self.setEnabled(is_available)
        set_tool_tip(self, tr("Hold to talk, or tap and speak (F9)") if is_available else reason)

    def show_listening(self, is_listening: bool) -> None:
        """Shows whether the microphone is being listened to."""
        self._is_listening = is_listening
        self.setAccessibleName(tr("Talk, listening") if is_listening else tr("Talk"))
        self.update()

    @Slot()
    def press_down(self) -> None:
        """Begins talking, as a press of the button does."""
        self._press_timer.start()
        self.show_listening(True)
        self.talk_pressed.emit()

    @Slot()
    def release_button(self) -> None:
        """Ends talking, as the release of the button does."""
        self.talk_released.emit(self._press_timer.elapsed() < _MAX_TAP_MS)

    def sizeHint(self) -> QSize:
        return QSize(92, 92)

    def paintEvent(self, event: QPaintEvent) -> None:
        colors = theme.current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = min(self.width(), self.height()) - 4
        circle = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        ring = colors.accent if self._is_listening or self.hasFocus() else colors.border
        painter.setPen(QPen(QColor(ring), 2.5 if self.hasFocus() else 1.2))
        painter.setBrush(QColor(colors.accent_soft if self._is_listening else colors.surface))
        painter.drawEllipse(circle)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.accent if self.isEnabled() else colors.muted))
        painter.drawEllipse(circle.adjusted(7, 7, -7, -7))
        draw_microphone(painter, circle.center(), side / 92, QColor(colors.on_accent))
