"""Message buses for tests: real ones without services, and fakes that do not answer as a bus should."""

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


@contextlib.contextmanager
def fake_bus(path: Path, how: str) -> Iterator[str]:
    """Yield the address of a bus that behaves as one of `FAKES`."""
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
        for connection in (server, *calls):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


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
    """Hide all buses except those of the test."""
    for name in (SESSION, READER, "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, "")
    return monkeypatch


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
