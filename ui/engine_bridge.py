"""Between the engine's process and the window: events come in as one signal, actions go out as calls.

Knows nothing of widgets."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from assistant.events import Event
from assistant.ipc.client import EngineClient
from assistant.paths import AppPaths
from assistant.settings import Settings
from assistant.settings_file import save_settings


class EngineBridge(QObject):
    """`happened` carries every event, in the window's thread. `engine` takes the calls, each returning at once."""

    event_received = Signal(object)

    def __init__(self, settings: Settings, folders: AppPaths) -> None:
        super().__init__()
        self.settings, self._folders = settings, folders
        self.data = folders.data
        self.engine = EngineClient(settings, self._on_event)

    def change_settings(self, settings: Settings) -> str:
        """Uses other settings and saves them; returns why they cannot be saved, or "". The same settings again
        mean that what they name was chosen once more: it may have been downloaded since."""
        before, self.settings = self.settings, settings
        # How the window looks is not the engine's.
        if settings == before:
            self.engine.rescan_models()
        elif replace(before, window=settings.window) != settings:
            self.engine.apply_settings(settings)
        return save_settings(settings, self._folders)

    def _on_event(self, event: Event) -> None:
        self.event_received.emit(event)
