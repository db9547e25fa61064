"""The models dialog against a local hub: download, pause, resume, use, remove."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from assistant.ipc.client import EngineClient
from assistant.paths import AppPaths
from assistant.setting_change import SettingChange
from assistant.settings import Settings
from tests.support import hub_server as hubs
from tests.support.hub_server import Hub
from tests.unit.models.test_hardware_fit import smi
from ui.dialogs.models_dialog import ModelsDialog
from ui.download_manager import DownloadManager
from ui.wiring import DesktopApp

FILES = {"config.json": b"{}", "model.bin": b"\1" * 2_000_000, "tokenizer.json": b"{}"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hubs.started(Hub(dict(FILES))) as server:
        variables = {"HF_ENDPOINT": server.address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0"}
        for name, value in {**variables, "NO_PROXY": "127.0.0.1"}.items():
            monkeypatch.setenv(name, value)
        yield server


class ModelsHarness:
    """The parts of a window that the models dialog needs: settings, a download manager, and the dialog."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.settings = Settings()
        self.parent = QWidget()
        self.words: list[str] = []
        self.downloads = DownloadManager(self.parent, lambda: self.settings)
        self.downloads.announced.connect(self.words.append)
        self.downloads.setting_changed.connect(self._change_setting)
        self.open()

    def _change_setting(self, change: SettingChange) -> None:
        self.settings = change.apply_to(self.settings)

    def open(self) -> None:
        self.dialog = ModelsDialog(self.parent, self.downloads)
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.show()
        self.dialog.activateWindow()
        self.qtbot.waitUntil(self.dialog.isActiveWindow)

    def press(self, key: Qt.Key = Qt.Key.Key_Space) -> None:
        """Send a key to the widget that has the focus."""
        QTest.keyClick(self.dialog.windowHandle(), key)


@pytest.fixture
def view(qtbot: QtBot, hub: Hub) -> Iterator[ModelsHarness]:
    models_view = ModelsHarness(qtbot)
    yield models_view
    models_view.downloads.stop_all()
    models_view.parent.deleteLater()


def test_model_is_downloaded_used_and_removed(qtbot: QtBot, view: ModelsHarness, hub: Hub) -> None:
    row = view.dialog.rows["whisper-tiny"]
    row.download_button.click()
    assert row.pause_button.isVisible() and not row.download_button.isVisible()
    qtbot.waitUntil(lambda: "used" in row.state_label.text())
    assert (view.settings.transcriber.model, view.settings.transcriber.backend) == ("whisper-tiny", "whisper")
    assert view.words == ["Fetching whisper-tiny", "whisper-tiny is here", "whisper-tiny is used now"]
    row.remove_button.click()
    qtbot.waitUntil(lambda: row.download_button.isVisible())
    assert row.state_label.text() == view.words[-1] == "whisper-tiny is removed: 0.00 GB are free again."


def test_paused_download_resumes(qtbot: QtBot, view: ModelsHarness, hub: Hub) -> None:
    hub.cuts = 3  # each makes it wait a little
    row = view.dialog.rows["whisper-tiny"]
    row.download_button.click()
    qtbot.waitUntil(lambda: row.progress_bar.value() > 100)
    row.pause_button.click()
    qtbot.waitUntil(lambda: "Paused" in row.state_label.text())
    assert view.words[-1] == "Paused: whisper-tiny" and row.download_button.text() == "Go on"
    hub.cuts = 0
    hub.asked.clear()
    row.download_button.click()
    qtbot.waitUntil(lambda: "used" in row.state_label.text())
    assert any(wanted for name, wanted in hub.asked if name == "model.bin"), hub.asked


def test_space_pressed_twice_stays_in_its_row(qtbot: QtBot, qapp: QApplication, view: ModelsHarness, hub: Hub) -> None:
    hub.cuts = 99
    row = view.dialog.rows["whisper-tiny"]
    row.download_button.setFocus()
    strayed: list[QWidget] = []
    watched = qapp.focusChanged.connect(lambda _, focused: focused in row.children() or strayed.append(focused))
    view.press()
    assert list(view.downloads.running) == ["whisper-tiny"] and row.pause_button.hasFocus()
    view.press()
    qtbot.waitUntil(lambda: not view.downloads.running)
    assert row.download_button.hasFocus()
    hub.cuts = 0
    view.press()
    qtbot.waitUntil(lambda: "used" in row.state_label.text())
    assert row.use_button.hasFocus(), "the end took nobody elsewhere"
    row.remove_button.setFocus()
    view.press()
    view.press()
    qtbot.waitUntil(lambda: "free again" in row.state_label.text())
    assert row.download_button.hasFocus() and not view.downloads.running
    qapp.focusChanged.disconnect(watched)
    assert len([text for text in view.words if "free again" in text]) == 1 and not strayed


