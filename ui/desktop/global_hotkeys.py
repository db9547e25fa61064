"""Global hotkeys: Ctrl+Alt with H, J or K, whichever window has the focus.

X11 through XGrabKey, Windows through RegisterHotKey (not tried), Wayland through the desktop's portal, if it offers
global shortcuts. Elsewhere the user can bind `hark-window --talk`, `--stop` and `--describe` in the settings of the
desktop."""

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

_REPEAT_DELAY_S = 0.7  # a press so soon after another may be the first repeat of a held key
HOTKEY_COMMANDS = {"h": "talk", "j": "stop", "k": "describe"}  # what each key does, pressed with Ctrl+Alt


class _HotkeyBackend(Protocol):
    """Registers the hotkeys with a window system."""

    def register(self) -> list[str]:
        """Registers all hotkeys that are free; returns the keys of `HOTKEY_COMMANDS` that are not."""

    def unregister(self) -> None:
        """Gives all hotkeys back."""


class GlobalHotkeys(QObject):
    """Registers the hotkeys of this desktop.

    `hotkey_pressed` carries "talk", "stop" or "describe". `registration_reported` is emitted where the desktop answers
    only later; it carries a sentence for the user and whether the hotkeys are registered."""

    hotkey_pressed, registration_reported = Signal(str), Signal(str, bool)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._backend: _HotkeyBackend | PortalShortcuts | None = None

    def set_enabled(self, is_enabled: bool) -> str:
        """Registers the hotkeys, or gives them back; returns a sentence for the user, "" where the desktop is asked."""
        if self._backend:
            self._backend.unregister()
            self._backend = None
        if not is_enabled:
            return tr("The keys are free again.")
        backends: dict[str, Callable[[GlobalHotkeys], _HotkeyBackend]]
        backends = {"xcb": _X11Hotkeys, "windows": _WindowsHotkeys}
        make_backend = backends.get(QGuiApplication.platformName())
        if make_backend is None:
            return self._ask_portal()
        self._backend = backend = make_backend(self)
        refused = [f"Ctrl+Alt+{key.upper()}" for key in backend.register()]
        if refused:
            return tr("{keys} cannot be had here, another program may have it; the other keys work everywhere.").format(
                keys=", ".join(refused)
            )
        return tr("Everywhere: Ctrl+Alt+H talks, Ctrl+Alt+J stops, Ctrl+Alt+K describes the screen.")

    def _ask_portal(self) -> str:
        from ui.desktop import portal_shortcuts

        if sys.platform != "linux":
            return portal_shortcuts.unavailable_text()
        self._backend = shortcuts = portal_shortcuts.PortalShortcuts(self, HOTKEY_COMMANDS)
        shortcuts.hotkey_pressed.connect(self.hotkey_pressed)
        shortcuts.registration_reported.connect(self.registration_reported)
        shortcuts.register()
        return ""


class _X11Hotkeys:
    """Grabs the hotkeys through its own connection to the X server."""

    _LOCK_MASKS = (0, 2, 16, 18)  # every combination of Caps Lock and Num Lock

    def __init__(self, hotkeys: GlobalHotkeys) -> None:
        from Xlib import XK, X, display

        self._display: Any = display.Display()
        self._press, self._hotkeys = X.KeyPress, hotkeys
        self._modifiers = X.ControlMask | X.Mod1Mask
        codes = {key: self._display.keysym_to_keycode(XK.string_to_keysym(key)) for key in HOTKEY_COMMANDS}
        # Keyboards without a letter report 0 for it, which would grab all keys.
        self._codes = {code: key for key, code in codes.items() if code}
        self._pressed_at = dict.fromkeys(HOTKEY_COMMANDS, 0.0)  # in seconds, by key
        self._notifier = QSocketNotifier(self._display.fileno(), QSocketNotifier.Type.Read, hotkeys)
        self._notifier.activated.connect(self._on_events)

    def register(self) -> list[str]:
        from Xlib import X, error

        root = self._display.screen().root
        refused = [key for key in HOTKEY_COMMANDS if key not in self._codes.values()]
        for code, key in self._codes.items():
            access_error = error.CatchError(error.BadAccess)
            for lock in self._LOCK_MASKS:
                mask = self._modifiers | lock
                root.grab_key(code, mask, False, X.GrabModeAsync, X.GrabModeAsync, onerror=access_error)
            self._display.sync()
            refused += [key] if access_error.get_error() else []
        self._on_events()  # some may have arrived in the meantime
        return refused

    def unregister(self) -> None:
        self._notifier.setEnabled(False)
        self._display.close()  # which ends all its grabs

    @Slot()
    def _on_events(self) -> None:
        while self._display.pending_events():
            event = self._display.next_event()
            if event.type == self._press and event.detail in self._codes:
                self._on_key(self._codes[event.detail])

    def _on_key(self, key: str) -> None:
        """Reports a key unless it is the repeat of one that is held."""
        event_at, last_event_at = time.monotonic(), self._pressed_at[key]
        self._pressed_at[key] = event_at
        if event_at - last_event_at > _REPEAT_DELAY_S:
            self._hotkeys.hotkey_pressed.emit(HOTKEY_COMMANDS[key])


class _WindowsHotkeys(QAbstractNativeEventFilter):
    """Registers the hotkeys with Windows, which posts their messages to the queue of this thread."""

    _WM_HOTKEY, _MOD_CONTROL_ALT, _MOD_NOREPEAT = 0x0312, 0x0003, 0x4000

    def __init__(self, hotkeys: GlobalHotkeys) -> None:
        super().__init__()
        self._hotkeys, self._user32 = hotkeys, getattr(ctypes, "windll").user32  # noqa: B009 (Windows alone has it)
        self._application = QGuiApplication.instance()
        if self._application is not None:
            self._application.installNativeEventFilter(self)

    def register(self) -> list[str]:
        modifiers = self._MOD_CONTROL_ALT | self._MOD_NOREPEAT
        return [
            key
            for key in HOTKEY_COMMANDS
            if not self._user32.RegisterHotKey(None, ord(key), modifiers, ord(key.upper()))
        ]

    def unregister(self) -> None:
        for key in HOTKEY_COMMANDS:
            self._user32.UnregisterHotKey(None, ord(key))
        if self._application is not None:
            self._application.removeNativeEventFilter(self)

    def nativeEventFilter(self, event_type: QByteArray | bytes | bytearray | memoryview, message: int) -> object:
        from ctypes import wintypes

        windows_message = wintypes.MSG.from_address(int(message))
        key = chr(windows_message.wParam)
        if windows_message.message == self._WM_HOTKEY and key in HOTKEY_COMMANDS:
            self._hotkeys.hotkey_pressed.emit(HOTKEY_COMMANDS[key])
        return False, 0
