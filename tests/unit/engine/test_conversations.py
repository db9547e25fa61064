"""Conversations in the engine: gone on with, branched off, private, and which pictures go with each."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant import events
from assistant.conversation import attachments
from assistant.history.turn_recorder import TurnRecorder
from assistant.starter import demo
from tests.support.engine_harness import InProcessEngine


def test_saved_conversation_is_continued_by_another_engine(home: Path, no_thread_left: None) -> None:
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


def test_question_asked_again_begins_a_branch(harness: InProcessEngine, home: Path, tmp_path: Path) -> None:
    demo.make_demo(1).picture.save(tmp_path / "p.png")
    harness.engine.attach_file(str(tmp_path / "p.png"), "1")
    shown = harness.until(events.PictureAdded)
    turns = []
    for text in ("first", "second", "third"):
        harness.engine.ask(text)
        turns.append(harness.until(events.TurnStarted))
        harness.until(events.TurnEnded, heard=text)
    harness.engine.ask_again(turns[1].id, "second, in other words")
    branch = harness.until(events.TurnStarted)
    harness.until(events.TurnEnded, heard="second, in other words")
    harness.engine.ask_again(turns[0].id, "")
    whole = harness.until(events.TurnStarted)
    harness.until(events.TurnEnded, heard="first")
    history = TurnRecorder(home)
    numbers = [turn.conversation for turn in (turns[0], branch, whole)]
    assert [[turn.question for turn in history.store.last_turns(number)] for number in numbers] == [
        ["first", "second", "third"], ["first", "second, in other words"], ["first"]
    ]  # fmt: skip
    assert history.store.last_turns(numbers[2])[0].pictures == (shown.digest,), "its picture comes along"
    harness.engine.ask_again(999, "")
    harness.until(events.ErrorOccurred)


def test_opened_conversation_has_its_pictures_attached(harness: InProcessEngine, tmp_path: Path) -> None:
    demo.make_demo(1).picture.save(tmp_path / "p.png")
    harness.engine.attach_file(str(tmp_path / "p.png"), "1")
    shown = harness.until(events.PictureAdded)
    harness.engine.ask("what?")
    started = harness.until(events.TurnStarted)
    harness.until(events.TurnEnded)
    harness.engine.remove_picture(shown.digest)
    harness.engine.open_conversation(None)
    harness.until(events.PictureRemoved)
    harness.engine.open_conversation(started.conversation)
    again = harness.until(events.PictureAdded)
    assert (again.digest, again.name, again.request_id) == (shown.digest, "p.png", "")


def test_pictures_of_one_conversation_are_not_sent_in_the_next(
    harness: InProcessEngine, home: Path, tmp_path: Path
) -> None:
    for seed in (1, 2):
        demo.make_demo(seed).picture.save(tmp_path / f"{seed}.png")
    harness.engine.attach_file(str(tmp_path / "1.png"))
    harness.engine.ask("what?")
    first = harness.until(events.TurnStarted)
    harness.until(events.TurnEnded)
    harness.engine.open_conversation(None)
    harness.engine.open_conversation(first.conversation)
    harness.engine.attach_file(str(tmp_path / "2.png"))
    harness.engine.open_conversation(None)  # before the window has seen either of them
    harness.engine.ask("and here?")
    harness.until(events.TurnEnded, heard="and here?")
    history = TurnRecorder(home)
    assert [turn.pictures for turn in history.store.last_turns(2)] == [()]
    history.close()


def test_question_asked_again_is_sent_with_its_own_pictures(
    harness: InProcessEngine, home: Path, tmp_path: Path
) -> None:
    shown, turns = [], []
    for seed in (1, 2):
        demo.make_demo(seed).picture.save(tmp_path / f"{seed}.png")
        harness.engine.attach_file(str(tmp_path / f"{seed}.png"))
        shown.append(harness.until(events.PictureAdded).digest)
        harness.engine.ask(f"what is in {seed}?")
        turns.append(harness.until(events.TurnStarted))
        harness.until(events.TurnEnded)
    harness.engine.ask_again(turns[0].id, "")
    harness.until(events.TurnEnded, heard="what is in 1?")
    harness.engine.ask("and now?")
    harness.until(events.TurnEnded, heard="and now?")
    history = TurnRecorder(home)
    assert [turn.pictures for turn in history.store.last_turns(2)] == [(shown[0],), (shown[1],)], (
        "the other one stays in the tray"
    )
    history.close()


def test_private_conversation_is_not_saved(harness: InProcessEngine, home: Path) -> None:
    harness.engine.open_conversation(None, is_private=True)
    harness.engine.ask("a secret")
    started = harness.until(events.TurnStarted)
    harness.until(events.TurnEnded, heard="a secret")
    harness.engine.ask("another")
    harness.until(events.TurnEnded, heard="another")
    harness.engine.open_conversation(None)
    harness.engine.ask("no secret")
    harness.until(events.TurnEnded, heard="no secret")
    assert started.id is None
    assert [conversation.title for conversation in TurnRecorder(home).store.list_conversations()] == ["no secret"]


def test_conversation_with_more_pictures_than_the_limit_is_opened_whole(
    harness: InProcessEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (1, 2):
        demo.make_demo(seed).picture.save(tmp_path / f"{seed}.png")
        harness.engine.attach_file(str(tmp_path / f"{seed}.png"))
    harness.engine.ask("what?")
    started = harness.until(events.TurnStarted)
    harness.until(events.TurnEnded)
    monkeypatch.setattr(attachments, "_MAX_PICTURES", 1)
    harness.engine.open_conversation(None)
    harness.engine.open_conversation(started.conversation)
    for _ in range(2):
        harness.until(events.PictureAdded)
    harness.engine.ask_again(started.id or 0, "and now?")
    harness.until(events.TurnEnded, heard="and now?")
    demo.make_demo(3).picture.save(tmp_path / "3.png")
    harness.engine.attach_file(str(tmp_path / "3.png"))
    assert "full" in harness.until(events.ErrorOccurred).message
