"""A room with a person, a microphone and a speaker around a `TurnManager`, in blocks of 10 ms."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import numpy as np

from assistant.audio.clip import AudioClip, Samples
from assistant.audio.input_pipeline import AudioInputPipeline
from assistant.audio.playback import AudioPlayback
from assistant.audio.segmenter import UtteranceSegmenter
from assistant.conversation.session import Session
from assistant.conversation.turn_manager import TurnManager
from assistant.errors import AssistantError
from assistant.events import Event, TurnEnded
from assistant.history.turn_recorder import TurnRecorder
from assistant.interfaces import Backends, Responder, Transcriber, Voice
from assistant.messages import Message
from assistant.paths import AppPaths
from assistant.settings import ResponderSettings, Settings

BLOCK, RATE = 160, 16_000
WORDS, COUGH, QUIET = 0.5, 0.9, 0.0
ANSWER = "One two three four five. Six seven eight nine ten."


class ScriptedTranscriber(Transcriber):
    """Returns words for sound of one level and nothing for any other."""

    def transcribe(self, audio: AudioClip) -> Generator[str, None, None]:
        if np.isclose(audio.samples, WORDS).any():
            yield "what is it"


class ScriptedResponder(Responder):
    model_name = "script"

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


class BrokenResponder(Responder):
    model_name = "script"

    def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        raise AssistantError("answer", "It broke.", "Mend it.")
        yield ""


class ScriptedVoice(Voice):
    """Synthesizes a fifth of a second of loud sound per word."""

    def synthesize(self, text: str) -> Generator[AudioClip, None, None]:
        for _ in text.split():
            yield AudioClip(np.full(RATE // 5, 0.3, np.float32), RATE)


class ScriptedModels:
    def __init__(self, responder: ScriptedResponder | BrokenResponder) -> None:
        self._parts = Backends(ScriptedTranscriber(), responder, ScriptedVoice())

    def load_backends(self, settings: Settings, hears: bool) -> Generator[Event, None, Backends]:
        yield from ()
        return self._parts

    def load_transcriber(self, settings: Settings, emit: Callable[[Event], None]) -> ScriptedTranscriber:
        return self._parts.transcriber

    @property
    def responder(self) -> Responder:
        return self._parts.responder


class ScriptedRoom:
    """A room with a microphone, a speaker and a person, one block at a time; `now` counts seconds of blocks."""

    def __init__(
        self, home: Path, responder: ScriptedResponder | BrokenResponder | None = None, speaker: bool = True
    ) -> None:
        self.responder = responder or ScriptedResponder()
        self.events: list[tuple[float, Event]] = []
        self.now = 0.0
        self.loud: list[bool] = []  # at the speaker, a block each
        self.playing: AudioPlayback | None = None
        self.has_speaker = speaker
        self.history = TurnRecorder(home)
        settings, paths = Settings(responder=ResponderSettings(system_prompt="")), AppPaths(home, home, home / "logs")
        session = Session(settings, paths, self.history, ScriptedModels(self.responder))
        self.turns = TurnManager(session, self.open, lambda event: self.events.append((round(self.now, 2), event)))
        self.input = AudioInputPipeline(
            UtteranceSegmenter(lambda frame: float(np.abs(frame).mean() > 0.2)), None, lambda level: None
        )

    def open(self) -> AudioPlayback | None:
        self.playing = AudioPlayback(RATE) if self.has_speaker else None
        return self.playing

    def play(self, *script: tuple[float, float]) -> None:
        """Play seconds at a level, one after another, letting the worker finish after each block."""
        for seconds, level in script:
            for _ in range(round(seconds * 100)):
                self._block(np.full(BLOCK, level, np.float32))

    def _block(self, block: Samples) -> None:
        self.now += 0.01
        for event in self.input.feed_block(block, self.turns.audible_playback):
            self.turns.handle_speech(event)
        while self.turns.is_ready:
            self.turns.run_step()
        self.turns.run_step()
        self.loud.append(bool(self.playing and np.abs(self.playing.fill(BLOCK)).max() > 0.01))

    def named(self, kind: type[Event]) -> list[tuple[float, Event]]:
        return [(at, event) for at, event in self.events if isinstance(event, kind)]

    def ends(self) -> list[TurnEnded]:
        return [event for _, event in self.events if isinstance(event, TurnEnded)]

    def kept(self) -> list[tuple[str, str, int | None]]:
        assert self.turns.conversation.id
        return [
            (turn.question, turn.state, turn.heard_letters)
            for turn in self.history.store.last_turns(self.turns.conversation.id)
        ]


class PreparingResponder(ScriptedResponder):
    """Takes three steps to prepare the next question."""

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

    def forget_picture(self, digest: str) -> None:
        self.forgotten.append(digest)
