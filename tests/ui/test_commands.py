"""`hark-window` as a command: its arguments, and what is asked of the window from outside before it is ready."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from assistant import __version__, events
from tests.support.window_harness import WindowHarness
from ui.__main__ import main, parse_arguments

BARE = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}


@pytest.mark.parametrize(
    ("argument", "said"), [("--help", "usage: hark-window"), ("--version", f"hark-window {__version__}")]
)
def test_help_and_version_need_neither_display_nor_qt(argument: str, said: str) -> None:
    code = (
        "import sys; from ui.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: print(end.code, [one for one in sys.modules if one.startswith('PySide6')])"
    )
    done = subprocess.run([sys.executable, "-c", code, argument], env=BARE, capture_output=True, text=True, timeout=60)
    assert said in done.stdout and done.stdout.splitlines()[-1] == "0 []" and not done.stderr


@pytest.mark.parametrize(
    "arguments", [["--tlak"], ["talk"], ["--talk", "--stop"], ["--away", "--install"], ["-platform", "vnc"], ["--ta"]]
)
def test_unknown_arguments_are_refused_with_a_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr().err
    assert end.value.code == 2 and said.count("\n") == 1 and said.endswith("See hark-window --help.\n"), said


def test_the_real_program_refuses_an_unknown_argument() -> None:
    done = subprocess.run([sys.executable, "-m", "ui", "--tlak"], env=BARE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr == "Unrecognized arguments: --tlak. See hark-window --help.\n"


def test_arguments_say_what_the_window_is_started_for() -> None:
    assert parse_arguments([]).command == "show" and not parse_arguments([]).away and not parse_arguments([]).install
    assert [parse_arguments([f"--{deed}"]).command for deed in ("talk", "stop", "describe")] == [
        "talk",
        "stop",
        "describe",
    ]
    assert parse_arguments(["--away"]).away and parse_arguments(["--install"]).install


def test_a_command_that_comes_before_the_engine_is_ready_is_carried_out_then(harness: WindowHarness) -> None:
    harness.calls.clear()
    for command in ("stop", "talk"):
        harness.app.commands.run_command(command)
    assert not harness.calls
    harness.on(events.StateChanged("ready"))
    assert harness.calls == [("press_talk_key",), ("tap_talk_key",)], "the last of several, once"
    harness.on(events.StateChanged("ready"))
    assert harness.calls == [("press_talk_key",), ("tap_talk_key",)]
    harness.app.commands.run_command("stop")
    assert harness.calls[-1] == ("interrupt",), "and at once from then on"


def test_describe_that_comes_before_the_engine_is_ready_looks_at_the_screen_then(
    harness: WindowHarness,
) -> None:
    looked: list[bool] = []
    harness.app.commands.describe_requested.connect(lambda: looked.append(True))
    harness.app.commands.run_command("describe")
    harness.app.commands.run_command("show")
    assert not looked and harness.window.isVisible()
    harness.on(events.StateChanged("ready"))
    assert looked == [True]
