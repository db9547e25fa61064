"""Hark on the desktop: one window, the tray, the menu, the desktop's start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QProcess
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from assistant.errors import NotAvailableError
from tests.conftest import missing
from tests.support.paths import ROOT
from ui.desktop import desktop_entry
from ui.desktop.single_instance import SingleInstance
from ui.desktop.tray_icon import TrayIcon, app_icon

if TYPE_CHECKING:
    from jeepney import Message
    from jeepney.io.blocking import DBusConnection

TELL = (
    "import sys; from pathlib import Path; from PySide6.QtCore import QCoreApplication; a = QCoreApplication([]);"
    "from ui.desktop.single_instance import SingleInstance; print('here', flush=True);"
    "i = SingleInstance(Path(sys.argv[1])); print(i.is_first, [i.send_command(deed) for deed in sys.argv[2:]])"
)


HANG = (
    "import sys, time; from pathlib import Path; from PySide6.QtCore import QCoreApplication; a = QCoreApplication([]);"
    "from ui.desktop.single_instance import SingleInstance;"
    "i = SingleInstance(Path(sys.argv[1])); i.start_listening();"
    "print('there', flush=True);"
    "time.sleep(60)"
)


def test_second_start_sends_its_command_to_the_first(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> None:
    first, commands = SingleInstance(tmp_path), list[str]()
    first.command_received.connect(commands.append)
    command = [sys.executable, "-c", TELL, str(tmp_path), "show", "talk", "describe", "stop"]
    second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert second.stdout and second.stdout.readline() == "here\n"
    qtbot.wait(300)  # so that it mostly comes before the first one listens; it must be heard in any case
    first.start_listening()
    qtbot.waitUntil(lambda: second.poll() is not None)
    assert first.is_first
    assert second.stdout.read() == "False [True, True, True, True]\n"
    assert commands == ["show", "talk", "describe", "stop"]
    assert SingleInstance(tmp_path / "another home").is_first


def test_first_instance_drops_unknown_or_overlong_commands(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> None:
    from PySide6.QtNetwork import QLocalSocket

    first, commands = SingleInstance(tmp_path), list[str]()
    first.command_received.connect(commands.append)
    first.start_listening()
    callers = []
    for said in (b"rm -rf", b"talk\n", b"x" * 30_000_000, b"showshow", b"\xff\xfe", b"st"):
        caller = QLocalSocket()
        caller.connectToServer(first.server_name)
        assert caller.waitForConnected(5000)
        caller.write(said)
        callers.append(caller)
    qtbot.waitUntil(
        lambda: all(connection.state() == QLocalSocket.LocalSocketState.UnconnectedState for connection in callers[:-1])
    )
    assert not commands and not any(connection.bytesAvailable() for connection in callers)
    callers[-1].write(b"op")  # the rest of "stop", which the first waits for
    qtbot.waitUntil(lambda: bool(commands))
    assert commands == ["stop"]
    silent = QLocalSocket()
    silent.connectToServer(first.server_name)
    qtbot.waitUntil(lambda: silent.state() == QLocalSocket.LocalSocketState.UnconnectedState)


def test_hanging_first_instance_is_reported_by_the_second(qapp: QApplication, tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HANG, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    environment = {**os.environ, "HARK_HOME": str(tmp_path), "DISPLAY": ":none"}
    second = None
    try:
        assert first.stdout and first.stdout.readline() == "there\n"
        done = subprocess.run([sys.executable, "-c", TELL, str(tmp_path), "show"], capture_output=True, text=True)
        assert done.stdout == "here\nFalse [False]\n"
        second = subprocess.Popen([sys.executable, "-m", "ui"], env=environment, stderr=subprocess.PIPE, text=True)
        assert second.stderr and any("does not answer" in line and str(tmp_path) in line for line in second.stderr)
    finally:
        for process in filter(None, (first, second)):
            process.kill()
            process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="a folder in which nobody can make anything")
def test_window_starts_when_the_lock_cannot_be_made(qapp: QApplication) -> None:
    """ENOENT and EROFS or EPERM, as in a home that is read-only: neither is another Hark."""
    assert SingleInstance(Path("/proc/hark/none")).is_first and SingleInstance(Path("/proc")).is_first


def test_killed_instance_does_not_count_as_first(qapp: QApplication, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from PySide6.QtCore import QCoreApplication;"
        "a = QCoreApplication([]);"
        "from ui.desktop.single_instance import SingleInstance;"
        "i = SingleInstance(Path(sys.argv[1])); i.start_listening();"
        "print(i.is_first); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout == "True\n"
    after = SingleInstance(tmp_path)
    assert after.is_first
    after.start_listening()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_window_starts_in_a_read_only_home(qapp: QApplication, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert SingleInstance(tmp_path).is_first


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[DBusConnection]:
    """A session bus of the test's own, and a connection to it."""
    from jeepney.io.blocking import open_dbus_connection

    if not shutil.which("dbus-daemon"):
        missing("dbus-daemon is not installed: apt install dbus-daemon")
    command = ["dbus-daemon", "--session", "--print-address", "--nofork", "--nopidfile"]
    daemon = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert daemon.stdout
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", daemon.stdout.readline().strip())
    try:
        with open_dbus_connection(bus="SESSION") as connection:
            yield connection
    finally:
        daemon.kill()
        daemon.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="freedesktop.org's notifications")
