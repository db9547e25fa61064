"""Back ends that do nothing costly, for tests and for a voice that is turned off.

The transcriber hears a fixed sentence, the responder repeats the question, the voice is silent."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence

import numpy as np

from assistant.audio.clip import AudioClip
from assistant.interfaces import LoadOptions, Responder, Transcriber, Voice
from assistant.messages import Message

RATE = 16_000  # Hz


class SilentTranscriber(Transcriber):
    """Hears a fixed sentence in any audio that is not silence."""

    def __init__(self, text: str) -> None:
        self._text = text

    def transcribe(self, audio: AudioClip) -> Generator[str, None, None]:
        """Yields the sentence; nothing for silence."""
        if np.any(audio.samples):
            yield self._text


class SilentResponder(Responder):
    """Repeats the question word by word, and takes `seconds` for each word."""

    model_name = "silent"

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        """Yields the words of the last message."""
        for word in messages[-1].text.split():
            time.sleep(self._seconds)
            yield word + " "


class SilentVoice(Voice):
    """Is silent for 50 ms a word."""

    def synthesize(self, text: str) -> Generator[AudioClip, None, None]:
        """Yields a block of silence for each word."""
        for _ in text.split():
            yield AudioClip(np.zeros(int(RATE / 20 / self.speed), np.float32), RATE)


def load_transcriber(options: LoadOptions) -> SilentTranscriber:
    """`options.model` is the sentence that it hears, "hello" by default."""
    return SilentTranscriber(options.model or "hello")


def load_responder(options: LoadOptions) -> SilentResponder:
    """`options.model` is the number of seconds that it takes for a word, "" for none."""
    return SilentResponder(float(options.model or 0))


def load_voice(options: LoadOptions) -> SilentVoice:
    """There are no options."""
    return SilentVoice()
