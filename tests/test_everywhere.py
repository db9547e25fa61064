"""Hark on the desktop: one window, the tray, the menu, the desktop's start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from ui import install
from ui.instance import Instance
from ui.presence import Presence, icon


@pytest.fixture(scope="module")
def application() -> QApplication:
    made = QApplication.instance() or QApplication([])
    assert isinstance(made, QApplication)
    return made


def test_the_second_start_tells_the_first(application: QApplication, tmp_path: Path) -> None:
    first, told = Instance(tmp_path), list[str]()
    first.told.connect(told.append)
    first.listen()
    second = Instance(tmp_path)
    assert first.first and not second.first
    for deed in ("show", "talk", "rm -rf", "describe", "stop"):
        assert second.tell(deed)
        QTest.qWait(50)
    assert told == ["show", "talk", "describe", "stop"], "only what is known"
    assert Instance(tmp_path / "another home").first


def test_a_first_one_that_was_killed_is_none(application: QApplication, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from PySide6.QtCore import QCoreApplication;"
        "a = QCoreApplication([]);"
        "from ui.instance import Instance; i = Instance(Path(sys.argv[1])); i.listen(); print(i.first); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout == "True\n"
    after = Instance(tmp_path)
    assert after.first
    after.listen()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_without_a_right_to_write_there_is_a_window_all_the_same(application: QApplication, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert Instance(tmp_path).first


def test_the_trays_menu_does_what_it_says(application: QApplication) -> None:
    window, wanted = QWidget(), list[str]()
    made = Presence(window)
    made.wanted.connect(wanted.append)
    for action in made._menu.actions():
        assert action.text()
        action.trigger()
    assert wanted == ["show", "talk", "stop", "describe", "quit"]
    made.ready()
    window.deleteLater()


@pytest.mark.skipif(sys.platform != "linux", reason="freedesktop.org's files")
def test_menu_and_start_of_the_desktop(
    application: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert "--describe" in install.install(b"png")
    entry = tmp_path / "data" / "applications" / "hark.desktop"
    assert "Actions=Talk;Stop;Describe;" in entry.read_text() and "描述" in entry.read_text()
    assert (tmp_path / "data/icons/hicolor/256x256/apps/hark.png").read_bytes() == b"png"
    if shutil.which("desktop-file-validate"):
        subprocess.run(["desktop-file-validate", str(entry)], check=True)
    start = tmp_path / "config" / "autostart" / "hark.desktop"
    assert install.autostart(True) == "" and "--away" in start.read_text()
    assert install.autostart(False) == "" and not start.exists()
    assert install.autostart(False) == "", "twice is once"
    (tmp_path / "config" / "autostart").rmdir()
    (tmp_path / "config" / "autostart").write_text("a file in the way")
    assert "could not be changed" in install.autostart(True)


def test_the_icon_has_all_sizes(application: QApplication) -> None:
    assert {size.width() for size in icon().availableSizes()} == {16, 24, 32, 48, 64, 128, 256}


def test_a_bundle_becomes_an_appdir(tmp_path: Path) -> None:
    script = Path(__file__).parents[1] / "resources" / "packages" / "appdir.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=60)
    assert os.access(tmp_path / "AppRun", os.X_OK) and (tmp_path / "hark.png").read_bytes().startswith(b"\x89PNG")
    assert "Exec=hark-window --talk" in (tmp_path / "hark.desktop").read_text()
    (tmp_path / "hark-window").write_text('#!/bin/sh\necho "window $1"\n')
    (tmp_path / "hark-window").chmod(0o755)
    done = subprocess.run([tmp_path / "AppRun", "--away"], capture_output=True, text=True)
    assert done.stdout == "window --away\n"
