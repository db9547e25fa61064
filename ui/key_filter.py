"""Keys that mean the same everywhere in the window: F9, Esc, Ctrl alone, paste. Knows nothing of what they do."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication

_REPEAT = 30  # milliseconds in which a release may turn out to be none


class KeyFilter(QObject):
    """Filters the application's events. Esc emits `stop_key_pressed` and `escape_pressed`. Whoever takes what is
    in the clipboard calls `set_paste_handled` before `paste_pressed` has returned."""

    talk_key_pressed, talk_key_released = Signal(), Signal()
    stop_key_pressed, escape_pressed, paste_pressed = Signal(), Signal(), Signal()

    def __init__(self, application: QApplication) -> None:
        super().__init__()
        self._is_paste_handled = False
        self._control_alone = False
        self._release = QTimer(self, singleShot=True, interval=_REPEAT)
        self._release.timeout.connect(self.talk_key_released)
        application.installEventFilter(self)

    @Slot(bool)
    def set_paste_handled(self, is_handled: bool) -> None:
        """A paste that is handled does not go on to the widget with the focus."""
        self._is_paste_handled = is_handled

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease) and isinstance(event, QKeyEvent):
            return watched.isWidgetType() and self._on_key(event, kind == QEvent.Type.KeyPress)
        if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            # A shortcut's own key press never comes: only this tells that Ctrl was not pressed alone.
            self._control_alone = self._control_alone and event.key() == Qt.Key.Key_Control
        if kind in (QEvent.Type.MouseButtonPress, QEvent.Type.Wheel, QEvent.Type.WindowDeactivate):
            self._control_alone = False
        return False

    def _on_talk(self, down: bool) -> None:
        """X tells a held key's repeats as releases and presses, and Qt does not know all of them for what they are."""
        if not down:
            self._release.start()
        elif self._release.isActive():
            self._release.stop()
        else:
            self.talk_key_pressed.emit()

    def _on_key(self, event: QKeyEvent, down: bool) -> bool:
        """Whether the key has done its work."""
        key = event.key()
        if key == Qt.Key.Key_Control:
            if not down and self._control_alone:
                self.stop_key_pressed.emit()
            self._control_alone = down and (self._control_alone or not event.isAutoRepeat())
            return False
        self._control_alone = False
        if key == Qt.Key.Key_F9:
            if not event.isAutoRepeat():
                self._on_talk(down)
            return True
        active = QApplication.activeWindow()
        if key == Qt.Key.Key_Escape and down and not (active and active.windowType() == Qt.WindowType.Dialog):
            self.stop_key_pressed.emit()
            self.escape_pressed.emit()
        if down and event.matches(QKeySequence.StandardKey.Paste):
            self._is_paste_handled = False
            self.paste_pressed.emit()
            return self._is_paste_handled
        return False
