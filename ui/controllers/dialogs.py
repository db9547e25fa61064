"""The dialogs: settings, models, the check of this computer, the keys. Each is imported when it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from shiboken6 import isValid

from assistant import events
from assistant.text.i18n import tr
from ui import texts
from ui.widgets.labels import message_box

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from assistant.setting_change import SettingChange
    from ui.dialogs.doctor_dialog import DoctorDialog
    from ui.dialogs.models_dialog import ModelsDialog
    from ui.dialogs.settings_dialog import SettingsDialog
    from ui.download_manager import DownloadManager
    from ui.engine_bridge import EngineBridge
    from ui.notifier import Notifier
    from ui.settings_store import SettingsStore


class DialogController(QObject):
    """Opens dialogs over `window`, at most one of each kind.

    Signals:
        read_requested(text): a text is to be read aloud.
        microphone_test_requested: the user wants to hear the microphone.
    """

    read_requested, microphone_test_requested = Signal(str), Signal()

    def __init__(self, window: QWidget, bridge: EngineBridge, settings: SettingsStore, notifier: Notifier) -> None:
        super().__init__(window)
        self._window, self._bridge, self._settings, self._notifier = window, bridge, settings, notifier
        self._devices = events.AudioDevicesAvailable((), ())
        self._settings_dialog: SettingsDialog | None = None
        self._doctor_dialog: DoctorDialog | None = None
        self._models_dialog: ModelsDialog | None = None
        self._downloads: DownloadManager | None = None
        bridge.audio_devices_available.connect(self._on_audio_devices)
        bridge.input_level.connect(self._on_input_level)
        bridge.microphone_tested.connect(self._on_microphone_tested)

    @Slot()
    def open_settings(self) -> None:
        """Opens all settings."""
        from ui.dialogs.settings_dialog import SettingsDialog

        dialog = self._settings_dialog = SettingsDialog(self._window, lambda: self._settings.current)
        self._offer_devices()
        dialog.setting_changed.connect(self._change_setting)
        dialog.settings_reset.connect(self._settings.replace_settings)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    @Slot()
    def open_models(self) -> None:
        """Opens the models, or brings them to the front. Downloads go on when the dialog is closed."""
        from ui.dialogs.models_dialog import ModelsDialog

        dialog = self._models_dialog
        if not dialog or not isValid(dialog) or not dialog.isVisible():
            dialog = self._models_dialog = ModelsDialog(self._window, self._find_downloads())
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()

    @Slot()
    def open_doctor(self) -> None:
        """Checks this computer; the meter in the dialog shows what the microphone hears."""
        from ui.dialogs.doctor_dialog import DoctorDialog

        dialog = self._doctor_dialog = DoctorDialog(self._window)
        dialog.speech_requested.connect(self.read_requested)
        dialog.microphone_test_requested.connect(self.microphone_test_requested)
        dialog.announced.connect(self._notifier.announce)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    @Slot()
    def open_help(self) -> None:
        """Shows all keys."""
        shortcuts = "\n".join(f"{keys}: {action}" for keys, action in texts.list_shortcuts())
        message_box(self._window, tr("Keys"), shortcuts).open()

    def _find_downloads(self) -> DownloadManager:
        """The downloads, which live as long as the window once they are needed."""
        from ui.download_manager import DownloadManager

        if self._downloads is None:
            self._downloads = DownloadManager(self._window, lambda: self._settings.current)
            self._downloads.setting_changed.connect(self._settings.change_setting)
            self._downloads.announced.connect(self._notifier.announce)
            self._downloads.rescan_needed.connect(self._bridge.engine.rescan_models)
        return self._downloads

    @Slot(object)
    def _change_setting(self, change: SettingChange) -> None:
        """Changes a setting. Where it has this value already, the engine looks again for the model that it names."""
        if change.is_applied(self._settings.current):
            self._bridge.engine.rescan_models()
        self._settings.change_setting(change)

    @Slot(object)
    def _on_audio_devices(self, event: events.AudioDevicesAvailable) -> None:
        self._devices = event
        self._offer_devices()

    def _offer_devices(self) -> None:
        dialog, audio = self._settings_dialog, self._settings.current.audio
        if dialog and isValid(dialog):
            dialog.offer_devices("input", self._devices.inputs, audio.input)
            dialog.offer_devices("output", self._devices.outputs, audio.output)

    @Slot(object)
    def _on_input_level(self, event: events.InputLevel) -> None:
        if self._doctor_dialog and isValid(self._doctor_dialog):
            self._doctor_dialog.add_level(event.value)

    @Slot(object)
    def _on_microphone_tested(self, event: events.MicrophoneTestResult) -> None:
        if self._doctor_dialog and isValid(self._doctor_dialog):
            self._doctor_dialog.show_test_result(texts.test_result_text(event))
