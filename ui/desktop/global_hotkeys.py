"""Keys that Hark takes everywhere on the desktop: Ctrl+Alt with H, J or K. Knows nothing of what they do.

X11 by XGrabKey, Windows by RegisterHotKey (not tried), Wayland by the desktop's portal, if it has that one. Elsewhere
no program may take keys; the desktop's own settings can bind `hark-window --talk`, `--stop` and `--describe`."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QAbstractNativeEventFilter, QByteArray, QObject, QSocketNotifier, Signal, Slot
from PySide6.QtGui import QGuiApplication

from assistant.text.i18n import tr

if TYPE_CHECKING:
    from ui.desktop.portal_shortcuts import PortalShortcuts

_REPEAT = 0.7  # seconds in which a press may be a held key's first repetition
HOTKEY_COMMANDS = {"h": "talk", "j": "stop", "k": "describe"}


class _HotkeyBackend(Protocol):
    def register(self) -> list[str]:
        """Takes what it can; returns the keys that other programs have."""

    def unregister(self) -> None: ...


class GlobalHotkeys(QObject):
    """`pressed` gives "talk", "stop" or "describe"; `told` what the user should know and whether the keys are taken,
    when that is known only later."""

    hotkey_pressed, registration_reported = Signal(str), Signal(str, bool)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._taker: _HotkeyBackend | PortalShortcuts | None = None

    def set_enabled(self, wanted: bool) -> str:
        """Takes the keys, or lets them go; returns what the user should know of it."""
        if self._taker:
            self._taker.unregister()
            self._taker = None
        if not wanted:
            return tr("The keys are free again.")
        backends: dict[str, Callable[[GlobalHotkeys], _HotkeyBackend]]
        backends = {"xcb": _X11Hotkeys, "windows": _WindowsHotkeys}
        make_backend = backends.get(QGuiApplication.platformName())
        if make_backend is None:
            return self._ask_desktop()
        self._taker = backend = make_backend(self)
        others = [f"Ctrl+Alt+{key.upper()}" for key in backend.register()]
        if others:
            return tr("{keys} cannot be had here, another program may have it; the other keys work everywhere.").format(
                keys=", ".join(others)
            )
        return tr("Everywhere: Ctrl+Alt+H talks, Ctrl+Alt+J stops, Ctrl+Alt+K describes the screen.")

    def _ask_desktop(self) -> str:
        from ui.desktop import portal_shortcuts

        if sys.platform != "linux":
            return portal_shortcuts.unavailable_text()
        self._taker = made = portal_shortcuts.PortalShortcuts(self, HOTKEY_COMMANDS)
        made.hotkey_pressed.connect(self.hotkey_pressed)
        made.registration_reported.connect(self.registration_reported)
        made.register()
        return ""


class _X11Hotkeys:
    """A connection of its own to the display."""

    _LOCKS = (0, 2, 16, 18)  # with Caps Lock and Num Lock, or without

    def __init__(self, hotkeys: GlobalHotkeys) -> None:
        from Xlib import XK, X, display

        self._display: Any = display.Display()
        self._press, self._hotkeys = X.KeyPress, hotkeys
        self._modifiers = X.ControlMask | X.Mod1Mask
        codes = {key: self._display.keysym_to_keycode(XK.string_to_keysym(key)) for key in HOTKEY_COMMANDS}
        # A keyboard without these letters gives 0, which would mean all keys.
        self._codes = {code: key for key, code in codes.items() if code}
        self._last = dict.fromkeys(HOTKEY_COMMANDS, 0.0)
        self._notifier = QSocketNotifier(self._display.fileno(), QSocketNotifier.Type.Read, hotkeys)
        self._notifier.activated.connect(self._on_events)

    def register(self) -> list[str]:
        from Xlib import X, error

        root, others = self._display.screen().root, [key for key in HOTKEY_COMMANDS if key not in self._codes.values()]
        for code, key in self._codes.items():
            caught = error.CatchError(error.BadAccess)
            for lock in self._LOCKS:
                mask = self._modifiers | lock
                root.grab_key(code, mask, False, X.GrabModeAsync, X.GrabModeAsync, onerror=caught)
            self._display.sync()
            others += [key] if caught.get_error() else []
        self._on_events()  # some may have come in between
        return others

    def unregister(self) -> None:
        self._notifier.setEnabled(False)
        self._display.close()  # and all that it took is free

    @Slot()
    def _on_events(self) -> None:
        while self._display.pending_events():
            event = self._display.next_event()
            if event.type == self._press and event.detail in self._codes:
                self._on_key(self._codes[event.detail])

    def _on_key(self, key: str) -> None:
        """X repeats a key that is held: once is enough."""
        now, last = time.monotonic(), self._last[key]
        self._last[key] = now
        if now - last > _REPEAT:
            self._hotkeys.hotkey_pressed.emit(HOTKEY_COMMANDS[key])


class _WindowsHotkeys(QAbstractNativeEventFilter):
    """Messages of the thread's own queue."""

    _HOTKEY, _CONTROL_ALT, _NO_REPEAT = 0x0312, 0x0003, 0x4000

    def __init__(self, hotkeys: GlobalHotkeys) -> None:
        super().__init__()
        self._hotkeys, self._user32 = hotkeys, getattr(ctypes, "windll").user32  # noqa: B009 (Windows alone has it)
        QGuiApplication.instance().installNativeEventFilter(self)  # type: ignore[union-attr]

    def register(self) -> list[str]:
        how = self._CONTROL_ALT | self._NO_REPEAT
        return [
            key for key in HOTKEY_COMMANDS if not self._user32.RegisterHotKey(None, ord(key), how, ord(key.upper()))
        ]

    def unregister(self) -> None:
        for key in HOTKEY_COMMANDS:
            self._user32.UnregisterHotKey(None, ord(key))
        QGuiApplication.instance().removeNativeEventFilter(self)  # type: ignore[union-attr]

    def nativeEventFilter(self, kind: QByteArray | bytes | bytearray | memoryview, message: Any) -> Any:
        from ctypes import wintypes

        told = wintypes.MSG.from_address(int(message))
        if told.message == self._HOTKEY and chr(told.wParam) in HOTKEY_COMMANDS:
            self._hotkeys.hotkey_pressed.emit(HOTKEY_COMMANDS[chr(told.wParam)])
        return False, 0
