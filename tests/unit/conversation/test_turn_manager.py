"""Who has the floor: scripts in time, counted in blocks of 10 ms, never by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assistant.audio.clip import AudioClip
from assistant.audio.segmenter import SpeechEnded, SpeechPaused, SpeechStarted
from assistant.conversation.session import Conversation
from assistant.conversation.turn_runner import TurnRequest
from assistant.events import (
    ConversationEvent,
    ErrorOccurred,
    Heard,
    PartialTranscript,
    Said,
    StateChanged,
    TurnEnded,
    TurnStarted,
    Wrote,
)
from assistant.messages import Message
from assistant.pictures import Picture
from assistant.settings import DEFAULT_PROMPT
from tests.support.scripted_room import (
    ANSWER,
    BLOCK,
    COUGH,
    QUIET,
    RATE,
    WORDS,
    BrokenResponder,
    ScriptedResponder,
    ScriptedRoom,
)


@pytest.fixture
def room(home: Path) -> Iterator[ScriptedRoom]:
    scripted_room = ScriptedRoom(home)
    yield scripted_room
    scripted_room.history.close()


def test_spoken_question_is_answered_aloud(room: ScriptedRoom) -> None:
    room.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    assert [type(event) for _, event in room.events if not isinstance(event, (Wrote, StateChanged))][:3] == [
        PartialTranscript, TurnStarted, Heard,
    ]  # fmt: skip
    (ended,) = room.ends()
    assert (ended.reason, ended.heard, ended.answer.split()) == ("answered", "what is it", ANSWER.split())
    assert ended.heard_until == len(ended.answer) and room.kept() == [("what is it", "answered", None)]
    assert abs(sum(room.loud) - 200) <= 3, "all ten words were heard"


def test_answer_is_computed_before_the_silence_is_over(room: ScriptedRoom) -> None:
    room.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    caption, first = room.named(PartialTranscript)[0][0], room.loud.index(True) / 100
    assert caption <= 1.5 + 0.15, "begun at the soft end"
    assert 1.5 + 0.6 <= first <= 1.5 + 0.78, "heard at the hard end, not before"


def test_pause_in_a_question_leaves_one_turn(room: ScriptedRoom) -> None:
    room.play((0.5, QUIET), (0.6, WORDS), (0.4, QUIET), (0.6, WORDS), (4.0, QUIET))
    assert len(room.named(TurnStarted)) == len(room.ends()) == len(room.kept()) == 1
    assert isinstance(room.responder, ScriptedResponder) and room.responder.closed == len(room.responder.seen) == 2


def test_cough_is_not_answered(room: ScriptedRoom) -> None:
    room.play((0.5, QUIET), (0.4, COUGH), (2.0, QUIET))
    assert not room.named(TurnStarted) and not any(room.loud) and not room.turns.is_busy


def test_words_over_an_answer_interrupt_it_and_are_the_next_question(room: ScriptedRoom) -> None:
    room.turns.start_turn(TurnRequest("go on"))
    room.play((1.0, QUIET), (0.8, WORDS), (4.0, QUIET))
    first, second = room.ends()
    assert (first.reason, second.reason) == ("interrupted", "answered")
    spoken_over = room.loud[100:180]
    assert spoken_over.index(False) <= 12, "held within 120 ms of speech"
    assert not any(spoken_over[12:]), "and stopped"
    assert 0 < first.heard_until < len(first.answer)
    # A second of five words in a second, less the fade: whole words only.
    assert first.answer[: first.heard_until].split() == ANSWER.split()[:5]
    past = room.responder.seen[-1]
    assert past[1] == Message("assistant", first.answer[: first.heard_until]), "it remembers what was heard"
    assert room.kept()[0] == ("go on", "interrupted", first.heard_until)


def test_own_voice_is_no_question_even_when_the_answer_has_ended(room: ScriptedRoom) -> None:
    words = AudioClip(np.full(RATE, WORDS, np.float32), RATE)
    for event in (SpeechStarted(0), SpeechPaused(words, is_own_voice=True), SpeechEnded(words, is_own_voice=True)):
        room.turns.handle_speech(event)
    room.play((1.0, QUIET))
    assert not room.named(TurnStarted) and not room.named(Heard) and not room.turns.is_hearing
    room.turns.handle_speech(SpeechEnded(words, is_ended_by_key=True, is_own_voice=True))
    room.play((4.0, QUIET))
    assert [event.reason for event in room.ends()] == ["answered"], "whoever holds the key is the user"


def test_silence_that_the_key_ends_is_reported(room: ScriptedRoom) -> None:
    silence = AudioClip(np.zeros(RATE, np.float32), RATE)
    room.turns.handle_speech(SpeechStarted(0))
    room.turns.handle_speech(SpeechEnded(silence, is_ended_by_key=True))
    room.play((1.0, QUIET))
    assert [event.reason for event in room.ends()] == ["nothing heard"]


def test_events_carry_the_number_their_conversation_was_opened_with(room: ScriptedRoom) -> None:
    room.turns.start_turn(TurnRequest("go on"))
    room.play((1.0, QUIET))
    room.turns.interrupt_turn()
    room.turns.continue_conversation(Conversation(opening_id=7))
    room.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    events = [event for _, event in room.events if isinstance(event, ConversationEvent)]
    first_end = next(index for index, event in enumerate(events) if isinstance(event, TurnEnded))
    assert {event.opening_id for event in events[: first_end + 1]} == {0}
    assert {event.opening_id for event in events[first_end + 1 :]} == {7}
    assert {type(event) for event in events[first_end + 1 :]} >= {PartialTranscript, TurnStarted, Heard, Wrote, Said}


def test_reading_aloud_ends_as_such(room: ScriptedRoom) -> None:
    room.turns.start_turn(TurnRequest(read_aloud_text="One two."))
    room.play((1.0, QUIET))
    assert not room.named(TurnStarted) and any(room.loud)
    assert [(event.reason, event.is_read_aloud) for event in room.ends()] == [("answered", True)]


def test_pictures_are_described_without_a_question(room: ScriptedRoom) -> None:
    room.turns.attachments.add(Picture(1, 1, b"\xff\0\0", "red"))
    room.turns.start_turn(TurnRequest(describes_pictures=True))
    room.play((3.0, QUIET))
    assert isinstance(room.responder, ScriptedResponder)
    assert [message.text for message in room.responder.seen[-1]] == [DEFAULT_PROMPT]
    assert [(event.heard, event.is_read_aloud) for event in room.ends()] == [("", False)]


def test_cough_over_an_answer_holds_it_for_less_than_a_second(room: ScriptedRoom) -> None:
    room.turns.start_turn(TurnRequest("go on"))
    room.play((0.5, QUIET), (0.3, COUGH), (4.0, QUIET))
    (ended,) = room.ends()
    assert ended.reason == "answered" and abs(sum(room.loud) - 200) <= 4
    silent = [at for at in range(50, 200) if not room.loud[at]]
    assert 0 < len(silent) < 100 and room.turns.false_interruptions == 1


def test_answer_goes_on_when_the_microphone_is_lost_during_speech(room: ScriptedRoom) -> None:
    room.turns.start_turn(TurnRequest("go on"))
    room.play((0.5, QUIET), (0.3, COUGH))
    for event in room.input.segmenter.discard_utterance():
        room.turns.handle_speech(event)
    room.play((4.0, QUIET))
    (ended,) = room.ends()
    assert ended.reason == "answered" and abs(sum(room.loud) - 200) <= 4
    room.play((0.2, WORDS))
    for event in room.input.segmenter.discard_utterance():
        room.turns.handle_speech(event)
    assert len(room.ends()) == 1 and not room.turns.is_hearing


def test_playback_is_ducked_before_speech_is_certain(room: ScriptedRoom) -> None:
    room.turns.start_turn(TurnRequest("go on"))
    room.play((1.0, QUIET), (0.02, COUGH))
    assert room.playing and np.abs(room.playing.fill(BLOCK * 2)[BLOCK:]).max() < 0.3 * 0.3


def test_interrupted_answer_is_silent_within_a_block(room: ScriptedRoom) -> None:
    room.turns.start_turn(TurnRequest("go on"))
    room.play((1.0, QUIET))
    assert room.playing
    room.playing.stop()  # as the key does, from its own thread
    room.turns.interrupt_turn()
    room.play((0.5, QUIET))
    assert not any(room.loud[102:]) and room.ends()[0].reason == "interrupted"


def test_turn_computes_at_most_two_seconds_of_audio_ahead(room: ScriptedRoom) -> None:
    room.turns.start_turn(TurnRequest("go on"))
    room.play((0.01, QUIET))
    assert room.playing and 1.9 <= room.playing.buffered_seconds <= 2.3


def test_written_answer_counts_as_heard_without_a_speaker(home: Path) -> None:
    room = ScriptedRoom(home, speaker=False)
    room.turns.start_turn(TurnRequest("go on"))
    room.play((0.1, QUIET))
    (ended,) = room.ends()
    assert (ended.reason, ended.heard_until) == ("answered", len(ended.answer))
    room.history.close()


def test_failing_responder_ends_the_turn_as_failed(home: Path) -> None:
    room = ScriptedRoom(home, BrokenResponder())
    room.turns.start_turn(TurnRequest("go on"))
    room.play((0.1, QUIET))
    assert room.named(ErrorOccurred)[0][1] == ErrorOccurred("answer", "It broke.", "Mend it.")
    assert room.ends()[0].reason == "failed" and not room.turns.is_busy
    room.history.close()


def test_picture_is_sent_once_and_remembered_until_it_is_removed(room: ScriptedRoom) -> None:
    red, blue = Picture(1, 1, b"\xff\0\0", "red"), Picture(1, 1, b"\0\0\xff", "blue")
    room.turns.attachments.add(red)
    room.turns.start_turn(TurnRequest("one"))
    room.play((3.0, QUIET))
    room.turns.attachments.add(blue)
    room.turns.start_turn(TurnRequest("two"))
    room.play((3.0, QUIET))
    assert isinstance(room.responder, ScriptedResponder)
    assert [message.pictures for message in room.responder.seen[-1]] == [(red,), (), (blue,)]
    room.turns.remove_picture(red.digest)
    room.turns.start_turn(TurnRequest("three"))
    room.play((3.0, QUIET))
    assert [message.pictures for message in room.responder.seen[-1]] == [(), (), (blue,), (), ()]


def test_states_are_emitted_once_and_end_in_ready(room: ScriptedRoom) -> None:
    room.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    states = [event.state for _, event in room.events if isinstance(event, StateChanged)]
    assert states == ["hearing", "speaking", "ready"]


def test_question_interrupted_as_soon_as_it_is_heard_is_reported_once(room: ScriptedRoom) -> None:
    room.turns.start_turn(TurnRequest(audio=AudioClip(np.full(RATE, WORDS, np.float32), RATE)))
    while not room.named(Heard):
        room.turns.run_step()
    room.turns.interrupt_turn()
    assert len(room.named(Heard)) == 1 and [end.reason for end in room.ends()] == ["interrupted"]


def test_words_over_an_answer_emit_each_state_once(room: ScriptedRoom) -> None:
    room.turns.start_turn(TurnRequest("go on"))
    room.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    states = [event.state for _, event in room.events if isinstance(event, StateChanged)]
    assert states == ["thinking", "speaking", "hearing", "speaking", "ready"]
