"""The window starts although a message bus of the desktop does not answer, and reports it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.support.message_buses import READER, SESSION, clear, fake_bus, owner, real_bus

__all__ = ["clear"]
pytestmark = pytest.mark.realtime
# The window with an engine that is not started; it tells what it says and which buses it uses.
WINDOW = """
import os, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from assistant.ipc.client import EngineClient
from ui import app
from ui.__main__ import main

class WatchedApp(app.DesktopApp):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.window.painted.connect(lambda: QTimer.singleShot(700, self.report))

    def report(self):
        messages = self.window.conversation_view.messages
        print([messages.item_at(row).text for row in range(messages.rowCount())])
        print(os.environ.get("DBUS_SESSION_BUS_ADDRESS", ""), os.environ.get("AT_SPI_BUS_ADDRESS", ""), flush=True)
        QApplication.quit()

EngineClient.start = lambda *_: None
app.DesktopApp = WatchedApp
sys.exit(main([]))
"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """Provide a screen without any other desktop service."""
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
    """Start a window with this environment and return its output lines."""
    variables = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", **environment}
    done = subprocess.run([sys.executable, "-c", WINDOW], env=variables, capture_output=True, text=True, timeout=60)
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
