"""What a new process of the engine is told after a crash: every unanswered question and picture, once and in order."""

from __future__ import annotations

from assistant.engine_commands import Ask, AskAgain, AskAudioFile, AttachEncodedPicture, OpenConversation, SetHandsFree
from assistant.events import ErrorOccurred, PictureAdded, TurnStarted
from assistant.ipc.session_state import SessionState

BROKEN_PICTURE = ErrorOccurred("look", "“bad.png” is damaged.", "Save it again.")


def replayed(state: SessionState) -> list[object]:
    """The text of every replayed question, the name of every picture, and the other commands themselves."""
    return [
        getattr(command, "text", getattr(command, "name", command))
        for command in state.replay_commands()
        if not isinstance(command, SetHandsFree)
    ]


def attach(state: SessionState, name: str) -> str:
    """Attaches a picture; returns its request id."""
    return state.record_attachment(AttachEncodedPicture(b"", name)).request_id


def test_question_after_a_refused_picture_is_replayed_alone() -> None:
    state = SessionState()
    attach(state, "bad.png")
    state.record_question(Ask("what is this"))
    state.track_event(BROKEN_PICTURE)
    assert replayed(state) == ["what is this"]
    state.track_event(ErrorOccurred("answer", "The model cannot be loaded.", "Choose another."))
    assert replayed(state) == ["what is this"]


def test_refused_question_is_not_replayed_and_the_next_one_is() -> None:
    state = SessionState()
    state.record_question(Ask(""))
    state.record_question(Ask("and now"))
    state.track_event(ErrorOccurred("ask", "There is nothing to ask yet.", "Type a question."))
    assert replayed(state) == ["and now"]
    audio = state.record_question(AskAudioFile("x.wav"))
    state.track_event(TurnStarted(1, str(int(audio.request_id) - 1), 1, ()))
    state.track_event(ErrorOccurred("hear", "“x.wav” holds no sound.", "Choose another."))
    assert replayed(state) == []


def test_pending_picture_is_replayed_between_the_questions_around_it() -> None:
    state = SessionState()
    state.record_question(Ask("before"))
    attach(state, "late.png")
    state.record_question(Ask("after"))
    assert replayed(state) == ["before", "late.png", "after"]


def test_added_picture_is_restored_and_a_refused_one_is_not() -> None:
    state = SessionState()
    request_id = attach(state, "good.png")
    state.track_event(PictureAdded("digest", "good.png", 4, 4, 1, 1, bytes(3), request_id))
    attach(state, "bad.png")
    state.track_event(BROKEN_PICTURE)
    (command,) = [each for each in state.replay_commands() if isinstance(each, AttachEncodedPicture)]
    assert command == AttachEncodedPicture(b"", "good.png", is_restored=True, request_id=request_id)


def test_picture_that_crashes_every_process_is_given_up() -> None:
    state = SessionState()
    attach(state, "deadly.png")
    state.record_question(Ask("what is this"))
    replays = [replayed(state) for _ in range(4)]
    assert replays[0] == ["deadly.png", "what is this"] and replays[-1] == ["what is this"]


def test_pending_picture_is_dropped_with_its_conversation() -> None:
    state = SessionState()
    attach(state, "late.png")
    state.record_opening(OpenConversation(7, opening_id=1))
    assert replayed(state) == [] and state.opened == OpenConversation(7, opening_id=1)


def test_question_stays_in_its_conversation_when_another_is_opened_before_it_starts() -> None:
    state = SessionState()
    private, other = OpenConversation(None, True, 1), OpenConversation(7, False, 2)
    state.record_opening(private)
    question = state.record_question(Ask("secret"))
    state.record_opening(other)
    attach(state, "new.png")
    assert state.opened == private and replayed(state) == ["secret", other, "new.png"]
    state.track_event(TurnStarted(None, question.request_id, None, (), opening_id=1))
    assert state.opened == other and replayed(state) == ["new.png"]


def test_branch_is_what_a_new_process_begins_with() -> None:
    state = SessionState()
    state.record_opening(OpenConversation(7, opening_id=1))
    question = state.record_question(AskAgain(3, "", opening_id=2))
    state.track_event(TurnStarted(9, question.request_id, 8, (), opening_id=2))
    assert state.opened == OpenConversation(8, opening_id=2)
    state.record_question(AskAgain(99, "", opening_id=3))
    state.track_event(ErrorOccurred("ask", "This turn is not saved.", "Ask it anew."))
    assert state.opened == OpenConversation(8, opening_id=3), "the same conversation under the window's new number"
