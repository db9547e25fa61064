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
def running(home: Path, no_thread_left: None) -> Iterator[ChildProcessEngine]:
    made = ChildProcessEngine(QUIET)
    yield made
    made.engine.stop()


def test_a_question_is_answered_through_the_process(running: ChildProcessEngine) -> None:
    running.engine.ask("one two")
    ended = running.until(events.TurnEnded)
    assert ended.answer.split() == ["one", "two"]
    pid = running.engine.pid
    running.engine.stop()
    assert pid and not Path(f"/proc/{pid}").exists(), "it is gone, and was waited for"


def test_what_was_asked_of_a_killed_engine_is_answered_by_the_next(running: ChildProcessEngine, tmp_path: Path) -> None:
    running.until(events.StateChanged, state="ready")
    demo.make_demo(3).picture.save(tmp_path / "p.png")
    running.engine.attach_file(str(tmp_path / "p.png"))
    running.until(events.PictureAdded)
    assert running.engine.pid
    os.kill(running.engine.pid, signal.SIGKILL)
    running.engine.ask("still there")
    running.until(events.StateChanged, state="restarting")
    running.until(events.PictureAdded)  # the tray is filled again
    ended = running.until(events.TurnEnded)
    assert ended.heard == "still there"


def test_all_pages_of_a_dropped_tiff_are_shown_once_and_again_after_a_crash(
    running: ChildProcessEngine, tmp_path: Path
) -> None:
    running.until(events.StateChanged, state="ready")
    pages = [demo.make_demo(seed).picture for seed in range(12)]
    pages[0].save(tmp_path / "scan.tiff", save_all=True, append_images=pages[1:])
    running.engine.attach_file(str(tmp_path / "scan.tiff"))
    names = [running.until(events.PictureAdded).name for _ in range(10)]
    assert names == ["scan.tiff", *(f"scan.tiff#page={page}" for page in range(2, 11))]
    notes = [event.message for event in running.seen if isinstance(event, events.Notice)]
    assert "Only the first 10 pages of scan.tiff were added." in notes
    assert running.engine.pid
    os.kill(running.engine.pid, signal.SIGKILL)
    assert [running.until(events.PictureAdded).name for _ in range(10)] == names
    running.engine.ask("done")
    running.until(events.TurnEnded)
    shown = [event for event in running.seen if isinstance(event, events.PictureAdded)]
    assert len(shown) == 20, "the pages were not asked for a second time"


def test_a_picture_let_go_while_the_engine_was_dead_does_not_come_back(
    running: ChildProcessEngine, tmp_path: Path
) -> None:
    running.until(events.StateChanged, state="ready")
    demo.make_demo(3).picture.save(tmp_path / "p.png")
    running.engine.attach_file(str(tmp_path / "p.png"))
    digest = running.until(events.PictureAdded).digest
    assert running.engine.pid
    os.kill(running.engine.pid, signal.SIGSTOP)
    running.engine.remove_picture(digest)
    os.kill(running.engine.pid, signal.SIGKILL)
    running.until(events.StateChanged, state="restarting")
    running.until(events.PictureRemoved, digest=digest)


def test_a_million_letters_of_any_language_are_asked(running: ChildProcessEngine) -> None:
    running.engine.ask("天" * 1_000_000)
    heard = running.until(events.Heard)
    assert len(heard.text) == 1_000_000


def test_a_turn_that_was_cut_is_told_and_marked(running: ChildProcessEngine, home: Path) -> None:
    running.engine.ask("a " * 20_000)
    running.until(events.Wrote)
    assert running.engine.pid
    os.kill(running.engine.pid, signal.SIGKILL)
    ended = running.until(events.TurnEnded)
    assert ended.reason == "interrupted" and ended.id
    running.until(events.StateChanged, state="ready")
    history = TurnRecorder(home)
    (turn,) = history.list_turns(1)
    history.close()
    assert turn.question.startswith("a a") and turn.state == "interrupted"


def test_a_model_that_crashes_three_times_while_loading_gives_way_to_the_starter_kit(
    home: Path, no_thread_left: None
) -> None:
    made = ChildProcessEngine(replace(QUIET, responder=ResponderSettings(backend="qwen2-vl", model="/models/broken")))
    try:
        for _ in range(3):
            made.until(events.ModelLoading, role="responder", done=False)
            assert made.engine.pid
            os.kill(made.engine.pid, signal.SIGKILL)
            made.until(events.StateChanged, state="restarting")
        made.until(events.StateChanged, state="ready", seconds=60)
        notes = [event.message for event in made.seen if isinstance(event, events.Notice)]
        assert [note for note in notes if "/models/broken" in note and "three times" in note], notes
        made.engine.apply_settings(
            replace(made.asked, memory=MemorySettings(unload_after_minutes=9))
        )  # another setting brings it not back
        made.until(events.StateChanged, state="loading")
        made.until(events.StateChanged, state="ready")
        made.engine.apply_settings(
            replace(made.asked, responder=ResponderSettings(backend="qwen2-vl", model="/models/other"))
        )
        assert "/models/other" in made.until(events.Notice).message, "another choice is tried"
        made.engine.apply_settings(made.asked)
        assert "/models/broken" in made.until(events.Notice).message, "and then the first one, too"
    finally:
        made.engine.stop()


def test_engine_process_ends_when_its_window_is_gone(home: Path) -> None:
    command = [sys.executable, "-P", "-m", "assistant.ipc.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        child.stdin.write(protocol.encode(Start(QUIET)))
        child.stdin.flush()
        while (frame := protocol.read_frame(child.stdout)) and protocol.decode_event(frame) != StateChanged("ready"):
            pass
        child.stdin.close()  # what the system does when the window is killed
        assert child.wait(60) == 0
