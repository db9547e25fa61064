"""Pictures in the engine: shown, turned, cut, described as they come, asked about, let go."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from assistant import events
from assistant.audio.segmenter import SpeechStarted
from assistant.history.turn_recorder import TurnRecorder
from assistant.pictures import Picture
from assistant.settings import ResponderSettings
from assistant.starter import demo
from tests.support.engine_harness import QUIET, InProcessEngine


def dropped(harness: InProcessEngine, tmp_path: Path, seed: int = 1) -> events.PictureAdded:
    demo.make_demo(seed).picture.save(tmp_path / f"{seed}.png")
    harness.engine.attach_file(str(tmp_path / f"{seed}.png"), str(seed))
    return harness.until(events.PictureAdded, name=f"{seed}.png")


def test_a_picture_is_turned_and_cut_in_its_place(harness: InProcessEngine, tmp_path: Path) -> None:
    first, second = dropped(harness, tmp_path, 1), dropped(harness, tmp_path, 2)
    harness.engine.edit_picture(first.digest, 1, (10, 20, 60, 50), "t")
    made = harness.until(events.PictureAdded, replaces=first.digest)
    assert (made.width, made.height, made.request_id) == (50, 30, "t")
    cut = demo.make_demo(1).picture.rotate(-90, expand=True).crop((10, 20, 60, 50))
    assert made.digest == Picture.from_image(cut).digest
    harness.engine.edit_picture("gone", 1)
    harness.engine.edit_picture(second.digest, 1)
    harness.engine.edit_picture(second.digest, 3)  # before the one before was shown
    assert harness.until(events.PictureAdded).replaces == second.digest
    assert harness.until(events.PictureAdded).digest == second.digest
    harness.engine.edit_picture(made.digest, 0, (0, 0, 900, 900))
    assert "not in it" in harness.until(events.ErrorOccurred).message
    harness.engine.ask("which?")
    assert harness.until(events.TurnStarted).pictures == (made.digest, second.digest), "in the order of the tray"
    harness.until(events.TurnEnded)


def test_every_picture_is_described_as_it_comes_where_that_is_wanted(home: Path, tmp_path: Path) -> None:
    made = InProcessEngine(
        replace(QUIET, responder=ResponderSettings(backend="silent", default_prompt="Describe it.", auto_describe=True))
    )
    made.until(events.StateChanged, state="ready")
    for seed in (1, 2):
        picture = dropped(made, tmp_path, seed)
        started = made.until(events.TurnStarted)
        assert started.pictures == (picture.digest,)
        ended = made.until(events.TurnEnded, reason="answered")
        assert ended.answer.split() == ["Describe", "it."]
    made.engine.ask("and now?")
    made.until(events.TurnEnded, heard="and now?")
    made.engine.stop()


def test_nobody_is_talked_over_for_a_description(home: Path, tmp_path: Path) -> None:
    made = InProcessEngine(
        replace(QUIET, responder=ResponderSettings(backend="silent", default_prompt="Describe it.", auto_describe=True))
    )
    made.until(events.StateChanged, state="ready")
    made.engine._calls.put(lambda: made.engine._turns.handle_speech(SpeechStarted(0)))
    dropped(made, tmp_path)
    for _ in range(5):  # rounds of the worker, in the first of which it would begin
        passed = threading.Event()
        made.engine._calls.put(passed.set)
        assert passed.wait(120)
    made.drain()
    assert not [event for event in made.seen if isinstance(event, events.TurnStarted)]
    made.engine.interrupt()
    made.engine.ask("and now?")
    assert made.until(events.TurnEnded).heard == "and now?"
    made.engine.stop()


def test_a_file_that_is_no_picture_is_a_sentence_and_the_next_call_works(
    harness: InProcessEngine, tmp_path: Path
) -> None:
    (tmp_path / "no.png").write_text("no")
    harness.engine.attach_file(str(tmp_path / "no.png"))
    harness.until(events.ErrorOccurred, stage="look")
    harness.engine.attach_file(str(tmp_path / "gone.png"))
    harness.until(events.ErrorOccurred, stage="look")
    harness.engine.ask("hello")
    harness.until(events.TurnEnded, reason="answered")


def test_a_picture_from_the_clipboard_is_shown_and_let_go(harness: InProcessEngine, tmp_path: Path) -> None:
    demo.make_demo(1).picture.save(tmp_path / "p.png")
    harness.engine.attach_image((tmp_path / "p.png").read_bytes(), "clipboard")
    shown = harness.until(events.PictureAdded)
    assert len(shown.thumbnail) == shown.thumb_width * shown.thumb_height * 3
    harness.engine.remove_picture(shown.digest)
    harness.until(events.PictureRemoved, digest=shown.digest)


def test_a_part_of_a_picture_is_asked_about(harness: InProcessEngine, home: Path, tmp_path: Path) -> None:
    demo.make_demo(1).picture.save(tmp_path / "p.png")
    harness.engine.attach_file(str(tmp_path / "p.png"), "1")
    shown = harness.until(events.PictureAdded)
    harness.engine.ask("what is there?", picture=shown.digest, box=[10, 20, 60, 90])
    harness.until(events.TurnEnded, heard="what is there?")
    kept = TurnRecorder(home)
    (turn,) = kept.list_turns(1)
    assert [one.digest for one in kept.load_pictures(turn)] == [shown.digest]
