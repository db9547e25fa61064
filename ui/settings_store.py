"""The settings as they are now, kept in their file."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from assistant.paths import AppPaths
from assistant.setting_change import SettingChange
from assistant.settings import Settings
from assistant.settings_file import save_settings


class SettingsStore(QObject):
    """Owns the settings.

    Signals:
        changed(old, new): the settings were replaced, perhaps by equal ones.
        save_failed(reason): they are in use, but could not be written.
    """

    changed = Signal(object, object)
    save_failed = Signal(str)

    def __init__(self, settings: Settings, paths: AppPaths) -> None:
        super().__init__()
        self._current, self._paths = settings, paths

    @property
    def current(self) -> Settings:
        return self._current

    @Slot(object)
    def change_setting(self, change: SettingChange) -> None:
        """Changes one setting."""
        self.replace_settings(change.apply_to(self._current))

    @Slot(object)
    def replace_settings(self, settings: Settings) -> None:
        """Puts other settings to use and writes them."""
        old, self._current = self._current, settings
        reason = save_settings(settings, self._paths)
        self.changed.emit(old, settings)
        if reason:
            self.save_failed.emit(reason)
