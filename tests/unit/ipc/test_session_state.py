"""What a new engine is told after a crash: every question and picture that no event has answered, once and in order."""

from __future__ import annotations

from assistant.events import ErrorOccurred, PictureAdded, TurnStarted
from assistant.ipc.session_state import SessionState


def names(session: SessionState) -> list[str]:
    """The questions and pictures that would be told again, by their text or name."""
    return [
        str(facts.get("text", facts.get("name")))
        for call, facts, _ in session.replay_calls()
        if call != "set_hands_free"
    ]


def show(session: SessionState, name: str) -> str:
    """Shows a picture; returns its ticket."""
    return str(session.record_attachment("attach_image", {"name": name})[1]["ticket"])


def test_failed_picture_leaves_the_questions_after_it() -> None:
    session = SessionState()
    show(session, "bad.png")
    session.record_question("ask", {"text": "what is this"})
    session.track_event(ErrorOccurred("look", "“bad.png” is damaged.", "Save it again."))
    assert names(session) == ["what is this"]
    session.track_event(ErrorOccurred("answer", "The model cannot be loaded.", "Choose another."))
    assert names(session) == ["what is this"]


def test_refused_question_is_not_asked_again_and_the_next_one_is() -> None:
    session = SessionState()
    session.record_question("ask", {"text": ""})
    session.record_question("ask", {"text": "and now"})
    session.track_event(ErrorOccurred("ask", "There is nothing to ask yet.", "Type a question."))
    assert names(session) == ["and now"]
    sound = session.record_question("ask_audio_file", {"text": "sound"})
    session.track_event(TurnStarted(1, str(int(sound[1]["ticket"]) - 1), 1, ()))
    session.track_event(ErrorOccurred("hear", "“x.wav” holds no sound.", "Choose another."))
    assert names(session) == []


def test_picture_on_its_way_is_shown_again_between_the_questions_around_it() -> None:
    session = SessionState()
    session.record_question("ask", {"text": "before"})
    show(session, "late.png")
    session.record_question("ask", {"text": "after"})
    assert names(session) == ["before", "late.png", "after"]


def test_picture_that_was_shown_or_refused_is_not_on_its_way() -> None:
    session = SessionState()
    ticket = show(session, "good.png")
    session.track_event(PictureAdded("digest", "good.png", 4, 4, 1, 1, bytes(3), ticket))
    show(session, "bad.png")
    session.track_event(ErrorOccurred("look", "“bad.png” is damaged.", "Save it again."))
    assert names(session) == ["good.png"]


def test_picture_that_every_engine_dies_of_is_given_up() -> None:
    session = SessionState()
    show(session, "deadly.png")
    session.record_question("ask", {"text": "what is this"})
    told = [names(session) for _ in range(4)]
    assert told[0] == ["deadly.png", "what is this"] and told[-1] == ["what is this"]


def test_picture_on_its_way_is_let_go_with_its_conversation() -> None:
    session = SessionState()
    show(session, "late.png")
    session.open_conversation(7, is_private=False)
    assert names(session) == [] and session.conversation == 7


def test_question_stays_in_its_conversation_when_another_is_opened_before_it_is_taken() -> None:
    session = SessionState()
    session.open_conversation(None, True)
    question = session.record_question("ask", {"text": "secret"})
    session.open_conversation(7, False)
    show(session, "new.png")
    told = [(call, facts.get("private", facts.get("text"))) for call, facts, _ in session.replay_calls()]
    assert told == [
        ("set_hands_free", None),
        ("open_conversation", True),
        ("ask", "secret"),
        ("open_conversation", False),
        ("attach_image", None),
    ]
    session.track_event(TurnStarted(None, str(question[1]["ticket"]), None, ()))
    assert (session.conversation, session.is_private) == (7, False) and names(session) == ["new.png"]
