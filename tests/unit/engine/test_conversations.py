"""Conversations in the engine: gone on with, branched off, private, and which pictures go with each."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant import events
from assistant.conversation import attachments
from assistant.history.turn_recorder import TurnRecorder
from assistant.starter import demo
from tests.support.engine_harness import InProcessEngine


def test_a_conversation_is_gone_on_with(home: Path, no_thread_left: None) -> None:
    first = InProcessEngine()
    first.engine.ask("hello")
    started = first.until(events.TurnStarted)
    first.until(events.TurnEnded)
    first.engine.stop()
    assert started.conversation
    second = InProcessEngine()
    second.engine.open_conversation(started.conversation)
    second.engine.ask("again")
    again = second.until(events.TurnStarted)
    second.until(events.TurnEnded)
    second.engine.stop()
    assert again.conversation == started.conversation


def test_a_turn_is_asked_again_in_a_branch(live: InProcessEngine, home: Path, tmp_path: Path) -> None:
    demo.make_demo(1).picture.save(tmp_path / "p.png")
    live.engine.attach_file(str(tmp_path / "p.png"), "1")
    shown = live.until(events.PictureAdded)
    turns = []
    for text in ("first", "second", "third"):
        live.engine.ask(text)
        turns.append(live.until(events.TurnStarted))
        live.until(events.TurnEnded, heard=text)
    live.engine.ask_again(turns[1].id, "second, in other words")
    branch = live.until(events.TurnStarted)
    live.until(events.TurnEnded, heard="second, in other words")
    live.engine.ask_again(turns[0].id, "")
    whole = live.until(events.TurnStarted)
    live.until(events.TurnEnded, heard="first")
    kept = TurnRecorder(home)
    numbers = [one.conversation for one in (turns[0], branch, whole)]
    assert [[turn.question for turn in kept.list_turns(one)] for one in numbers] == [
        ["first", "second", "third"], ["first", "second, in other words"], ["first"]
    ]  # fmt: skip
    assert kept.list_turns(numbers[2])[0].pictures == (shown.digest,), "its picture comes along"
    live.engine.ask_again(999, "")
    live.until(events.ErrorOccurred)


def test_an_opened_conversation_has_its_pictures_in_the_tray(live: InProcessEngine, tmp_path: Path) -> None:
    demo.make_demo(1).picture.save(tmp_path / "p.png")
    live.engine.attach_file(str(tmp_path / "p.png"), "1")
    shown = live.until(events.PictureAdded)
    live.engine.ask("what?")
    started = live.until(events.TurnStarted)
    live.until(events.TurnEnded)
    live.engine.remove_picture(shown.digest)
    live.engine.open_conversation(None)
    live.until(events.PictureRemoved)
    live.engine.open_conversation(started.conversation)
    again = live.until(events.PictureAdded)
    assert (again.digest, again.name, again.request_id) == (shown.digest, "p.png", "")


def test_pictures_of_one_conversation_do_not_go_into_the_next(
    live: InProcessEngine, home: Path, tmp_path: Path
) -> None:
    for seed in (1, 2):
        demo.make_demo(seed).picture.save(tmp_path / f"{seed}.png")
    live.engine.attach_file(str(tmp_path / "1.png"))
    live.engine.ask("what?")
    first = live.until(events.TurnStarted)
    live.until(events.TurnEnded)
    live.engine.open_conversation(None)
    live.engine.open_conversation(first.conversation)
    live.engine.attach_file(str(tmp_path / "2.png"))
    live.engine.open_conversation(None)  # before the window has seen either of them
    live.engine.ask("and here?")
    live.until(events.TurnEnded, heard="and here?")
    kept = TurnRecorder(home)
    assert [turn.pictures for turn in kept.list_turns(2)] == [()]
    kept.close()


def test_a_question_asked_again_goes_with_its_own_pictures(live: InProcessEngine, home: Path, tmp_path: Path) -> None:
    shown, turns = [], []
    for seed in (1, 2):
        demo.make_demo(seed).picture.save(tmp_path / f"{seed}.png")
        live.engine.attach_file(str(tmp_path / f"{seed}.png"))
        shown.append(live.until(events.PictureAdded).digest)
        live.engine.ask(f"what is in {seed}?")
        turns.append(live.until(events.TurnStarted))
        live.until(events.TurnEnded)
    live.engine.ask_again(turns[0].id, "")
    live.until(events.TurnEnded, heard="what is in 1?")
    live.engine.ask("and now?")
    live.until(events.TurnEnded, heard="and now?")
    kept = TurnRecorder(home)
    assert [turn.pictures for turn in kept.list_turns(2)] == [(shown[0],), (shown[1],)], (
        "the other one stays in the tray"
    )
    kept.close()


def test_a_private_conversation_is_not_saved(live: InProcessEngine, home: Path) -> None:
    live.engine.open_conversation(None, is_private=True)
    live.engine.ask("a secret")
    started = live.until(events.TurnStarted)
    live.until(events.TurnEnded, heard="a secret")
    live.engine.ask("another")
    live.until(events.TurnEnded, heard="another")
    live.engine.open_conversation(None)
    live.engine.ask("no secret")
    live.until(events.TurnEnded, heard="no secret")
    assert started.id is None
    assert [one.title for one in TurnRecorder(home).store.list_conversations()] == ["no secret"]


def test_a_conversation_of_more_pictures_than_the_tray_takes_is_opened_and_gone_on_with(
    live: InProcessEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (1, 2):
        demo.make_demo(seed).picture.save(tmp_path / f"{seed}.png")
        live.engine.attach_file(str(tmp_path / f"{seed}.png"))
    live.engine.ask("what?")
    started = live.until(events.TurnStarted)
    live.until(events.TurnEnded)
    monkeypatch.setattr(attachments, "_MAX_PICTURES", 1)
    live.engine.open_conversation(None)
    live.engine.open_conversation(started.conversation)
    for _ in range(2):
        live.until(events.PictureAdded)
    live.engine.ask_again(started.id or 0, "and now?")
    live.until(events.TurnEnded, heard="and now?")
    demo.make_demo(3).picture.save(tmp_path / "3.png")
    live.engine.attach_file(str(tmp_path / "3.png"))
    assert "full" in live.until(events.ErrorOccurred).message