def test_without_a_tray_the_desktop_is_asked_to_tell_that_an_answer_is_ready(
    qtbot: QtBot, qapp: QApplication, bus: DBusConnection
) -> None:
    from jeepney import HeaderFields, message_bus, new_method_return
    from jeepney.io.blocking import Proxy

    window = QWidget()
    tray = TrayIcon(window)
    notifier = tray.findChild(QProcess)
    assert notifier
    Proxy(message_bus, bus).RequestName("org.freedesktop.Notifications")
    assert not tray.is_available and QApplication.activeWindow() is None
    for last in (0, 7):
        tray.notify_answer_ready()
        bus.send(new_method_return(called(bus), "as", (["body"],)))
        call = called(bus)
        assert call.header.fields[HeaderFields.signature] == "susssasa{sv}i"
        assert call.body[1] == last and call.body[3:5] == ("Hark", "An answer is ready.")
        bus.send(new_method_return(call, "u", (7,)))
        qtbot.waitUntil(lambda: notifier.state() == QProcess.ProcessState.NotRunning)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    tray.notify_answer_ready()
    with pytest.raises(TimeoutError):
        bus.receive(timeout=0.5)
    window.deleteLater()


def called(bus: DBusConnection) -> Message:
    """Return the next call that arrives on the bus."""
    from jeepney import MessageType

    while (message := bus.receive(timeout=10)).header.message_type != MessageType.method_call:
        pass
    return message


@pytest.mark.skipif(sys.platform != "linux", reason="freedesktop.org's notifications")
@pytest.mark.parametrize(
    ("able", "body"), [(["body", "body-markup"], "&lt;img src='/x'&gt; &amp;"), (["body"], "<img src='/x'> &")]
)
def test_a_notice_is_never_markup_whatever_the_desktop_can_show(
    bus: DBusConnection, able: list[str], body: str
) -> None:
    from jeepney import message_bus, new_method_return
    from jeepney.io.blocking import Proxy

    Proxy(message_bus, bus).RequestName("org.freedesktop.Notifications")
    command = [sys.executable, "-P", "-m", "ui.desktop.notification", "0", "<img src='/x'> &"]
    notice = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    bus.send(new_method_return(called(bus), "as", (able,)))
    call = called(bus)
    bus.send(new_method_return(call, "u", (7,)))
    assert call.body[4] == body and notice.communicate(timeout=20)[0].strip() == "7"


def test_the_trays_menu_does_what_it_says(qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/none")
    monkeypatch.setattr(QApplication, "activeWindow", lambda: None)
    window, commands = QWidget(), list[str]()
    tray = TrayIcon(window)
    tray.command_requested.connect(commands.append)
    menu, notifier = window.findChild(QMenu), tray.findChild(QProcess)
    assert menu and notifier
    for action in menu.actions():
        assert action.text()
        action.trigger()
    assert commands == ["show", "talk", "stop", "describe", "quit"]
    for _ in range(2):
        tray.notify_answer_ready()  # to a desktop that is not there
        qtbot.waitUntil(lambda: notifier.state() == QProcess.ProcessState.NotRunning)
        assert notifier.arguments()[3] == "0", "no notification to be replaced"
    window.deleteLater()


@pytest.mark.skipif(sys.platform != "linux", reason="freedesktop.org's files")
def test_desktop_menu_and_autostart_entries_are_written(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert "--describe" in desktop_entry.install_entry(b"png")
    entry = tmp_path / "data" / "applications" / "hark.desktop"
    assert "Actions=Talk;Stop;Describe;" in entry.read_text() and "描述" in entry.read_text()
    assert (tmp_path / "data/icons/hicolor/256x256/apps/hark.png").read_bytes() == b"png"
    if shutil.which("desktop-file-validate"):
        subprocess.run(["desktop-file-validate", str(entry)], check=True)
    start = tmp_path / "config" / "autostart" / "hark.desktop"
    desktop_entry.set_autostart(True)
    assert "--away" in start.read_text()
    for _ in range(2):
        desktop_entry.set_autostart(False)
        assert not start.exists()
    (tmp_path / "config" / "autostart").rmdir()
    (tmp_path / "config" / "autostart").write_text("a file in the way")
    with pytest.raises(NotAvailableError, match="could not be changed"):
        desktop_entry.set_autostart(True)


def test_the_icon_has_all_sizes(qapp: QApplication) -> None:
    assert {size.width() for size in app_icon().availableSizes()} == {16, 24, 32, 48, 64, 128, 256}


def test_a_bundle_becomes_an_appdir(tmp_path: Path) -> None:
    script = ROOT / "resources" / "packages" / "appdir.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=60)
    assert os.access(tmp_path / "AppRun", os.X_OK) and (tmp_path / "hark.png").read_bytes().startswith(b"\x89PNG")
    assert "Exec=hark-window --talk" in (tmp_path / "hark.desktop").read_text()
    (tmp_path / "hark-window").write_text('#!/bin/sh\necho "window $1"\n')
    (tmp_path / "hark-window").chmod(0o755)
    done = subprocess.run([tmp_path / "AppRun", "--away"], capture_output=True, text=True)
    assert done.stdout == "window --away\n"
