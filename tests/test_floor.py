"""Who has the floor: scripts in time, counted in blocks of 10 ms, never by the clock."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from assistant.asking import Desk, Question
from assistant.errors import AssistantError
from assistant.events import Event, Failed, Heard, Hearing, StateChanged, TurnEnded, TurnStarted, Wrote
from assistant.floor import Floor
from assistant.library.history import History
from assistant.pictures import Picture
from assistant.roles import Message, Parts, Responder, Transcriber, Voice
from assistant.settings import Folders, Look, Settings
from assistant.sound.audio import Audio, Samples
from assistant.sound.ears import Ears
from assistant.sound.listener import Listener, SpeechEnded, SpeechPaused, SpeechStarted
from assistant.sound.speaker import Playback

BLOCK, RATE = 160, 16_000
WORDS, COUGH, QUIET = 0.5, 0.9, 0.0
ANSWER = "One two three four five. Six seven eight nine ten."


class Ear(Transcriber):
    """Hears words in sound of one level, and nothing in that of another."""

    def transcribe(self, audio: Audio) -> Generator[str, None, None]:
        if np.isclose(audio.samples, WORDS).any():
            yield "what is it"


class Reply(Responder):
    by = "script"

    def __init__(self) -> None:
        self.seen: list[list[Message]] = []
        self.closed = 0

    def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        self.seen.append(list(messages))
        try:
            for word in ANSWER.split():
                yield word + " "
        finally:
            self.closed += 1


class Broken(Responder):
    by = "script"

    def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        raise AssistantError("answer", "It broke.", "Mend it.")
        yield ""


class Mouth(Voice):
    """A fifth of a second for each word, loud."""

    def speak(self, text: str) -> Generator[Audio, None, None]:
        for _ in text.split():
            yield Audio(np.full(RATE // 5, 0.3, np.float32), RATE)


class Shelf:
    def __init__(self, responder: Reply | Broken) -> None:
        self._parts = Parts(Ear(), responder, Mouth())

    def parts(self, settings: Settings, hears: bool) -> Generator[Event, None, Parts]:
        yield from ()
        return self._parts

    def ear(self, settings: Settings, emit: Callable[[Event], None]) -> Ear:
        return self._parts.transcriber

    @property
    def responder(self) -> Responder:
        return self._parts.responder


class Stage:
    """A room with a microphone, a speaker and a person, one block at a time; `now` counts seconds of blocks."""

    def __init__(self, home: Path, responder: Reply | Broken | None = None, speaker: bool = True) -> None:
        self.responder = responder or Reply()
        self.events: list[tuple[float, Event]] = []
        self.now = 0.0
        self.loud: list[bool] = []  # at the speaker, a block each
        self.playing: Playback | None = None
        self.has_speaker = speaker
        self.history = History(home)
        settings, folders = Settings(look=Look(system="")), Folders(home, home, home / "logs")
        self.desk = Desk(settings, folders, self.history, Shelf(self.responder))
        self.floor = Floor(self.desk, self.open, lambda event: self.events.append((round(self.now, 2), event)))
        self.ears = Ears(Listener(lambda frame: float(np.abs(frame).mean() > 0.2)), None, lambda level: None)

    def open(self) -> Playback | None:
        self.playing = Playback(RATE) if self.has_speaker else None
        return self.playing

    def play(self, *script: tuple[float, float]) -> None:
        """Seconds at a level, one after another; the worker is fast, the world is not."""
        for seconds, level in script:
            for _ in range(round(seconds * 100)):
                self._block(np.full(BLOCK, level, np.float32))

    def _block(self, block: Samples) -> None:
        self.now += 0.01
        for event in self.ears.feed(block, self.floor.playback):
            self.floor.on_speech(event)
        while self.floor.ready:
            self.floor.step()
        self.floor.step()
        self.loud.append(bool(self.playing and np.abs(self.playing.fill(BLOCK)).max() > 0.01))

    def named(self, kind: type[Event]) -> list[tuple[float, Event]]:
        return [(at, event) for at, event in self.events if isinstance(event, kind)]

    def ends(self) -> list[TurnEnded]:
        return [event for _, event in self.events if isinstance(event, TurnEnded)]

    def kept(self) -> list[tuple[str, str, int | None]]:
        assert self.desk.conversation
        return [(turn.question, turn.state, turn.heard) for turn in self.history.turns(self.desk.conversation)]


@pytest.fixture
def stage(home: Path) -> Iterator[Stage]:
    made = Stage(home)
    yield made
    made.history.close()


def test_a_spoken_question_is_answered_aloud(stage: Stage) -> None:
    stage.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    assert [type(event) for _, event in stage.events if not isinstance(event, (Wrote, StateChanged))][:3] == [
        Hearing, TurnStarted, Heard,
    ]  # fmt: skip
    (ended,) = stage.ends()
    assert (ended.reason, ended.heard, ended.answer.split()) == ("answered", "what is it", ANSWER.split())
    assert ended.heard_until == len(ended.answer) and stage.kept() == [("what is it", "answered", None)]
    assert abs(sum(stage.loud) - 200) <= 3, "all ten words were heard"


def test_the_answer_is_worked_out_before_the_silence_is_over(stage: Stage) -> None:
    stage.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    caption, first = stage.named(Hearing)[0][0], stage.loud.index(True) / 100
    assert caption <= 1.5 + 0.15, "begun at the soft end"
    assert 1.5 + 0.6 <= first <= 1.5 + 0.78, "heard at the hard end, not before"


def test_a_pause_in_a_question_costs_nothing_and_keeps_nothing(stage: Stage) -> None:
    stage.play((0.5, QUIET), (0.6, WORDS), (0.4, QUIET), (0.6, WORDS), (4.0, QUIET))
    assert len(stage.named(TurnStarted)) == len(stage.ends()) == len(stage.kept()) == 1
    assert isinstance(stage.responder, Reply) and stage.responder.closed == len(stage.responder.seen) == 2


def test_a_cough_is_never_answered(stage: Stage) -> None:
    stage.play((0.5, QUIET), (0.4, COUGH), (2.0, QUIET))
    assert not stage.named(TurnStarted) and not any(stage.loud) and not stage.floor.busy


def test_words_over_the_answer_stop_it_and_are_the_next_question(stage: Stage) -> None:
    stage.floor.ask(Question("go on"))
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


def test_our_own_voice_is_no_question_even_when_the_answer_has_ended(stage: Stage) -> None:
    silence = Audio(np.zeros(RATE, np.float32), RATE)
    for event in (SpeechStarted(0), SpeechPaused(silence), SpeechEnded(silence)):
        stage.floor.on_speech(event)
    stage.play((1.0, QUIET))
    assert not stage.named(TurnStarted) and not stage.named(Heard) and not stage.floor.hearing
    stage.floor.on_speech(SpeechEnded(silence, by_key=True))
    stage.play((1.0, QUIET))
    assert [event.reason for event in stage.ends()] == ["nothing heard"], "who holds the key is told"


def test_a_cough_over_the_answer_holds_it_for_less_than_a_second_and_loses_no_word(stage: Stage) -> None:
    stage.floor.ask(Question("go on"))
    stage.play((0.5, QUIET), (0.3, COUGH), (4.0, QUIET))
    (ended,) = stage.ends()
    assert ended.reason == "answered" and abs(sum(stage.loud) - 200) <= 4
    silent = [at for at in range(50, 200) if not stage.loud[at]]
    assert 0 < len(silent) < 100 and stage.floor.false_alarms == 1


def test_a_microphone_that_goes_while_it_hears_leaves_no_answer_held(stage: Stage) -> None:
    stage.floor.ask(Question("go on"))
    stage.play((0.5, QUIET), (0.3, COUGH))
    for event in stage.ears.listener.drop():
        stage.floor.on_speech(event)
    stage.play((4.0, QUIET))
    (ended,) = stage.ends()
    assert ended.reason == "answered" and abs(sum(stage.loud) - 200) <= 4
    stage.play((0.2, WORDS))
    for event in stage.ears.listener.drop():
        stage.floor.on_speech(event)
    assert len(stage.ends()) == 1 and not stage.floor.hearing


def test_the_speaker_is_ducked_before_the_detector_is_sure(stage: Stage) -> None:
    stage.floor.ask(Question("go on"))
    stage.play((1.0, QUIET), (0.02, COUGH))
    assert stage.playing and np.abs(stage.playing.fill(BLOCK * 2)[BLOCK:]).max() < 0.3 * 0.3


def test_an_interrupt_is_silent_within_a_block(stage: Stage) -> None:
    stage.floor.ask(Question("go on"))
    stage.play((1.0, QUIET))
    assert stage.playing
    stage.playing.stop()  # as the key does, from its own thread
    stage.floor.interrupt()
    stage.play((0.5, QUIET))
    assert not any(stage.loud[102:]) and stage.ends()[0].reason == "interrupted"


def test_a_turn_steps_no_further_than_two_seconds_ahead(stage: Stage) -> None:
    stage.floor.ask(Question("go on"))
    stage.play((0.01, QUIET))
    assert stage.playing and 1.9 <= stage.playing.ahead <= 2.3


def test_without_a_speaker_what_was_written_counts_as_heard(home: Path) -> None:
    stage = Stage(home, speaker=False)
    stage.floor.ask(Question("go on"))
    stage.play((0.1, QUIET))
    (ended,) = stage.ends()
    assert (ended.reason, ended.heard_until) == ("answered", len(ended.answer))
    stage.history.close()


def test_a_failure_ends_the_turn_and_the_next_one_works(home: Path) -> None:
    stage = Stage(home, Broken())
    stage.floor.ask(Question("go on"))
    stage.play((0.1, QUIET))
    assert stage.named(Failed)[0][1] == Failed("answer", "It broke.", "Mend it.")
    assert stage.ends()[0].reason == "failed" and not stage.floor.busy
    stage.history.close()


def test_pictures_go_with_the_first_question_and_are_remembered_until_let_go(stage: Stage) -> None:
    red, blue = Picture(1, 1, b"\xff\0\0", "red"), Picture(1, 1, b"\0\0\xff", "blue")
    stage.floor.show(red)
    stage.floor.ask(Question("one"))
    stage.play((3.0, QUIET))
    stage.floor.show(blue)
    stage.floor.ask(Question("two"))
    stage.play((3.0, QUIET))
    assert isinstance(stage.responder, Reply)
    assert [message.pictures for message in stage.responder.seen[-1]] == [(red,), (), (blue,)]
    stage.floor.forget(red.digest)
    stage.floor.ask(Question("three"))
    stage.play((3.0, QUIET))
    assert [message.pictures for message in stage.responder.seen[-1]] == [(), (), (blue,), (), ()]


def test_states_are_told_once_and_end_in_ready(stage: Stage) -> None:
    stage.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    states = [event.state for _, event in stage.events if isinstance(event, StateChanged)]
    assert states == ["hearing", "speaking", "ready"]


def test_words_over_an_answer_are_heard_once(stage: Stage) -> None:
    stage.floor.ask(Question("go on"))
    stage.play((0.5, QUIET), (1.0, WORDS), (4.0, QUIET))
    states = [event.state for _, event in stage.events if isinstance(event, StateChanged)]
    assert states == ["thinking", "speaking", "hearing", "speaking", "ready"]


class Prepares(Reply):
    """Needs three steps for the next question."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []
        self.prepared: list[list[Message]] = []
        self.forgotten: list[str] = []

    def prepare(self, messages: Sequence[Message]) -> Generator[None, None, None]:
        self.prepared.append(list(messages))
        for _ in range(3):
            self.steps.append("prepared")
            yield

    def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        for word in super().reply(messages):
            self.steps.append("replied")
            yield word

    def forget(self, digest: str) -> None:
        self.forgotten.append(digest)


