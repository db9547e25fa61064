"""A message bus of the desktop that does not answer: the window comes all the same, and says so."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import missing
from ui import message_bus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="D-Bus is asked at the start on Linux alone")
SESSION, READER = "DBUS_SESSION_BUS_ADDRESS", "AT_SPI_BUS_ADDRESS"
FAKES: dict[str, Callable[[socket.socket], object]] = {
    "accepts and is silent": lambda call: call.recv(4096),
    "breaks off": lambda call: (call.recv(4096), call.close()),
    "answers garbage": lambda call: (call.recv(4096), call.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "answers without an end": lambda call: (call.recv(4096), call.sendall(b"x" * 100_000)),
    "is silent after it knows us": lambda call: (call.recv(4096), call.sendall(b"OK 1234\r\n"), call.recv(4096)),
    "answers with a message of 4 GB": lambda call: (
        call.recv(4096), call.sendall(b"OK 1\r\n"), call.recv(4096), call.sendall(b"l\2\1\1" + b"\xff" * 12),
    ),
    "answers with no message": lambda call: (
        call.recv(4096), call.sendall(b"OK 1\r\n"), call.recv(4096), call.sendall(bytes(64)),
    ),
}  # fmt: skip
# The window with an engine that is not started; it tells what it says and which buses it uses.
WINDOW = """
import os, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from assistant.process import EngineProcess
from ui import start
from ui.__main__ import main
from ui.window import Window

class Watched(Window):
    def __init__(self, bridge):
        super().__init__(bridge)
        self.painted.connect(lambda: QTimer.singleShot(700, self.tell))

    def tell(self):
        messages = self.conversation.messages
        print([messages.at(row).text for row in range(messages.rowCount())])
        print(os.environ.get("DBUS_SESSION_BUS_ADDRESS", ""), os.environ.get("AT_SPI_BUS_ADDRESS", ""), flush=True)
        QApplication.quit()

