"""Who has the floor: scripts in time, counted in blocks of 10 ms, never by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assistant.audio.clip import AudioClip
from assistant.audio.segmenter import SpeechEnded, SpeechPaused, SpeechStarted
from assistant.conversation.turn_runner import TurnRequest
from assistant.events import ErrorOccurred, Heard, PartialTranscript, StateChanged, TurnStarted, Wrote
from assistant.messages import Message
from assistant.pictures import Picture
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
def stage(home: Path) -> Iterator[ScriptedRoom]:
    made = ScriptedRoom(home)
    yield made
    made.history.close()


def test_a_spoken_question_is_answered_aloud(stage: ScriptedRoom) -> None:
    stage.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    assert [type(event) for _, event in stage.events if not isinstance(event, (Wrote, StateChanged))][:3] == [
        PartialTranscript, TurnStarted, Heard,
    ]  # fmt: skip
    (ended,) = stage.ends()
    assert (ended.reason, ended.heard, ended.answer.split()) == ("answered", "what is it", ANSWER.split())
    assert ended.heard_until == len(ended.answer) and stage.kept() == [("what is it", "answered", None)]
    assert abs(sum(stage.loud) - 200) <= 3, "all ten words were heard"


def test_the_answer_is_worked_out_before_the_silence_is_over(stage: ScriptedRoom) -> None:
    stage.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    caption, first = stage.named(PartialTranscript)[0][0], stage.loud.index(True) / 100
    assert caption <= 1.5 + 0.15, "begun at the soft end"
    assert 1.5 + 0.6 <= first <= 1.5 + 0.78, "heard at the hard end, not before"


def test_a_pause_in_a_question_costs_nothing_and_keeps_nothing(stage: ScriptedRoom) -> None:
    stage.play((0.5, QUIET), (0.6, WORDS), (0.4, QUIET), (0.6, WORDS), (4.0, QUIET))
    assert len(stage.named(TurnStarted)) == len(stage.ends()) == len(stage.kept()) == 1
    assert isinstance(stage.responder, ScriptedResponder) and stage.responder.closed == len(stage.responder.seen) == 2


def test_a_cough_is_never_answered(stage: ScriptedRoom) -> None:
    stage.play((0.5, QUIET), (0.4, COUGH), (2.0, QUIET))
    assert not stage.named(TurnStarted) and not any(stage.loud) and not stage.floor.is_busy


def test_words_over_the_answer_stop_it_and_are_the_next_question(stage: ScriptedRoom) -> None:
    stage.floor.start_turn(TurnRequest("go on"))
    stage.play((1.0, QUIET), (0.8, WORDS), (4.0, QUIET))
    first, second = stage.ends()
    assert (first.reason, second.reason) == ("interrupted", "answered")
    spoken_over = stage.loud[100:180]
    assert spoken_over.index(False) <= 12, "held within 120 ms of speech"
    assert not any(spoken_over[12:]), "and stopped"
    assert 0 < first.heard_until < len(first.answer)
    # A second of five words in a second, less the fade: whole words only.
    assert first.answer[: first.heard_until].split() == ANSWER.split()[:5]
    past = stage.responder.seen[-1]
    assert past[1] == Message("assistant", first.answer[: first.heard_until]), "it remembers what was heard"
    assert stage.kept()[0] == ("go on", "interrupted", first.heard_until)


def test_our_own_voice_is_no_question_even_when_the_answer_has_ended(stage: ScriptedRoom) -> None:
    silence = AudioClip(np.zeros(RATE, np.float32), RATE)
    for event in (SpeechStarted(0), SpeechPaused(silence), SpeechEnded(silence)):
        stage.floor.handle_speech(event)
    stage.play((1.0, QUIET))
    assert not stage.named(TurnStarted) and not stage.named(Heard) and not stage.floor.is_hearing
    stage.floor.handle_speech(SpeechEnded(silence, is_ended_by_key=True))
    stage.play((1.0, QUIET))
    assert [event.reason for event in stage.ends()] == ["nothing heard"], "who holds the key is told"


def test_a_cough_over_the_answer_holds_it_for_less_than_a_second_and_loses_no_word(stage: ScriptedRoom) -> None:
    stage.floor.start_turn(TurnRequest("go on"))
    stage.play((0.5, QUIET), (0.3, COUGH), (4.0, QUIET))
    (ended,) = stage.ends()
    assert ended.reason == "answered" and abs(sum(stage.loud) - 200) <= 4
    silent = [at for at in range(50, 200) if not stage.loud[at]]
    assert 0 < len(silent) < 100 and stage.floor.false_interruptions == 1


def test_a_microphone_that_goes_while_it_hears_leaves_no_answer_held(stage: ScriptedRoom) -> None:
    stage.floor.start_turn(TurnRequest("go on"))
    stage.play((0.5, QUIET), (0.3, COUGH))
    for event in stage.ears.segmenter.discard_utterance():
        stage.floor.handle_speech(event)
    stage.play((4.0, QUIET))
    (ended,) = stage.ends()
    assert ended.reason == "answered" and abs(sum(stage.loud) - 200) <= 4
    stage.play((0.2, WORDS))
    for event in stage.ears.segmenter.discard_utterance():
        stage.floor.handle_speech(event)
    assert len(stage.ends()) == 1 and not stage.floor.is_hearing


def test_the_speaker_is_ducked_before_the_detector_is_sure(stage: ScriptedRoom) -> None:
    stage.floor.start_turn(TurnRequest("go on"))
    stage.play((1.0, QUIET), (0.02, COUGH))
    assert stage.playing and np.abs(stage.playing.fill(BLOCK * 2)[BLOCK:]).max() < 0.3 * 0.3


def test_an_interrupt_is_silent_within_a_block(stage: ScriptedRoom) -> None:
    stage.floor.start_turn(TurnRequest("go on"))
    stage.play((1.0, QUIET))
    assert stage.playing
    stage.playing.stop()  # as the key does, from its own thread
    stage.floor.interrupt_turn()
    stage.play((0.5, QUIET))
    assert not any(stage.loud[102:]) and stage.ends()[0].reason == "interrupted"


def test_a_turn_steps_no_further_than_two_seconds_ahead(stage: ScriptedRoom) -> None:
    stage.floor.start_turn(TurnRequest("go on"))
    stage.play((0.01, QUIET))
    assert stage.playing and 1.9 <= stage.playing.buffered_seconds <= 2.3


def test_without_a_speaker_what_was_written_counts_as_heard(home: Path) -> None:
    stage = ScriptedRoom(home, speaker=False)
    stage.floor.start_turn(TurnRequest("go on"))
    stage.play((0.1, QUIET))
    (ended,) = stage.ends()
    assert (ended.reason, ended.heard_until) == ("answered", len(ended.answer))
    stage.history.close()


def test_a_failure_ends_the_turn_and_the_next_one_works(home: Path) -> None:
    stage = ScriptedRoom(home, BrokenResponder())
    stage.floor.start_turn(TurnRequest("go on"))
    stage.play((0.1, QUIET))
    assert stage.named(ErrorOccurred)[0][1] == ErrorOccurred("answer", "It broke.", "Mend it.")
    assert stage.ends()[0].reason == "failed" and not stage.floor.is_busy
    stage.history.close()


def test_pictures_go_with_the_first_question_and_are_remembered_until_let_go(stage: ScriptedRoom) -> None:
    red, blue = Picture(1, 1, b"\xff\0\0", "red"), Picture(1, 1, b"\0\0\xff", "blue")
    stage.floor.attach(red)
    stage.floor.start_turn(TurnRequest("one"))
    stage.play((3.0, QUIET))
    stage.floor.attach(blue)
    stage.floor.start_turn(TurnRequest("two"))
    stage.play((3.0, QUIET))
    assert isinstance(stage.responder, ScriptedResponder)
    assert [message.pictures for message in stage.responder.seen[-1]] == [(red,), (), (blue,)]
    stage.floor.remove_picture(red.digest)
    stage.floor.start_turn(TurnRequest("three"))
    stage.play((3.0, QUIET))
    assert [message.pictures for message in stage.responder.seen[-1]] == [(), (), (blue,), (), ()]


def test_states_are_told_once_and_end_in_ready(stage: ScriptedRoom) -> None:
    stage.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    states = [event.state for _, event in stage.events if isinstance(event, StateChanged)]
    assert states == ["hearing", "speaking", "ready"]


def test_a_question_that_is_cut_as_soon_as_it_is_heard_is_told_once(stage: ScriptedRoom) -> None:
    stage.floor.start_turn(TurnRequest(audio=AudioClip(np.full(RATE, WORDS, np.float32), RATE)))
    while not stage.named(Heard):
        stage.floor.run_step()
    stage.floor.interrupt_turn()
    assert len(stage.named(Heard)) == 1 and [end.reason for end in stage.ends()] == ["interrupted"]


def test_words_over_an_answer_are_heard_once(stage: ScriptedRoom) -> None:
    stage.floor.start_turn(TurnRequest("go on"))
    stage.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    states = [event.state for _, event in stage.events if isinstance(event, StateChanged)]
    assert states == ["thinking", "speaking", "hearing", "speaking", "ready"]
