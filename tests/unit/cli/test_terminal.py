"""Ctrl-C at any moment, and standard output that is closed, full, or no longer read: real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.cli.console import CommandConsole
from assistant.cli.json_events import event_to_json
from assistant.events import TurnEnded
from assistant.interrupted import INTERRUPTED_JSON_LINE
from tests.conftest import Ran

HARK = [sys.executable, "-m", "assistant.cli"]
COMMANDS = (
    ["ask", "Hello?"],
    ["ask", "Hello?", "--json"],
    ["voices"],
    ["models"],
    ["doctor"],
    ["--help"],
    ["--version"],
)
needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")


def run(command: list[str], redirection: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f'"$@" {redirection}', "bash", *HARK, *command], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_closed_output_is_nobody_listening(command: list[str]) -> None:
    done = run(command, ">&-")
    assert done.returncode == 0 and "Traceback" not in done.stderr and "Exception" not in done.stderr, done.stderr


@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_full_output_is_1_and_one_sentence(
    command: list[str], unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    done = run(command, ">/dev/full")
    assert done.returncode == 1 and done.stderr.count("cannot be written: No space left on device.") == 1, done.stderr
    assert "Traceback" not in done.stderr and "Something went wrong" not in done.stderr


@needs_full
def test_full_or_closed_error_output_changes_nothing() -> None:
    for redirection in ("2>/dev/full", "2>&-"):
        done = run(["ask", "Hello?", "--json"], redirection)
        assert done.returncode == 0, redirection
        assert json.loads(done.stdout.splitlines()[-1])["reason"] == "answered", redirection
        done = run(["ask", "--json"], redirection)
        assert done.returncode == 2 and all(json.loads(line) for line in done.stdout.splitlines()), redirection


@pytest.mark.parametrize("command", [["ask", "Hello?", "--json"], ["voices"], ["demo"], ["--help"]], ids=" ".join)
def test_reader_that_goes_away_causes_no_error(command: list[str]) -> None:
    for reader in ("head -1", "true"):
        done = run(command, f"| {reader}; exit ${{PIPESTATUS[0]}}")
        assert done.returncode == 0 and "Traceback" not in done.stderr and "Exception" not in done.stderr, done.stderr


def test_history_of_a_program_without_output_is_whole(home: Path) -> None:
    """The next file that is opened would have taken the number of standard output."""
    import sqlite3

    assert run(["ask", "Hello?"], "<&- >&-").returncode == 0
    database = next(path for path in home.iterdir() if path.is_file() and path.read_bytes()[:6] == b"SQLite")
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _interrupted(command: list[str], seconds: float) -> tuple[int, str, str]:
    """Run the command and send Ctrl-C this many seconds after its first module is imported."""
    script = (
        "import os, sys, threading, signal, time\n"
        "sys.argv = ['hark', *sys.argv[2:]]; wait = float(os.environ['WAIT'])\n"
        "def send(): time.sleep(wait); os.kill(os.getpid(), signal.SIGINT)\n"
        "import assistant.cli.main\n"
        "signal.signal(signal.SIGINT, assistant.cli.main.exit_at_once)\n"
        "threading.Thread(target=send, daemon=True).start()\n"
        "assistant.cli.main.main()"
    )
    environment = {**os.environ, "WAIT": str(seconds)}
    done = subprocess.run(
        [sys.executable, "-c", script, "-", *command], env=environment, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", [["ask", "Hello?", "--json"], ["doctor"], ["listen", "--json"]], ids=" ".join)
def test_ctrl_c_at_any_moment_is_130_and_silent(command: list[str]) -> None:
    for number in range(12):
        code, out, err = _interrupted(command, number * 0.05)
        if code in (0, 4):
            break  # it had ended before
        assert code == 130 and "Traceback" not in err and "Exception" not in err, (number, code, err)
        if "--json" in command:
            lines = [json.loads(line) for line in out.splitlines()]
            assert (lines[-1]["event"], lines[-1]["reason"]) == ("ended", "interrupted"), number


def test_ctrl_c_while_an_error_is_printed_still_ends_with_its_line(
    cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CommandConsole, "print_error", interrupt)
    ran = cli("ask", "--json")  # without anything to ask
    assert (ran.code, ran.ended["reason"]) == (130, "interrupted")


def test_ctrl_c_while_python_itself_starts_leaves_no_traceback_of_ours() -> None:
    for number in range(10):
        child = subprocess.Popen([*HARK, "voices"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.03 * number)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
        assert "assistant/cli/main.py" not in err and "assistant/environment.py" not in err, err
        ours = child.returncode in (0, 130) and not err
        assert ours or child.returncode == -signal.SIGINT or "runpy" in err or "site" in err, (child.returncode, err)


def test_line_of_an_early_end_is_what_the_console_would_say() -> None:
    assert json.loads(INTERRUPTED_JSON_LINE) == event_to_json(TurnEnded("interrupted", ""))
