"""Pictures in the engine: shown, turned, cut, described as they come, asked about, let go."""

from __future__ import annotations

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


def test_edited_picture_takes_the_place_of_the_one_before(harness: InProcessEngine, tmp_path: Path) -> None:
    first, second = dropped(harness, tmp_path, 1), dropped(harness, tmp_path, 2)
    harness.engine.edit_picture(first.digest, 1, (10, 20, 60, 50), "t")
    edited = harness.until(events.PictureAdded, replaces=first.digest)
    assert (edited.width, edited.height, edited.request_id) == (50, 30, "t")
    cut = demo.make_demo(1).picture.rotate(-90, expand=True).crop((10, 20, 60, 50))
    assert edited.digest == Picture.from_image(cut).digest
    harness.engine.edit_picture("gone", 1)
    harness.engine.edit_picture(second.digest, 1)
    harness.engine.edit_picture(second.digest, 3)  # before the one before was shown
    assert harness.until(events.PictureAdded).replaces == second.digest
    assert harness.until(events.PictureAdded).digest == second.digest
    harness.engine.edit_picture(edited.digest, 0, (0, 0, 900, 900))
    assert "not in it" in harness.until(events.ErrorOccurred).message
    harness.engine.ask("which?")
    assert harness.until(events.TurnStarted).pictures == (edited.digest, second.digest), "in the order of the tray"
    harness.until(events.TurnEnded)


def test_new_picture_is_described_when_the_settings_say_so(home: Path, tmp_path: Path) -> None:
    harness = InProcessEngine(
        replace(QUIET, responder=ResponderSettings(backend="silent", default_prompt="Describe it.", auto_describe=True))
    )
    harness.until(events.StateChanged, state="ready")
    for seed in (1, 2):
        picture = dropped(harness, tmp_path, seed)
        started = harness.until(events.TurnStarted)
        assert started.pictures == (picture.digest,)
        ended = harness.until(events.TurnEnded, reason="answered")
        assert ended.answer.split() == ["Describe", "it."]
    harness.engine.ask("and now?")
    harness.until(events.TurnEnded, heard="and now?")
    harness.engine.stop()


def test_new_picture_is_not_described_while_the_user_speaks(home: Path, tmp_path: Path) -> None:
    harness = InProcessEngine(
        replace(QUIET, responder=ResponderSettings(backend="silent", default_prompt="Describe it.", auto_describe=True))
    )
    harness.until(events.StateChanged, state="ready")
    harness.engine.queue_speech(SpeechStarted(0))
    dropped(harness, tmp_path)
    for _ in range(5):  # rounds of the worker, in the first of which it would begin
        harness.wait_for_worker()
    harness.drain()
    assert not [event for event in harness.seen if isinstance(event, events.TurnStarted)]
    harness.engine.interrupt()
    harness.engine.ask("and now?")
    assert harness.until(events.TurnEnded).heard == "and now?"
    harness.engine.stop()


def test_file_that_is_no_picture_is_refused_and_the_engine_goes_on(harness: InProcessEngine, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no")
    harness.engine.attach_file(str(tmp_path / "no.png"))
    harness.until(events.ErrorOccurred, stage="look")
    harness.engine.attach_file(str(tmp_path / "gone.png"))
    harness.until(events.ErrorOccurred, stage="look")
    harness.engine.ask("hello")
    harness.until(events.TurnEnded, reason="answered")


def test_picture_from_the_clipboard_is_added_and_removed(harness: InProcessEngine, tmp_path: Path) -> None:
    demo.make_demo(1).picture.save(tmp_path / "p.png")
    harness.engine.attach_encoded_picture((tmp_path / "p.png").read_bytes(), "clipboard")
    shown = harness.until(events.PictureAdded)
    assert len(shown.thumbnail) == shown.thumb_width * shown.thumb_height * 3
    harness.engine.remove_picture(shown.digest)
    harness.until(events.PictureRemoved, digest=shown.digest)


def test_question_about_a_box_is_saved_with_its_picture(harness: InProcessEngine, home: Path, tmp_path: Path) -> None:
    demo.make_demo(1).picture.save(tmp_path / "p.png")
    harness.engine.attach_file(str(tmp_path / "p.png"), "1")
    shown = harness.until(events.PictureAdded)
    harness.engine.ask("what is there?", picture=shown.digest, box=[10, 20, 60, 90])
    harness.until(events.TurnEnded, heard="what is there?")
    history = TurnRecorder(home)
    (turn,) = history.store.last_turns(1)
    assert [picture.digest for picture in history.load_pictures(turn)] == [shown.digest]
