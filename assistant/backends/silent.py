"""Parts that do nothing costly, behind the same door as the real ones: for scripts in time and for a voice turned off.

They know nothing of models: the transcriber hears a fixed sentence, the responder repeats, the voice is silence."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence

import numpy as np

from assistant.audio.clip import AudioClip
from assistant.interfaces import LoadOptions, Responder, Transcriber, Voice
from assistant.messages import Message

RATE = 16_000


class SilentTranscriber(Transcriber):
    """Hears `text` in any sound that is not silence."""

    def __init__(self, text: str) -> None:
        self._text = text

    def transcribe(self, audio: AudioClip) -> Generator[str, None, None]:
        if np.any(audio.samples):
            yield self._text


class SilentResponder(Responder):
    """Repeats the question, word by word, and takes so many seconds for each."""

    model_name = "silent"

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        for word in messages[-1].text.split():
            time.sleep(self._seconds)
            yield word + " "


class SilentVoice(Voice):
    """Says nothing for 50 ms a word."""

    def synthesize(self, text: str) -> Generator[AudioClip, None, None]:
        for _ in text.split():
            yield AudioClip(np.zeros(int(RATE / 20 / self.speed), np.float32), RATE)


def load_transcriber(options: LoadOptions) -> SilentTranscriber:
    return SilentTranscriber(options.model or "hello")


def load_responder(options: LoadOptions) -> SilentResponder:
    """`options.model`: the seconds that it takes for a word, "" for none."""
    return SilentResponder(float(options.model or 0))


def load_voice(options: LoadOptions) -> SilentVoice:
    return SilentVoice()
