"""The window appears whatever is broken around it, reports the fault, and then runs its start command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.history.turn_recorder import TurnRecorder

# The program on no screen; after its first paint and a look at the history it tells what it says, and ends.
WINDOW = """
import sys
from PySide6.QtCore import QTimer
from assistant.events import StateChanged
from assistant.ipc.client import EngineClient
from ui import app
from ui.__main__ import main

class WatchedApp(app.DesktopApp):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.window.painted.connect(lambda: print("painted", flush=True))
        self.history_access.opened.connect(lambda _: QTimer.singleShot(100, self.report))
        QTimer.singleShot(int(sys.argv[1]), self.report)

    def report(self):
        messages = self.window.conversation_view.messages
        print([messages.item_at(row).text for row in range(messages.rowCount())], flush=True)
        self.bridge.event_received.emit(StateChanged("ready"))
        print(EngineClient.calls, flush=True)
        self.window.end()
        self.window.close()

EngineClient.start = EngineClient.stop = lambda *_: None
EngineClient.calls = []
for name in ("press_talk_key", "tap_talk_key", "interrupt", "read_aloud", "apply_settings"):
    setattr(EngineClient, name, lambda self, *given, name=name: self.calls.append((name, *given)))
app.DesktopApp = WatchedApp
sys.exit(main(sys.argv[2:]))
"""


def start(home: Path, *arguments: str, wait_ms: int = 20_000) -> list[str]:
    """Return three output lines: that the window was painted, its messages, and its engine calls."""
    environment = {
        **os.environ, "HARK_HOME": str(home), "DISPLAY": ":none", "QT_QPA_PLATFORM": "offscreen",
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
    }  # fmt: skip
    command = [sys.executable, "-c", WINDOW, str(wait_ms), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    return done.stdout.splitlines()


def with_history(home: Path) -> Path:
    """The history's file, with a question in it."""
    history = TurnRecorder(home)
    history.add_turn(history.start_conversation("Tea"), "Tea?")
    history.close()
    return next(path for path in home.glob("*.sqlite*"))


def settings_fifo(home: Path) -> None:
    os.mkfifo(home / "settings.toml")


def settings_folder(home: Path) -> None:
    (home / "settings.toml").mkdir()


def settings_garbage(home: Path) -> None:
    (home / "settings.toml").write_bytes(bytes(range(256)) * 100)


def settings_wrong(home: Path) -> None:
    (home / "settings.toml").write_text("transcriber = 5\n[window]\ntheme = 9e999\n")


def history_garbage(home: Path) -> None:
    with_history(home).write_bytes(b"\xff" * 40_000)


def history_folder(home: Path) -> None:
    file = with_history(home)
    file.unlink()
    file.mkdir()


def history_without_tables(home: Path) -> None:
    import sqlite3

    with sqlite3.connect(with_history(home)) as base:
        base.execute("PRAGMA writable_schema = ON")
        base.execute("DELETE FROM sqlite_master")


def history_fifo(home: Path) -> None:
    file = with_history(home)
    file.unlink()
    os.mkfifo(file)


def lock_fifo(home: Path) -> None:
    os.mkfifo(home / "window.lock")


def lock_folder(home: Path) -> None:
    (home / "window.lock").mkdir()


def home_file(home: Path) -> None:
    home.rmdir()
    home.write_text("no folder")


def logs_file(home: Path) -> None:
    (home / "logs").write_text("no folder")


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "settings are a FIFO": (settings_fifo, "settings"), "settings are a folder": (settings_folder, "settings"),
    "settings are garbage": (settings_garbage, "settings"), "settings are of wrong types": (settings_wrong, "settings"),
    "history is garbage": (history_garbage, "history"), "history is a folder": (history_folder, "history"),
    "history has no tables": (history_without_tables, ""), "home is a file": (home_file, ""),
    "logs are a file": (logs_file, ""), "history is a FIFO": (history_fifo, "history"),
    "the lock is a FIFO": (lock_fifo, ""), "the lock is a folder": (lock_folder, ""),
}  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="no screen and no display server")
@pytest.mark.parametrize("fault", BROKEN)
def test_the_window_appears_and_says_what_is_broken(home: Path, fault: str) -> None:
    home.mkdir(exist_ok=True)
    breaks, notice = BROKEN[fault]
    breaks(home)
    painted, said, _ = start(home)
    assert painted == "painted" and notice in said.lower(), said


@pytest.mark.skipif(sys.platform != "linux", reason="no screen and no display server")
@pytest.mark.parametrize(
    ("argument", "expected_call"),
    [("--talk", "[('press_talk_key',), ('tap_talk_key',)]"), ("--stop", "('interrupt',)]")],
)
def test_a_first_start_does_what_it_was_started_for_when_the_engine_is_ready(
    home: Path, argument: str, expected_call: str
) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("[window]\nfirst_run_done = true\n")
    painted, _, calls = start(home, argument)
    assert painted == "painted" and calls.endswith(expected_call), calls
