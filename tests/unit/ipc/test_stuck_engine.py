"""The engine's process frozen, stuck or slow: what is told, what is replaced, and that nothing asked is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assistant import events
from assistant.engine_commands import Ask, Start
from assistant.ipc import protocol
from assistant.ipc.protocol import encode_frame
from assistant.ipc.watchdog import WatchdogLimits
from assistant.settings import ResponderSettings, Settings, VoiceSettings
from tests.support import broken_voices
from tests.support.engine_harness import QUIET, ChildProcessEngine

StartEngine = Callable[[Settings, WatchdogLimits], ChildProcessEngine]


@pytest.fixture
def start(home: Path, no_thread_left: None) -> Iterator[StartEngine]:
    harnesses: list[ChildProcessEngine] = []

    def make(settings: Settings, limits: WatchdogLimits) -> ChildProcessEngine:
        harnesses.append(ChildProcessEngine(settings, limits))
        harnesses[-1].until(events.StateChanged, state="ready", seconds=90)
        return harnesses[-1]

    yield make
    for harness in harnesses:
        harness.engine.stop()


def restarts(harness: ChildProcessEngine) -> int:
    harness.drain()
    return harness.seen.count(events.StateChanged("restarting"))


def test_frozen_engine_is_replaced_and_the_question_answered(start: StartEngine) -> None:
    harness = start(QUIET, WatchdogLimits(stop_s=60))  # by itself, not because the user waits
    pid = harness.engine.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    harness.engine.attach_encoded_picture(bytes(5_000_000), "larger than a pipe holds.png")
    harness.engine.ask("still there")
    harness.until(events.StateChanged, state="frozen", seconds=20)
    harness.until(events.StateChanged, state="restarting", seconds=20)
    assert harness.until(events.TurnEnded, reason="answered", seconds=90).heard == "still there"
    assert harness.engine.pid != pid


def test_engine_that_freezes_for_a_moment_is_kept(start: StartEngine) -> None:
    harness = start(QUIET, WatchdogLimits(frozen_s=1.5, dead_s=300))
    pid = harness.engine.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    harness.until(events.StateChanged, state="frozen")
    os.kill(pid, signal.SIGCONT)
    harness.until(events.StateChanged, state="ready")
    harness.engine.ask("and on")
    assert harness.until(events.TurnEnded).answer.split() == ["and", "on"]
    assert harness.engine.pid == pid and not restarts(harness)


def test_voice_that_never_ends_is_interrupted_by_the_user(start: StartEngine, tmp_path: Path) -> None:
    voice = f"piper/{broken_voices.endless(tmp_path)}"
    harness = start(replace(QUIET, voice=VoiceSettings(voice)), WatchdogLimits(working_s=1.0, stop_s=1.0))
    harness.engine.ask("one two.")
    harness.until(events.StateChanged, state="working")
    harness.engine.interrupt()
    assert harness.until(events.TurnEnded).reason == "interrupted"
    harness.engine.ask("and now.")
    harness.until(events.Heard, text="and now.", seconds=90)
    harness.until(events.Wrote, seconds=90)


def test_voice_that_never_ends_is_replaced_at_the_third_time(start: StartEngine, tmp_path: Path) -> None:
    folder = broken_voices.endless(tmp_path)
    harness = start(replace(QUIET, voice=VoiceSettings(f"piper/{folder}")), WatchdogLimits(working_s=0.5, stop_s=0.5))
    for _ in range(3):
        harness.engine.ask("one two.")
        harness.until(events.Said, seconds=90)
        harness.until(events.StateChanged, state="working", seconds=90)  # at the voice, not at what came before
        harness.engine.interrupt()
        harness.until(events.StateChanged, state="restarting", seconds=90)
        harness.until(events.StateChanged, state="ready", seconds=90)
    notes = [event.message for event in harness.seen if isinstance(event, events.Notice)]
    assert [note for note in notes if str(folder) in note and "three times" in note], notes


def test_step_over_its_limit_restarts_the_engine(start: StartEngine, tmp_path: Path) -> None:
    voice = f"piper/{broken_voices.endless(tmp_path)}"
    harness = start(replace(QUIET, voice=VoiceSettings(voice)), WatchdogLimits(factor=0.2))
    harness.engine.ask("one two.")
    harness.until(events.StateChanged, state="restarting")
    harness.until(events.StateChanged, state="ready", seconds=90)


def test_looping_chat_template_is_refused_and_the_engine_goes_on(
    start: StartEngine, tiny: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "looping")
    rows = "{% for row in range(99999) %}"
    (folder / "chat_template.jinja").write_text(rows * 3 + "{% endfor %}" * 3)
    harness = start(
        replace(QUIET, responder=ResponderSettings(backend="qwen2-vl", model=str(folder))), WatchdogLimits()
    )
    failed = [event for event in harness.seen if isinstance(event, events.ErrorOccurred)]
    assert failed and str(folder) in failed[-1].message
    harness.engine.apply_settings(QUIET)
    harness.engine.ask("and now")
    assert harness.until(events.TurnEnded, reason="answered").answer.split() == ["and", "now"]
    assert not restarts(harness)


def test_slow_but_healthy_step_is_reported_and_not_ended(start: StartEngine) -> None:
    slow = replace(QUIET, responder=ResponderSettings(backend="silent", model="3"))
    harness = start(slow, WatchdogLimits(working_s=1.0, frozen_s=2.0, stop_s=0.5))
    pid = harness.engine.pid
    harness.engine.ask("one two three")
    harness.until(events.StateChanged, state="working")
    assert harness.until(events.TurnEnded, reason="answered").answer.split() == ["one", "two", "three"]
    assert harness.engine.pid == pid and not restarts(harness)


FIRST = protocol.encode(Start(QUIET))


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n", encode_frame("Start", {}), encode_frame("Start", {"settings": 5}),
        protocol.encode(Ask("hello")), FIRST + encode_frame("Ask", {"text": 5}),
        FIRST + encode_frame("Ask", {"text": "", "nonsense": 1}), FIRST + FIRST, FIRST + encode_frame("Stop", {}),
        FIRST + encode_frame("EditPicture", {"digest": "", "box": [None]}),
        FIRST + b"\0\0\0\x01\0\0\0\0" + b"5", FIRST + b"\xff" * 20,
    ],
)  # fmt: skip
def test_engine_that_is_sent_nonsense_ends_cleanly(sent: bytes, home: Path) -> None:
    command = [sys.executable, "-P", "-m", "assistant.ipc.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdin and child.stderr
        child.stdin.write(sent)
        child.stdin.flush()  # and not closed: nothing but the frame itself ends it
        child.wait(60)
        assert b"Traceback" not in child.stderr.read()
