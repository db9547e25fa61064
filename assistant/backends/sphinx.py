"""Hears English with pocketsphinx, whose model lies in its package. Knows nothing of what is asked of whom.

Two decoders hear the same sound: the open language model, and a grammar of the starter kit's questions. The grammar
forces whatever it hears into one of its questions, so its text is kept only when it scores well by itself and well
above the open model's."""

from __future__ import annotations

import re
from collections.abc import Generator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from assistant.audio import vad
from assistant.audio.clip import AudioClip, to_pcm16
from assistant.interfaces import LoadOptions, Transcriber

_ROOM = 1e-3  # RMS of the noise that is added
# Tuned on flite's voices at two levels of noise, so that none of TUNED_ON in benchmarks/phrasings.py is taken for a
# question; the figures of `make bench` come from other sentences.
MIN_CONFIDENCE, MIN_SCORE = 0.73, 0.52


class SphinxTranscriber(Transcriber):
    """pocketsphinx's US-English model; one at a time, about 0.1 s for each second of sound and decoder."""

    def __init__(self, grammar: Path) -> None:
        from pocketsphinx import Decoder, get_model_path

        folder = Path(get_model_path()) / "en-us"
        common = {"hmm": str(folder / "en-us"), "dict": str(folder / "cmudict-en-us.dict"), "loglevel": "FATAL"}
        self._open = Decoder(lm=str(folder / "en-us.lm.bin"), **common)
        self._grammar = Decoder(lm=None, jsgf=str(grammar), **common)

    def transcribe(self, audio: AudioClip) -> Generator[str, None, None]:
        """Yields the transcript in lower case, or nothing for sound without speech."""
        said = vad.trim_silence(audio)  # whoever waits before speaking would be misheard: silence confuses this ear
        text = choose_transcript(*self.transcribe_scored(said)) if said else ""
        if text:
            yield text

    def transcribe_scored(self, audio: AudioClip) -> tuple[tuple[str, float], tuple[str, float]]:
        """Text and score (0 to 1, higher is surer) of the grammar and of the open model."""
        samples = np.pad(audio.resample(vad.SAMPLE_RATE_HZ), vad.SAMPLE_RATE_HZ // 10)
        # Digital silence is foreign to the model, which learnt from rooms: with a little noise it hears better, and
        # scores what comes from files as what comes from microphones.
        room = np.random.default_rng(0).normal(0.0, _ROOM, len(samples))
        sound = to_pcm16(np.clip(samples + room, -1.0, 1.0))
        return _decode_audio(self._grammar, sound), _decode_audio(self._open, sound)


def choose_transcript(grammar: tuple[str, float], free: tuple[str, float]) -> str:
    """The grammar's text when it is sure enough, else the open model's."""
    margin = grammar[1] - free[1]
    # A forced text is often shorter or longer than what was said.
    alike = abs(len(grammar[0].split()) - len(free[0].split())) <= 1
    sure = grammar[1] >= MIN_SCORE and grammar[1] + 2 * margin >= MIN_CONFIDENCE
    return grammar[0] if sure and alike else free[0]


def _decode_audio(decoder: Any, sound: bytes) -> tuple[str, float]:
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return (re.sub(r"\(\d+\)", "", found.hypstr), float(found.best_score)) if found else ("", 0.0)


def load_transcriber(options: LoadOptions) -> SphinxTranscriber:
    """The starter kit's ear; English only, so `options.language` is not heeded."""
    with resources.as_file(resources.files("resources") / "starter" / "spoken.jsgf") as grammar:
        return SphinxTranscriber(grammar)
