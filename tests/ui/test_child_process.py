"""Processes that the window starts, when it is closed before they end."""

from __future__ import annotations

import psutil
import pytest
from PySide6.QtCore import QProcess
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from assistant.settings import Settings
from ui.dialogs.doctor_dialog import DoctorDialog
from ui.download_manager import DownloadManager


@pytest.mark.parametrize("owner", [DoctorDialog, lambda window: DownloadManager(window, Settings)])
def test_running_check_or_query_ends_silently_when_the_window_is_deleted(
    qtbot: QtBot, owner: type[DoctorDialog]
) -> None:
    window = QWidget()
    (process,) = owner(window).findChildren(QProcess)
    assert process.waitForStarted()
    number = process.processId()
    with qtbot.captureExceptions() as exceptions:
        delete(window)
        qtbot.wait(0)
    assert not exceptions  # a warning of Qt fails the test, too
    assert not psutil.pid_exists(number)
