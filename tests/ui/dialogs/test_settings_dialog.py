"""The settings dialog: search, immediate change, reset, and reports of faulty settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from assistant.paths import AppPaths
from assistant.setting_change import SettingChange
from assistant.settings import Settings
from assistant.settings_file import load_settings
from tests.support.window_harness import WindowHarness
from ui.dialogs.settings_dialog import SettingsDialog


def test_settings_are_found_changed_at_once_and_put_back(
    harness: WindowHarness, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = harness.app.settings_store.current
    harness.app.dialogs.open_settings()
    (dialog,) = harness.window.findChildren(SettingsDialog)
    assert all(spin.lineEdit().width() > 100 for spin in dialog.findChildren(QAbstractSpinBox)), "numbers can be seen"
    dialog.search_field.setText("graphics card whisper")
    assert [option.field for option, row, _ in dialog.rows if row.isVisible()] == ["device", "gpu_memory_limit_gb"]
    dialog.search_field.clear()
    assert all(row.isVisible() for _, row, _ in dialog.rows)
    controls = {f"{option.section}.{option.field}": control for option, _, control in dialog.rows}
    controls["audio.headphones"].click()
    controls["responder.max_new_tokens"].setValue(99)
    controls["responder.system_prompt"].setText("Be brief.")
    controls["responder.system_prompt"].editingFinished.emit()
    controls["window.theme"].setCurrentIndex(2)
    controls["window.theme"].activated.emit(2)
    saved = load_settings(AppPaths.locate())
    responder = saved.responder
    assert (saved.audio.headphones, responder.max_new_tokens, responder.system_prompt, saved.window.theme) == (
        True, 99, "Be brief.", "dark"
    )  # fmt: skip
    back = next(button for button in dialog.findChildren(QPushButton) if button.text() == "Put all back")
    monkeypatch.setattr(QMessageBox, "exec", lambda box: QMessageBox.StandardButton.No)
    back.click()
    assert load_settings(AppPaths.locate()) != before
    monkeypatch.setattr(QMessageBox, "exec", lambda box: QMessageBox.StandardButton.Yes)
    back.click()
    assert load_settings(AppPaths.locate()) == before
    dialog.close()


def test_a_model_that_is_entered_again_is_looked_for_and_another_one_only_applied(harness: WindowHarness) -> None:
    harness.app.dialogs.open_settings()
    (dialog,) = harness.window.findChildren(SettingsDialog)
    dialog.setting_changed.emit(SettingChange("responder", "model", "qwen2-vl-2b"))
    assert [name for name, *_ in harness.calls] == ["apply_settings"]
    dialog.setting_changed.emit(SettingChange("responder", "model", "qwen2-vl-2b"))
    assert [name for name, *_ in harness.calls] == ["apply_settings", "rescan_models"]
    dialog.close()


def test_every_setting_has_its_words(harness: WindowHarness) -> None:
    dialog = SettingsDialog(harness.window, Settings)
    for option, _, control in dialog.rows:
        assert hasattr(getattr(Settings(), option.section), option.field)
        assert control.accessibleName() and control.accessibleDescription().endswith(".")
    dialog.close()


def test_faults_in_the_settings_file_are_shown(qtbot: QtBot, qapp: QApplication, home: Path) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("[look")
    harness = WindowHarness(qtbot, home, load_settings(AppPaths.locate()))
    qtbot.waitUntil(lambda: bool(harness.texts()))
    assert "broken" in harness.texts()[0]
    harness.close()


def test_a_desktop_that_allows_no_keys_and_no_windows_is_told(
    qtbot: QtBot, harness: WindowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    harness.app.settings_store.change_setting(SettingChange("window", "hotkeys", True))  # offscreen, as under Wayland
    qtbot.waitUntil(lambda: "hark-window --talk" in harness.status_text())
    assert not load_settings(AppPaths.locate()).window.hotkeys, "it is not asked again at every start"
    harness.app.capture.capture_window()
    assert "F7 captures the screen" in harness.status_text()
