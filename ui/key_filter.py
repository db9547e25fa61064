"""Keys that mean the same everywhere in the window: F9, Esc, Ctrl alone and Ctrl+V."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication

_REPEAT_MS = 30  # a press so soon after a release means that the key is held


class KeyFilter(QObject):
    """Filters the events of the application.

    `talk_key_pressed` and `talk_key_released` report F9; `stop_key_pressed` Esc, or Ctrl pressed and released alone;
    `escape_pressed` Esc, after it. `paste_pressed` reports Ctrl+V; a slot that has taken the content of the clipboard
    calls `set_paste_handled`, otherwise the widget with the focus pastes it."""

    talk_key_pressed, talk_key_released = Signal(), Signal()
    stop_key_pressed, escape_pressed, paste_pressed = Signal(), Signal(), Signal()

    def __init__(self, application: QApplication) -> None:
        super().__init__()
        self._is_paste_handled = False
        self._is_control_alone = False
        self._release_timer = QTimer(self, singleShot=True, interval=_REPEAT_MS)
        self._release_timer.timeout.connect(self.talk_key_released)
        application.installEventFilter(self)

    @Slot(bool)
    def set_paste_handled(self, is_handled: bool) -> None:
        """Tells, while `paste_pressed` is emitted, whether the paste must not reach the widget with the focus."""
        self._is_paste_handled = is_handled

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease) and isinstance(event, QKeyEvent):
            return watched.isWidgetType() and self._on_key(event, kind == QEvent.Type.KeyPress)
        if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            # The key press of a shortcut is never delivered: only this event shows that Ctrl was not pressed alone.
            self._is_control_alone = self._is_control_alone and event.key() == Qt.Key.Key_Control
        if kind in (QEvent.Type.MouseButtonPress, QEvent.Type.Wheel, QEvent.Type.WindowDeactivate):
            self._is_control_alone = False
        return False

    def _on_talk_key(self, is_down: bool) -> None:
        """X reports the repeats of a held key as releases and presses, not all of which Qt recognises as repeats."""
        if not is_down:
            self._release_timer.start()
        elif self._release_timer.isActive():
            self._release_timer.stop()
        else:
            self.talk_key_pressed.emit()

    def _on_key(self, event: QKeyEvent, is_down: bool) -> bool:
        """Whether the event is handled, and no widget gets it."""
        key = event.key()
        if key == Qt.Key.Key_Control:
            if not is_down and self._is_control_alone:
                self.stop_key_pressed.emit()
            self._is_control_alone = is_down and (self._is_control_alone or not event.isAutoRepeat())
            return False
        self._is_control_alone = False
        if key == Qt.Key.Key_F9:
            if not event.isAutoRepeat():
                self._on_talk_key(is_down)
            return True
        active = QApplication.activeWindow()
        if key == Qt.Key.Key_Escape and is_down and not (active and active.windowType() == Qt.WindowType.Dialog):
            self.stop_key_pressed.emit()
            self.escape_pressed.emit()
        if is_down and event.matches(QKeySequence.StandardKey.Paste):
            self._is_paste_handled = False
            self.paste_pressed.emit()
            return self._is_paste_handled
        return False
