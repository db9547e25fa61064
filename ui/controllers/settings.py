"""What follows from the settings in the window: theme, global keys, start with the desktop, the sidebar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from assistant import events
from assistant.errors import NotAvailableError
from assistant.setting_change import SettingChange
from assistant.settings import MAX_SPEED, MIN_SPEED
from assistant.text.i18n import tr
from ui import theme

if TYPE_CHECKING:
    from assistant.settings import Settings
    from ui.desktop.global_hotkeys import GlobalHotkeys
    from ui.engine_bridge import EngineBridge
    from ui.notifier import Notifier
    from ui.settings_store import SettingsStore
    from ui.sidebar.sidebar import Sidebar

_SPEED_STEP = 0.1  # 1 is the voice's own speed


class SettingsController(QObject):
    """Puts changed settings to use.

    Signals:
        theme_changed: the window is to be drawn with another theme.
        hotkey_pressed(command): a key was pressed that works everywhere on the desktop.
        welcomed(text): this is the first start; the text says what works.
    """

    theme_changed = Signal()
    hotkey_pressed, welcomed = Signal(str), Signal(str)

    def __init__(self, sidebar: Sidebar, bridge: EngineBridge, settings: SettingsStore, notifier: Notifier) -> None:
        super().__init__(sidebar)
        self._sidebar, self._settings, self._notifier = sidebar, settings, notifier
        self._bridge = bridge
        self._hotkeys: GlobalHotkeys | None = None
        self._wants_hotkeys = settings.current.window.hotkeys
        sidebar.setting_changed.connect(self._choose_voice)
        settings.changed.connect(self._on_changed)
        settings.save_failed.connect(notifier.show_notice)
        bridge.voices_available.connect(self._on_voices)

    @Slot()
    def welcome_user(self) -> None:
        """Does something at the first start alone."""
        if self._settings.current.window.first_run_done:
            return
        from ui.dialogs import welcome

        self._settings.change_setting(SettingChange("window", "first_run_done", True))
        self.welcomed.emit(welcome.welcome_text())

    @Slot()
    def show_file_notes(self) -> None:
        """Says what was wrong with the settings' file."""
        for note in self._settings.current.notes:
            self._notifier.show_notice(note)

    @Slot()
    def speak_faster(self) -> None:
        self._change_speed(_SPEED_STEP)

    @Slot()
    def speak_slower(self) -> None:
        self._change_speed(-_SPEED_STEP)

    def enable_hotkeys(self, is_enabled: bool) -> None:
        """Takes the keys that work everywhere on the desktop, or frees them."""
        self._wants_hotkeys = is_enabled
        if self._hotkeys is None:
            from ui.desktop.global_hotkeys import GlobalHotkeys

            self._hotkeys = GlobalHotkeys(self)
            self._hotkeys.hotkey_pressed.connect(self.hotkey_pressed)
            self._hotkeys.registration_reported.connect(self._on_hotkeys_answered)
        self._notifier.show_status(self._hotkeys.set_enabled(is_enabled))

    def _change_speed(self, step: float) -> None:
        speed = round(min(max(self._settings.current.voice.speed + step, MIN_SPEED), MAX_SPEED), 1)
        self._settings.change_setting(SettingChange("voice", "speed", speed))
        self._notifier.announce(tr("Speed {percent}").format(percent=f"{speed:.0%}"))

    @Slot(object, object)
    def _on_changed(self, old: Settings, new: Settings) -> None:
        self._sidebar.show_settings(new)
        if new.window.theme != old.window.theme:
            theme.set_theme(new.window.theme)
            self.theme_changed.emit()
        if new.window.reduce_motion != old.window.reduce_motion:
            theme.set_reduced_motion(new.window.reduce_motion)
        if new.window.autostart != old.window.autostart:
            from ui.desktop import desktop_entry

            try:
                desktop_entry.set_autostart(new.window.autostart)
            except NotAvailableError as error:
                self._notifier.show_status(error.message)
        if new.window.hotkeys != self._wants_hotkeys:
            self.enable_hotkeys(new.window.hotkeys)

    @Slot(str, bool)
    def _on_hotkeys_answered(self, text: str, are_taken: bool) -> None:
        """The desktop has answered. One that gives no keys is not asked again at every start."""
        if not are_taken:
            self._wants_hotkeys = False
            self._settings.change_setting(SettingChange("window", "hotkeys", False))
        self._notifier.show_status(text)

    @Slot(object)
    def _choose_voice(self, change: SettingChange) -> None:
        """Uses another voice. If the one in use is chosen again, the engine looks for it: it may be installed now."""
        if change.is_applied(self._settings.current):
            self._bridge.engine.rescan_models()
        self._settings.change_setting(change)

    @Slot(object)
    def _on_voices(self, event: events.VoicesAvailable) -> None:
        voices = list(zip(event.ids, event.names, strict=True))
        self._sidebar.show_voices(voices, self._settings.current.voice.id)
