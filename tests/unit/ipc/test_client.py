"""The engine in its own process: killed, frozen, crashing; nothing that was said is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assistant import events
from assistant.engine_commands import Start
from assistant.events import StateChanged
from assistant.history.turn_recorder import TurnRecorder
from assistant.ipc import protocol
from assistant.settings import MemorySettings, ResponderSettings
from assistant.starter import demo
from tests.support.engine_harness import QUIET, ChildProcessEngine


@pytest.fixture
def harness(home: Path, no_thread_left: None) -> Iterator[ChildProcessEngine]:
    harness = ChildProcessEngine(QUIET)
    yield harness
    harness.engine.stop()


def test_question_is_answered_by_the_engines_process(harness: ChildProcessEngine) -> None:
    harness.engine.ask("one two")
    ended = harness.until(events.TurnEnded)
    assert ended.answer.split() == ["one", "two"]
    pid = harness.engine.pid
    harness.engine.stop()
    assert pid and not Path(f"/proc/{pid}").exists(), "it is gone, and was waited for"


def test_question_to_a_killed_engine_is_answered_by_the_next(harness: ChildProcessEngine, tmp_path: Path) -> None:
    harness.until(events.StateChanged, state="ready")
    demo.make_demo(3).picture.save(tmp_path / "p.png")
    harness.engine.attach_file(str(tmp_path / "p.png"))
    harness.until(events.PictureAdded)
    assert harness.engine.pid
    os.kill(harness.engine.pid, signal.SIGKILL)
    harness.engine.ask("still there")
    harness.until(events.StateChanged, state="restarting")
    harness.until(events.PictureAdded)  # the tray is filled again
    ended = harness.until(events.TurnEnded)
    assert ended.heard == "still there"


def test_pages_of_a_tiff_are_added_once_and_restored_after_a_crash(harness: ChildProcessEngine, tmp_path: Path) -> None:
    harness.until(events.StateChanged, state="ready")
    pages = [demo.make_demo(seed).picture for seed in range(12)]
    pages[0].save(tmp_path / "scan.tiff", save_all=True, append_images=pages[1:])
    harness.engine.attach_file(str(tmp_path / "scan.tiff"))
    names = [harness.until(events.PictureAdded).name for _ in range(10)]
    assert names == ["scan.tiff", *(f"scan.tiff#page={page}" for page in range(2, 11))]
    notes = [event.message for event in harness.seen if isinstance(event, events.Notice)]
    assert "Only the first 10 pages of scan.tiff were added." in notes
    assert harness.engine.pid
    os.kill(harness.engine.pid, signal.SIGKILL)
    assert [harness.until(events.PictureAdded).name for _ in range(10)] == names
    harness.engine.ask("done")
    harness.until(events.TurnEnded)
    shown = [event for event in harness.seen if isinstance(event, events.PictureAdded)]
    assert len(shown) == 20, "the pages were not asked for a second time"


def test_picture_removed_while_the_engine_is_dead_is_not_restored(harness: ChildProcessEngine, tmp_path: Path) -> None:
    harness.until(events.StateChanged, state="ready")
    demo.make_demo(3).picture.save(tmp_path / "p.png")
    harness.engine.attach_file(str(tmp_path / "p.png"))
    digest = harness.until(events.PictureAdded).digest
    assert harness.engine.pid
    os.kill(harness.engine.pid, signal.SIGSTOP)
    harness.engine.remove_picture(digest)
    os.kill(harness.engine.pid, signal.SIGKILL)
    harness.until(events.StateChanged, state="restarting")
    harness.until(events.PictureRemoved, digest=digest)


def test_question_of_a_million_letters_passes_the_pipe(harness: ChildProcessEngine) -> None:
    harness.engine.ask("天" * 1_000_000)
    heard = harness.until(events.Heard)
    assert len(heard.text) == 1_000_000


def test_turn_cut_by_a_crash_ends_as_interrupted(harness: ChildProcessEngine, home: Path) -> None:
    harness.engine.ask("a " * 20_000)
    harness.until(events.Wrote)
    assert harness.engine.pid
    os.kill(harness.engine.pid, signal.SIGKILL)
    ended = harness.until(events.TurnEnded)
    assert ended.reason == "interrupted" and ended.id
    harness.until(events.StateChanged, state="ready")
    history = TurnRecorder(home)
    (turn,) = history.store.last_turns(1)
    history.close()
    assert turn.question.startswith("a a") and turn.state == "interrupted"


def test_model_that_crashes_three_times_while_loading_is_replaced_by_the_starter_kit(
    home: Path, no_thread_left: None
) -> None:
    harness = ChildProcessEngine(
        replace(QUIET, responder=ResponderSettings(backend="qwen2-vl", model="/models/broken"))
    )
    try:
        for _ in range(3):
            harness.until(events.ModelLoading, role="responder", is_loaded=False)
            assert harness.engine.pid
            os.kill(harness.engine.pid, signal.SIGKILL)
            harness.until(events.StateChanged, state="restarting")
        harness.until(events.StateChanged, state="ready", seconds=60)
        notes = [event.message for event in harness.seen if isinstance(event, events.Notice)]
        assert [note for note in notes if "/models/broken" in note and "three times" in note], notes
        harness.engine.apply_settings(
            replace(harness.settings, memory=MemorySettings(unload_after_minutes=9))
        )  # another setting brings it not back
        harness.until(events.StateChanged, state="loading")
        harness.until(events.StateChanged, state="ready")
        harness.engine.apply_settings(
            replace(harness.settings, responder=ResponderSettings(backend="qwen2-vl", model="/models/other"))
        )
        assert "/models/other" in harness.until(events.Notice).message, "another choice is tried"
        harness.engine.apply_settings(harness.settings)
        assert "/models/broken" in harness.until(events.Notice).message, "and then the first one, too"
    finally:
        harness.engine.stop()


def test_engine_process_ends_when_its_window_is_gone(home: Path) -> None:
    command = [sys.executable, "-P", "-m", "assistant.ipc.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        child.stdin.write(protocol.encode(Start(QUIET)))
        child.stdin.flush()
        while (frame := protocol.read_frame(child.stdout)) and protocol.decode_event(frame) != StateChanged("ready"):
            pass
        child.stdin.close()  # what the system does when the window is killed
        assert child.wait(60) in (0, 1)  # 1 where a library held it up for longer than its half second
