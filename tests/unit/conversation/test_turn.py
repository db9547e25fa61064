"""A turn's events, one by one."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import pytest
from PIL import Image

from assistant import backends
from assistant.audio.clip import AudioClip
from assistant.conversation.turn import EmptyStep, TurnInput, run_turn
from assistant.errors import AssistantError
from assistant.events import AudioProduced, Heard, Notice, Said, Wrote
from assistant.interfaces import Backends, LoadOptions, Responder, Transcriber, Voice
from assistant.messages import Message
from assistant.pictures import Picture
from tests.conftest import tone

ONE = AudioClip(np.zeros(4, np.float32), 8000)


class ScriptedResponder(Responder):
    """Says what it is told to, and tells what it saw and whether it was closed."""

    model_name = "script"

    def __init__(self, *pieces: str) -> None:
        self.pieces, self.seen, self.closed = pieces, [], False

    def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        self.seen = list(messages)
        try:
            yield from self.pieces
        finally:
            self.closed = True


class OneBlockVoice(Voice):
    def __init__(self) -> None:
        self.closed = 0

    def synthesize(self, text: str) -> Generator[AudioClip, None, None]:
        try:
            yield ONE
            yield ONE
        finally:
            self.closed += 1


def parts(responder: ScriptedResponder, voice: OneBlockVoice | None = None) -> Backends:
    return Backends(
        backends.load_transcriber("silent", LoadOptions(model="what is it")), responder, voice or OneBlockVoice()
    )


def test_typed_question_is_answered_and_spoken_piece_by_piece() -> None:
    run = list(run_turn(TurnInput("Hi?"), (), parts(ScriptedResponder("It is red.", " And round"))))
    assert run == [
        Heard("Hi?"),
        Wrote("It is red."),
        Wrote(" And round"),
        Said("It is red.", 10),
        AudioProduced(ONE),
        AudioProduced(ONE),
        Said("And round", 20),
        AudioProduced(ONE),
        AudioProduced(ONE),
    ]


def test_first_piece_is_spoken_before_the_answer_is_finished() -> None:
    run = list(run_turn(TurnInput("x"), (), parts(ScriptedResponder("One. ", "Two.", " Three."))))
    assert run.index(Said("One.", 4)) < run.index(Wrote("Two."))


def test_spoken_question_is_transcribed() -> None:
    assert list(run_turn(TurnInput(audio=tone(1)), (), parts(ScriptedResponder()))) == [Heard("what is it")]


def test_silence_ends_the_turn_without_an_answer() -> None:
    responder = ScriptedResponder("never")
    silence = AudioClip(np.zeros(16000, np.float32), 16000)
    assert list(run_turn(TurnInput(audio=silence), (), parts(responder))) == [Heard("")]
    assert not responder.seen


def test_picture_without_a_question_is_described() -> None:
    picture = Picture.from_image(Image.new("RGB", (8, 8)))
    responder = ScriptedResponder()
    assert list(run_turn(TurnInput(pictures=(picture,), default_prompt="Describe."), (), parts(responder))) == [
        Heard("")
    ]
    assert responder.seen == [Message("user", "Describe.", (picture,))]


def test_history_comes_before_the_question() -> None:
    responder = ScriptedResponder()
    past = (Message("system", "Be brief."), Message("user", "a"), Message("assistant", "b"))
    list(run_turn(TurnInput("c"), past, parts(responder)))
    assert responder.seen == [*past, Message("user", "c")]


def test_closing_releases_every_stage() -> None:
    responder, voice = ScriptedResponder("One. ", "Two."), OneBlockVoice()
    turn = run_turn(TurnInput("x"), (), parts(responder, voice))
    while not isinstance(next(turn), AudioProduced):
        pass
    turn.close()
    assert responder.closed and voice.closed == 1


def test_failing_responder_ends_the_turn_with_its_error() -> None:
    class FailingResponder(ScriptedResponder):
        def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
            yield "One"
            raise AssistantError("answer", "It broke.", "Mend it.")

    seen = []
    with pytest.raises(AssistantError, match="It broke"):
        for event in run_turn(TurnInput("x"), (), parts(FailingResponder())):
            seen.append(event)
    assert seen == [Heard("x"), Wrote("One")]


def test_answer_goes_on_in_writing_after_the_voice_failed() -> None:
    class FailingVoice(OneBlockVoice):
        def synthesize(self, text: str) -> Generator[AudioClip, None, None]:
            yield ONE
            raise AssistantError("speak", "The voice stopped.", "Try another.")

    run = list(run_turn(TurnInput("x"), (), parts(ScriptedResponder("One. ", "Two. ", "Three."), FailingVoice())))
    assert [event.text for event in run if isinstance(event, Wrote)] == ["One. ", "Two. ", "Three."]
    assert [event for event in run if isinstance(event, Notice)] == [Notice("The voice stopped. Try another.")]


def test_long_audio_is_transcribed_in_steps_that_can_be_interrupted() -> None:
    closed: list[int] = []

    class RecordingTranscriber(Transcriber):
        def transcribe(self, audio: AudioClip) -> Generator[str, None, None]:
            try:
                yield from ("one ", "two ", "three")
            finally:
                closed.append(1)

    heard_by = Backends(RecordingTranscriber(), ScriptedResponder("Yes."), OneBlockVoice())
    steps = run_turn(TurnInput(audio=tone(1)), (), heard_by)
    assert next(steps) == EmptyStep()
    steps.close()
    assert closed == [1]
    assert Heard("one two three") in list(run_turn(TurnInput(audio=tone(1)), (), heard_by))