def test_a_dropped_picture_is_prepared_before_it_is_asked_about(home: Path) -> None:
    responder = Prepares()
    stage = Stage(home, responder)
    picture = Picture(2, 2, b"\0" * 12, "dot.png")
    stage.floor.show(picture)
    stage.play((0.1, QUIET))
    assert responder.steps == ["prepared"] * 3 and responder.prepared[-1][-1].pictures == (picture,)
    stage.floor.ask(Question("what is it"))
    stage.play((9.0, QUIET))
    assert responder.prepared[-1][-1].pictures == (), "what was asked about is in the conversation"
    assert [message.role for message in responder.prepared[-1]] == ["user", "assistant", "user"]
    stage.floor.forget(picture.digest)
    assert responder.forgotten == [picture.digest]
    stage.play((0.1, QUIET))
    assert not any(message.pictures for message in responder.prepared[-1])
    stage.history.close()


def test_a_turn_goes_before_preparing(home: Path) -> None:
    responder = Prepares()
    stage = Stage(home, responder)
    stage.floor.show(Picture(2, 2, b"\0" * 12, "dot.png"))
    stage.floor.step()
    stage.floor.ask(Question("what is it"))
    while "replied" not in responder.steps:
        stage.floor.step()
    assert responder.steps == ["prepared", "replied"]
    stage.history.close()


def test_a_picture_let_go_in_mid_turn_is_gone_from_the_conversation(home: Path) -> None:
    responder = Prepares()
    stage = Stage(home, responder)
    picture = Picture(2, 2, b"\0" * 12, "dot.png")
    stage.floor.show(picture)
    stage.floor.ask(Question("what is it"))
    stage.play((0.5, QUIET))
    stage.floor.forget(picture.digest)
    stage.play((9.0, QUIET))
    assert stage.ends()[-1].reason == "answered"
    assert not any(message.pictures for message in responder.prepared[-1])
    stage.history.close()
