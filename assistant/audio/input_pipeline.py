"""From microphone blocks to speech: echo removed, level told, the speaker ducked, utterances found.

Knows no threads, models of words or turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from assistant.audio.clip import AudioClip, Samples
from assistant.audio.echo_canceller import EchoCanceller
from assistant.audio.playback import AudioPlayback
from assistant.audio.segmenter import (
    SpeechContinues,
    SpeechEnded,
    SpeechEvent,
    SpeechPaused,
    SpeechStarted,
    UtteranceSegmenter,
)
from assistant.audio.vad import SAMPLE_RATE_HZ

DUCKED_GAIN = 0.25
_LEVEL_EVERY = SAMPLE_RATE_HZ // 10
_ONSET = 4.0  # so much over the room's noise may be a voice
_LEAST = 0.005  # RMS
_CALM = 30  # blocks without a voice, after which the speaker is as loud as before


class AudioInputPipeline:
    """What the microphone hears of a person. `level`, 0 to 1, is told about ten times a second."""

    def __init__(
        self, segmenter: UtteranceSegmenter, echo: EchoCanceller | None, on_level: Callable[[float], None]
    ) -> None:
        self.segmenter, self.echo, self._on_level = segmenter, echo, on_level
        self._peak, self._count = 0.0, 0
        self._noise = _LEAST / _ONSET
        self._calm = _CALM
        self._over = False  # whether this utterance began while the speaker sounded
        self._ours: bool | None = None  # whether this utterance is the speaker's

    def feed_block(self, block: Samples, playback: AudioPlayback | None) -> Iterator[SpeechEvent]:
        """What happened in this block (16 kHz); `playback` is the answer that sounds now."""
        clean = self.echo.process(block) if self.echo else block
        self._measure_level(block)
        if playback and len(clean):
            self._duck_playback(clean, playback)
        for event in self.segmenter.feed_block(clean):
            if isinstance(event, SpeechStarted):
                self._ours, self._over = None, bool(playback or (self.echo and self.echo.is_sounding))
            # The answer may end meanwhile: what began over it is judged all the same.
            yield self._judge_event(event) if self._over else event

    def start_by_key(self) -> None:
        """The talk key begins an utterance: it is a person's, whatever sounds."""
        self._over, self._ours = False, None

    def _judge_event(self, event: SpeechEvent) -> SpeechEvent:
        """Our own voice is no words: it is handed on as silence. An utterance is judged once, while it is young."""
        if not self.echo or not isinstance(event, (SpeechContinues, SpeechPaused, SpeechEnded)):
            return event
        utterance = event.utterance
        if self._ours is None:
            self._ours = self.echo.is_own_voice(len(utterance.samples))
        return replace(event, utterance=AudioClip(np.zeros_like(utterance.samples), SAMPLE_RATE_HZ)) if self._ours else event

    def _measure_level(self, block: Samples) -> None:
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        self._count += len(block)
        if self._count >= _LEVEL_EVERY:
            self._on_level(round(self._peak, 3))
            self._peak, self._count = 0.0, 0

    def _duck_playback(self, clean: Samples, playback: AudioPlayback) -> None:
        """On the energy of one block already: the voice detector needs 100 ms more."""
        loud = float(np.sqrt(np.mean(clean * clean)))
        if loud > max(_LEAST, self._noise * _ONSET):
            self._calm = 0
        else:
            self._calm += 1
            self._noise += (loud - self._noise) * 0.01
        playback.set_gain(DUCKED_GAIN if self._calm < _CALM else 1.0)
