"""What the next question will need, done before it is asked, between two steps of a turn."""

from __future__ import annotations

from pathlib import Path

from assistant.conversation.turn_runner import TurnRequest
from assistant.pictures import Picture
from tests.support.scripted_room import QUIET, PreparingResponder, ScriptedRoom


def test_attached_picture_is_prepared_before_the_question(home: Path) -> None:
    responder = PreparingResponder()
    room = ScriptedRoom(home, responder)
    picture = Picture(2, 2, b"\0" * 12, "dot.png")
    room.turns.attachments.add(picture)
    room.play((0.1, QUIET))
    assert responder.steps == ["prepared"] * 3 and responder.prepared[-1][-1].pictures == (picture,)
    room.turns.start_turn(TurnRequest("what is it"))
    room.play((9.0, QUIET))
    assert responder.prepared[-1][-1].pictures == (), "what was asked about is in the conversation"
    assert [message.role for message in responder.prepared[-1]] == ["user", "assistant", "user"]
    room.turns.remove_picture(picture.digest)
    assert responder.forgotten == [picture.digest]
    room.play((0.1, QUIET))
    assert not any(message.pictures for message in responder.prepared[-1])
    room.history.close()


def test_turn_has_precedence_over_preparing(home: Path) -> None:
    responder = PreparingResponder()
    room = ScriptedRoom(home, responder)
    room.turns.attachments.add(Picture(2, 2, b"\0" * 12, "dot.png"))
    room.turns.run_step()
    room.turns.start_turn(TurnRequest("what is it"))
    while "replied" not in responder.steps:
        room.turns.run_step()
    assert responder.steps == ["prepared", "replied"]
    room.history.close()


def test_picture_removed_during_a_turn_is_gone_from_the_conversation(home: Path) -> None:
    responder = PreparingResponder()
    room = ScriptedRoom(home, responder)
    picture = Picture(2, 2, b"\0" * 12, "dot.png")
    room.turns.attachments.add(picture)
    room.turns.start_turn(TurnRequest("what is it"))
    room.play((0.5, QUIET))
    room.turns.remove_picture(picture.digest)
    room.play((9.0, QUIET))
    assert room.ends()[-1].reason == "answered"
    assert not any(message.pictures for message in responder.prepared[-1])
    room.history.close()
