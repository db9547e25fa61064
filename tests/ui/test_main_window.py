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


def test_every_label_is_plain_text(desk: WindowHarness) -> None:
    labels = desk.window.findChildren(QLabel)
    hostile = [label for label in labels if label.textFormat() != Qt.TextFormat.PlainText and label.text()]
    assert len(labels) >= 6 and not [label.text() for label in hostile]


def test_the_first_start_says_what_works_and_only_the_first(desk: WindowHarness) -> None:
    desk.app.settings_store.replace_settings(Settings())
    desk.on(events.StateChanged("ready"), events.StateChanged("ready"))
    assert len(desk.texts()) == 1 and "starter kit is ready" in desk.texts()[0]
    assert "Ready" in desk.window.bar.status_label.text()
    assert load_settings(AppPaths.locate()).window.first_run_done and not [
        call for call in desk.calls if call[0] == "apply_settings"
    ]


def test_the_computer_is_checked_in_words(qtbot: QtBot, desk: WindowHarness) -> None:
    desk.app.dialogs.open_doctor()
    (dialog,) = desk.window.findChildren(DoctorDialog)
    qtbot.waitUntil(lambda: dialog.results_list.count() > 3)
    said = [
        dialog.results_list.item(row).data(Qt.ItemDataRole.AccessibleTextRole)
        for row in range(dialog.results_list.count())
    ]
    assert any(one.startswith("starter kit, works:") for one in said), said
    assert any("hark.log" in one for one in said)
    desk.on(events.InputLevel(0.5))
    assert bars(dialog.level_meter)[-1] > bars(dialog.level_meter)[0]
    buttons = {button.text(): button for button in dialog.findChildren(QPushButton)}
    buttons["Say something"].click()
    assert desk.calls[-1][0] == "read_aloud"
    buttons["Try the microphone"].click()
    assert desk.calls[-1] == ("test_microphone",)
    desk.on(events.MicrophoneTestResult("silence", is_playing=False))
    assert [one for one in dialog.findChildren(QLabel) if "muted" in one.text() and "no speaker" in one.text()]
    dialog.done(0)


def test_who_cannot_talk_is_told_why_at_every_try(desk: WindowHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(desk.app.notifier, "show_status", told.append)
    desk.on(events.StateChanged("ready"), events.MicrophoneState(False, False, "There is no microphone."))
    desk.calls.clear()
    desk.app.voice.press_talk()
    desk.app.commands.run_command("talk")
    assert told == ["There is no microphone."] * 2 and not desk.calls


def test_quitting_is_the_end_wherever_the_window_would_stay(desk: WindowHarness) -> None:
    class Tray:
        is_available = True

    desk.app.settings_store.change_setting(SettingChange("window", "close_to_tray", True))
    desk.app.tray_icon = Tray()  # type: ignore[assignment]
    desk.window.close()
    assert desk.window.isHidden()
    desk.window.bring_to_front()
    desk.window.end()
    assert desk.window.close()
    desk.app.tray_icon = None
