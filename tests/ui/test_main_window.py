"""The window as a whole: what it loads, says at its start, checks, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from assistant import events
from assistant.paths import AppPaths
from assistant.setting_change import SettingChange
from assistant.settings import Settings
from assistant.settings_file import load_settings
from tests.support.window_harness import WindowHarness, bars
from ui.dialogs.doctor_dialog import DoctorDialog


def test_the_window_loads_no_model_library() -> None:
    code = (
        "import sys; import ui.app;"
        "print([m for m in ('torch', 'numpy', 'pydantic', 'transformers', 'sounddevice', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_a_display_it_says_what_to_do() -> None:
    bare = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run([sys.executable, "-m", "ui"], env=bare, capture_output=True, text=True)
    assert done.returncode == 4 and "hark listen" in done.stderr


def test_every_label_is_plain_text(harness: WindowHarness) -> None:
    labels = harness.window.findChildren(QLabel)
    hostile = [label for label in labels if label.textFormat() != Qt.TextFormat.PlainText and label.text()]
    assert len(labels) >= 6 and not [label.text() for label in hostile]


def test_the_first_start_says_what_works_and_only_the_first(harness: WindowHarness) -> None:
    harness.app.settings_store.replace_settings(Settings())
    harness.on(events.StateChanged("ready"), events.StateChanged("ready"))
    assert len(harness.texts()) == 1 and "starter kit is ready" in harness.texts()[0]
    assert "Ready" in harness.status_text()
    assert load_settings(AppPaths.locate()).window.first_run_done and not [
        call for call in harness.calls if call[0] == "apply_settings"
    ]


def test_the_computer_is_checked_in_words(qtbot: QtBot, harness: WindowHarness) -> None:
    harness.app.dialogs.open_doctor()
    (dialog,) = harness.window.findChildren(DoctorDialog)
    qtbot.waitUntil(lambda: dialog.results_list.count() > 3)
    said = [
        dialog.results_list.item(row).data(Qt.ItemDataRole.AccessibleTextRole)
        for row in range(dialog.results_list.count())
    ]
    assert any(line.startswith("starter kit, works:") for line in said), said
    assert any("hark.log" in line for line in said)
    harness.on(events.InputLevel(0.5))
    assert bars(dialog.level_meter)[-1] > bars(dialog.level_meter)[0]
    buttons = {button.text(): button for button in dialog.findChildren(QPushButton)}
    buttons["Say something"].click()
    assert harness.calls[-1][0] == "read_aloud"
    buttons["Try the microphone"].click()
    assert harness.calls[-1] == ("test_microphone",)
    harness.on(events.MicrophoneTestResult("silence", is_playing=False))
    assert [label for label in dialog.findChildren(QLabel) if "muted" in label.text() and "no speaker" in label.text()]
    dialog.done(0)


def test_talking_without_a_microphone_gives_the_reason_every_time(
    harness: WindowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses: list[str] = []
    monkeypatch.setattr(harness.app.notifier, "show_status", statuses.append)
    harness.on(events.StateChanged("ready"), events.MicrophoneState(False, False, "There is no microphone."))
    harness.calls.clear()
    harness.app.voice.press_talk()
    harness.app.commands.run_command("talk")
    assert statuses == ["There is no microphone."] * 2 and not harness.calls


def test_quit_ends_the_program_even_with_close_to_tray(harness: WindowHarness) -> None:
    class FakeTrayIcon:
        is_available = True

    harness.app.settings_store.change_setting(SettingChange("window", "close_to_tray", True))
    harness.app.tray_icon = FakeTrayIcon()  # type: ignore[assignment]
    harness.window.close()
    assert harness.window.isHidden()
    harness.window.bring_to_front()
    harness.window.end()
    assert harness.window.close()
    harness.app.tray_icon = None