EngineProcess.start = lambda *_: None
start.Window = Watched
sys.exit(main([]))
"""


@contextlib.contextmanager
def fake_bus(path: Path, how: str) -> Iterator[str]:
    """The address of a bus that answers as one of `FAKES`."""
    server, calls = socket.socket(socket.AF_UNIX), list[socket.socket]()
    server.bind(str(path))
    server.listen(20)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                calls.append(server.accept()[0])
                threading.Thread(target=answer, args=(calls[-1],), daemon=True).start()

    def answer(call: socket.socket) -> None:
        with contextlib.suppress(OSError):
            FAKES[how](call)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"unix:path={path}"
    finally:
        for one in (server, *calls):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextlib.contextmanager
def real_bus() -> Iterator[tuple[str, int]]:
    """A bus as desktops have them, without services: its address and process number."""
    if not shutil.which("dbus-daemon"):
        missing("dbus-daemon is not installed: apt install dbus-daemon")
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "bus.conf"
        config.write_text(
            f"<busconfig><listen>unix:path={folder}/bus</listen><policy context='default'>"
            "<allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/><allow own='*'/>"
            "</policy></busconfig>"
        )
        command = ["dbus-daemon", f"--config-file={config}", "--print-address", "--nofork", "--nopidfile"]
        daemon = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert daemon.stdout
        try:
            yield daemon.stdout.readline().strip(), daemon.pid
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
            daemon.kill()
            daemon.wait()


@pytest.fixture
def clear(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No bus but those of the test."""
    for name in (SESSION, READER, "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, "")
    return monkeypatch


@pytest.mark.parametrize("how", FAKES)
def test_a_session_bus_that_does_not_answer_is_left_out_and_told(
    clear: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    with fake_bus(tmp_path / "bus", how) as address:
        clear.setenv(SESSION, f"unix:path={tmp_path / 'none'};{address},guid=12")
        assert message_bus.leave_out_silent() == message_bus._NO_SESSION
    assert os.environ[SESSION] == "disabled:" and not os.environ[READER]


@pytest.mark.parametrize("how", FAKES)
def test_a_bus_of_screen_readers_that_does_not_answer_is_left_out_and_the_session_bus_kept(
    clear: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    with fake_bus(tmp_path / "bus", how) as address, real_bus() as (session, _):
        clear.setenv(READER, address)
        clear.setenv(SESSION, session)
        assert message_bus.leave_out_silent() == message_bus._NO_READER
    assert os.environ[READER] == "disabled:" and os.environ[SESSION] == session


def test_the_usual_place_of_a_session_bus_is_looked_at_too(clear: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clear.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert message_bus.leave_out_silent() == "" and not os.environ[SESSION]
    with fake_bus(tmp_path / "bus", "accepts and is silent"):
        assert message_bus.leave_out_silent() == message_bus._NO_SESSION


@pytest.mark.parametrize("address", ["", "disabled:", "autolaunch:", "unix:path=/dev/null", "unix:path=/none", ";,=:%"])
def test_no_bus_at_all_is_no_fault(clear: pytest.MonkeyPatch, address: str) -> None:
    clear.setenv(SESSION, address)
    clear.setenv(READER, address)
    assert message_bus.leave_out_silent() == ""
    assert os.environ[SESSION] == os.environ[READER] == address


def test_a_bus_that_answers_is_kept(clear: pytest.MonkeyPatch) -> None:
    clear.setattr(message_bus, "_DEADLINE_S", 20.0)  # the machine may do other work
    with real_bus() as (session, _), real_bus() as (reader, _), owner(session, "org.a11y.Bus", reader):
        clear.setenv(SESSION, session)
        assert message_bus.leave_out_silent() == "" and not os.environ[READER]
        bus = message_bus._Bus(session)
        assert bus.connected and bus.accessibility_address() == reader
        bus.close()


def test_a_bus_that_was_stopped_is_left_out(clear: pytest.MonkeyPatch) -> None:
    with real_bus() as (session, process):
        os.kill(process, signal.SIGSTOP)
        clear.setenv(SESSION, session)
        assert message_bus.leave_out_silent() == message_bus._NO_SESSION


def test_a_service_of_screen_readers_that_does_not_answer_is_left_out(clear: pytest.MonkeyPatch) -> None:
    with real_bus() as (session, _), owner(session, "org.a11y.Bus"):
        clear.setenv(SESSION, session)
        assert message_bus.leave_out_silent() == message_bus._NO_READER
        assert os.environ[READER] == "disabled:" and os.environ[SESSION] == session


OWNER = """
import sys
from jeepney import HeaderFields, MessageType, message_bus, new_method_return
from jeepney.io.blocking import Proxy, open_dbus_connection

with open_dbus_connection(bus="SESSION") as bus:
    Proxy(message_bus, bus).RequestName(sys.argv[1])
    print("there", flush=True)
    while True:
        call = bus.receive()
        if sys.argv[2] and call.header.message_type == MessageType.method_call:
            if call.header.fields[HeaderFields.member] == "Get":
                bus.send(new_method_return(call, "v", (("b", True),)))
            else:
                bus.send(new_method_return(call, "s", (sys.argv[2],)))
"""


@contextlib.contextmanager
def owner(session: str, name: str, address: str = "") -> Iterator[None]:
    """A service of this name, which gives an address, or never answers."""
    environment = {**os.environ, SESSION: session}
    command = [sys.executable, "-c", OWNER, name, address]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    assert process.stdout
    try:
        assert process.stdout.readline().strip() == b"there"
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A screen, and nothing else of a desktop."""
    if not shutil.which("Xvfb"):
        missing("Xvfb is not installed: apt install xvfb")
    ours, theirs = os.pipe()
    command = ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(theirs,), stderr=subprocess.DEVNULL)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        yield f":{pipe.readline().strip()}"
    server.kill()
    server.wait()


def window(display: str, **environment: str) -> list[str]:
    """What a window that was started so tells, line by line."""
    given = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", **environment}
    done = subprocess.run([sys.executable, "-c", WINDOW], env=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "how", ["accepts and is silent", "breaks off", "answers garbage", "is silent after it knows us"]
)
def test_the_window_comes_and_says_that_the_session_bus_does_not_answer(
    clear: pytest.MonkeyPatch, display: str, tmp_path: Path, how: str
) -> None:
    with fake_bus(tmp_path / "bus", how) as address:
        said, used = window(display, **{SESSION: address})
    assert "D-Bus" in said and "start Hark again" in said and used.split() == ["disabled:"]


def test_the_window_comes_where_no_bus_of_screen_readers_or_of_the_system_answers(
    clear: pytest.MonkeyPatch, display: str, tmp_path: Path
) -> None:
    with fake_bus(tmp_path / "bus", "accepts and is silent") as address, real_bus() as (session, _):
        said, used = window(
            display, **{SESSION: session, READER: address, "DBUS_SYSTEM_BUS_ADDRESS": address}
        )  # fmt: skip
        assert "AT-SPI" in said and "start Hark again" in said and used.split() == [session, "disabled:"]
        with owner(session, "org.a11y.Bus"):
            said, used = window(display, **{SESSION: session, "XDG_CURRENT_DESKTOP": "GNOME"})
        assert "AT-SPI" in said and used.split() == [session, "disabled:"]