def test_focus_stays_in_its_row_while_another_window_has_the_keys(qtbot: QtBot, view: ModelsHarness, hub: Hub) -> None:
    row = view.dialog.rows["whisper-tiny"]
    row.download_button.setFocus()
    view.press()
    view.parent.show()
    view.parent.activateWindow()
    qtbot.waitUntil(lambda: "used" in row.state_label.text())
    assert view.dialog.focusWidget() is row.use_button


def test_waiting_or_running_download_is_not_started_twice(qtbot: QtBot, view: ModelsHarness, hub: Hub) -> None:
    hub.cuts = 99
    waiting = [model.name for model in view.downloads.recommended_models()][1:]
    view.downloads.download_all()
    first, second = view.downloads.recommended_models()[0].name, waiting[0]
    assert list(view.downloads.running) == [first]
    assert [view.dialog.rows[name].state_label.text() for name in waiting] == ["It waits for its turn."] * len(waiting)
    view.dialog.rows[second].download_button.click()
    once = view.downloads.running[second]
    view.downloads.download(second)
    view.downloads.download_all()
    assert view.downloads.running[second] is once and view.words.count(f"Fetching {second}") == 1
    for name in (first, second):
        view.downloads.pause_download(name)
    qtbot.waitUntil(lambda: not view.downloads.running)
    assert not any("waits" in row.state_label.text() for row in view.dialog.rows.values())
    assert view.words.count("What waited for it is not fetched.") == 1


def test_failed_download_clears_the_queue_and_says_so(qtbot: QtBot, view: ModelsHarness, hub: Hub) -> None:
    hub.wrong["model.bin"] = b"\2" * 2_000_000
    view.downloads.download_all()
    qtbot.waitUntil(lambda: not view.downloads.running)
    row = view.dialog.rows[view.downloads.recommended_models()[0].name]
    assert row.state_label.text() == view.words[-1] and view.words[-1].endswith("What waited for it is not fetched.")
    assert not any("waits" in row.state_label.text() for row in view.dialog.rows.values())


def test_only_the_used_model_is_marked_as_used(qtbot: QtBot, view: ModelsHarness, hub: Hub) -> None:
    rows = [view.dialog.rows[name] for name in ("whisper-tiny", "whisper-small")]
    for row in rows:
        row.download_button.click()
        qtbot.waitUntil(row.use_button.isVisible)
    assert [row.state_label.text() for row in rows] == ["It is here.", "It is used now."]
    rows[0].use_button.click()
    assert [row.state_label.text() for row in rows] == ["It is used now.", "It is here."]


def test_download_continues_in_a_closed_dialog_and_is_shown_again(qtbot: QtBot, view: ModelsHarness, hub: Hub) -> None:
    hub.cuts = 99
    view.dialog.rows["whisper-tiny"].download_button.click()
    qtbot.waitUntil(lambda: view.dialog.rows["whisper-tiny"].progress_bar.value() > 100)
    view.press(Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not isValid(view.dialog))
    assert "whisper-tiny" in view.downloads.running
    view.open()
    row = view.dialog.rows["whisper-tiny"]
    assert row.progress_bar.isVisible() and row.progress_bar.value() > 100 and row.pause_button.isVisible()
    assert "GB, about" in row.state_label.text()
    hub.cuts = 0
    view.dialog.close()
    qtbot.waitUntil(lambda: "whisper-tiny is here" in view.words)
    assert view.settings.transcriber.model == "whisper-tiny"


def test_a_begun_download_is_resumed_or_cancelled_after_a_restart(
    qtbot: QtBot, view: ModelsHarness, hub: Hub, tmp_path: Path
) -> None:
    hub.cuts = 99
    view.downloads.download("whisper-tiny")
    qtbot.waitUntil(lambda: view.dialog.rows["whisper-tiny"].progress_bar.value() > 100)
    view.downloads.stop_all()
    again = ModelsHarness(qtbot)
    row = again.dialog.rows["whisper-tiny"]
    qtbot.waitUntil(lambda: row.cancel_button.isVisible())
    assert row.download_button.text() == "Go on" and row.download_button.accessibleName() == "Go on: whisper-tiny"
    assert row.state_label.text() == "Paused. 0.00 GB of it are here."
    row.cancel_button.setFocus()
    again.press()
    qtbot.waitUntil(lambda: row.download_button.text() == "Get" and row.download_button.hasFocus())
    assert row.state_label.text() == again.words[-1] == "whisper-tiny is cancelled: 0.00 GB are free again."
    assert not list(tmp_path.rglob("*.hark-part"))
    again.dialog.close()
    again.downloads.stop_all()
    again.parent.deleteLater()


