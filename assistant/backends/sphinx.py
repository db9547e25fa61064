"""Transcribes English with pocketsphinx, whose acoustic and language model come in its package.

Two decoders hear the same audio, one with the language model and one with a grammar of the starter kit's questions. The
grammar forces whatever it hears into one of its questions, so its text is used only when it scores well by itself and
better than the language model's."""

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

_ADDED_NOISE_RMS = 1e-3  # samples are from -1 to 1
# Tuned on flite's voices at two levels of noise, so that no sentence of TUNED_ON in benchmarks/phrasings.py is taken
# for a question. The figures of `make bench` come from other sentences.
MIN_CONFIDENCE, MIN_SCORE = 0.73, 0.52


class SphinxTranscriber(Transcriber):
    """pocketsphinx's model of US English. Takes about 0.1 s for each second of audio and decoder."""

    def __init__(self, grammar: Path) -> None:
        from pocketsphinx import Decoder, get_model_path

        folder = Path(get_model_path()) / "en-us"
        common = {"hmm": str(folder / "en-us"), "dict": str(folder / "cmudict-en-us.dict"), "loglevel": "FATAL"}
        self._model_decoder = Decoder(lm=str(folder / "en-us.lm.bin"), **common)
        self._grammar_decoder = Decoder(lm=None, jsgf=str(grammar), **common)

    def transcribe(self, audio: AudioClip) -> Generator[str, None, None]:
        """Yields the transcript in lower case, or nothing for sound without speech."""
        speech = vad.trim_silence(audio)  # silence before the speech would make it mishear the first words
        text = choose_transcript(*self.transcribe_scored(speech)) if speech else ""
        if text:
            yield text

    def transcribe_scored(self, audio: AudioClip) -> tuple[tuple[str, float], tuple[str, float]]:
        """Text and score of the grammar and of the language model; scores are from 0 to 1, higher is surer."""
        samples = np.pad(audio.resample(vad.SAMPLE_RATE_HZ), vad.SAMPLE_RATE_HZ // 10)
        # The model was trained on recordings in rooms, not on digital silence: with a little noise it hears better, and
        # its scores of files and of microphones are comparable.
        noise = np.random.default_rng(0).normal(0.0, _ADDED_NOISE_RMS, len(samples))
        pcm = to_pcm16(np.clip(samples + noise, -1.0, 1.0))
        return _decode_audio(self._grammar_decoder, pcm), _decode_audio(self._model_decoder, pcm)


def choose_transcript(from_grammar: tuple[str, float], from_model: tuple[str, float]) -> str:
    """The grammar's text when its score is good enough, or else the language model's. Both are text and score."""
    margin = from_grammar[1] - from_model[1]
    # A text that was forced into the grammar is often shorter or longer than what was said.
    has_similar_length = abs(len(from_grammar[0].split()) - len(from_model[0].split())) <= 1
    is_sure = from_grammar[1] >= MIN_SCORE and from_grammar[1] + 2 * margin >= MIN_CONFIDENCE
    return from_grammar[0] if is_sure and has_similar_length else from_model[0]


def _decode_audio(decoder: Any, pcm: bytes) -> tuple[str, float]:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return (re.sub(r"\(\d+\)", "", hypothesis.hypstr), float(hypothesis.best_score)) if hypothesis else ("", 0.0)


def load_transcriber(options: LoadOptions) -> SphinxTranscriber:
    """Loads the starter kit's transcriber. It knows only English, so `options.language` is ignored."""
    with resources.as_file(resources.files("resources") / "starter" / "spoken.jsgf") as grammar:
        return SphinxTranscriber(grammar)
