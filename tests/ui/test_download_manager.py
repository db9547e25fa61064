"""What follows when a model is selected, without a hub."""

from __future__ import annotations

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from assistant.models.catalog import CATALOG
from assistant.settings import Settings
from ui.download_manager import DownloadManager


def test_a_model_that_the_settings_name_already_asks_for_a_rescan(qtbot: QtBot) -> None:
    settings = Settings()
    for change in CATALOG["whisper-tiny"].setting_changes:
        settings = change.apply_to(settings)
    parent = QObject()
    downloads = DownloadManager(parent, lambda: settings)
    with qtbot.waitSignal(downloads.rescan_needed):
        downloads.use_model("whisper-tiny")
    downloads.stop_all()


def test_a_model_that_no_setting_names_asks_for_no_rescan(qtbot: QtBot) -> None:
    parent = QObject()
    downloads = DownloadManager(parent, Settings)
    with qtbot.assertNotEmitted(downloads.rescan_needed), qtbot.waitSignals([downloads.setting_changed] * 2):
        downloads.use_model("whisper-tiny")
    downloads.stop_all()