def test_running_download_can_be_cancelled(qtbot: QtBot, view: ModelsHarness, hub: Hub, tmp_path: Path) -> None:
    hub.cuts = 99
    row = view.dialog.rows["whisper-tiny"]
    row.download_button.click()
    qtbot.waitUntil(lambda: row.progress_bar.value() > 100)
    row.cancel_button.click()
    qtbot.waitUntil(lambda: "cancelled" in row.state_label.text())
    assert not list(tmp_path.rglob("*.hark-part")) and not view.downloads.running
    assert "Paused: whisper-tiny" not in view.words


def test_running_downloads_end_with_the_program(hub: Hub) -> None:
    hub.cuts = 99
    code = """
import dataclasses, psutil
from PySide6.QtCore import QCoreApplication, QProcess
from assistant.models.catalog import CATALOG
from assistant.settings import Settings
from ui.download_manager import DownloadManager
CATALOG.update({name: dataclasses.replace(entry, sha256=()) for name, entry in CATALOG.items()})  # the test's hub
downloads = DownloadManager(application := QCoreApplication([]), Settings)
downloads.progress_changed.connect(lambda name: application.quit())
downloads.download("whisper-tiny")
fetching = [psutil.Process(child.processId()) for child in downloads.findChildren(QProcess)]
application.exec()
print(len(fetching), [child for child in fetching if child.is_running()], flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, text=True)
    assert done.stdout == "2 []\n" and "still running" not in done.stderr


def test_a_window_has_one_dialog_and_stays_usable(qapp: QApplication, home: Path, hub: Hub) -> None:
    app = DesktopApp(Settings(), AppPaths.locate(), lambda on_event: EngineClient(Settings(), on_event))
    window = app.window
    window.show()
    app.dialogs.open_models()
    app.dialogs.open_models()
    (dialog,) = window.findChildren(ModelsDialog)
    assert dialog.isVisible() and not dialog.isModal() and QApplication.activeModalWidget() is None
    dialog.close()
    app.dialogs.open_models()
    (downloads,) = window.findChildren(DownloadManager)
    assert [view.isVisible() for view in window.findChildren(ModelsDialog) if view is not dialog] == [True]
    downloads.stop_all()
    window.hide()
    window.deleteLater()


def test_download_failure_is_shown_as_a_sentence(qtbot: QtBot, view: ModelsHarness, hub: Hub) -> None:
    hub.wrong["model.bin"] = b"\2" * 2_000_000
    row = view.dialog.rows["whisper-tiny"]
    row.download_button.click()
    qtbot.waitUntil(lambda: "other content" in row.state_label.text())
    assert row.download_button.isVisible()


def test_model_that_fits_the_graphics_card_fits_the_computer(
    qtbot: QtBot, qapp: QApplication, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smi(tmp_path, "Small, 2048 MiB\\nBig, 24564 MiB\\n", monkeypatch)
    view = ModelsHarness(qtbot)
    view.downloads.memory_gb = 4.0
    qtbot.waitUntil(lambda: view.downloads.gpu_memory_gb > 0)
    assert view.downloads.gpu_memory_gb == pytest.approx(25.76, abs=0.01)
    assert "whisper-small + qwen2-vl-7b + piper-ljspeech" in view.dialog.download_all_button.text()
    large = {name for name, row in view.dialog.rows.items() if "too large" in row.facts_label.text()}
    assert large == {"qwen2-vl-72b", "qwen2-vl-72b-awq"}
    view.downloads.stop_all()
    view.parent.deleteLater()


def test_voice_is_downloaded_and_used(qtbot: QtBot, view: ModelsHarness, hub: Hub) -> None:
    row = view.dialog.rows["piper-ljspeech"]
    for file in ("a.onnx", "a.onnx.json"):
        hub.files[f"{row.entry.folder}/{file}"] = file.encode()
    row.download_button.click()
    qtbot.waitUntil(lambda: "used" in row.state_label.text())
    assert view.settings.voice.id == "piper/piper-ljspeech"


def test_quantised_model_is_not_used_before_its_packages_are_here(qtbot: QtBot, view: ModelsHarness, hub: Hub) -> None:
    row = view.dialog.rows["qwen2-vl-2b-awq"]
    weights = b"\x02\0\0\0\0\0\0\0{}"
    hub.files |= {"tokenizer_config.json": b"{}", "model.safetensors": weights}
    row.download_button.click()
    qtbot.waitUntil(lambda: "pip install optimum gptqmodel" in row.state_label.text())
    assert view.settings == Settings() and row.use_button.isVisible()
