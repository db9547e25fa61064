"""Processes microphone blocks: cancels the echo, reports the level, ducks the playback and segments utterances."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from assistant.audio.clip import Samples
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

DUCKED_GAIN = 0.25  # of the playback while somebody may be speaking
_LEVEL_INTERVAL_SAMPLES = SAMPLE_RATE_HZ // 10
_VOICE_TO_NOISE_RATIO = 4.0  # RMS over the room's noise from which a block may be a voice
_MIN_VOICE_RMS = 0.005
_UNDUCK_BLOCKS = 30  # blocks without a voice until the playback is at full volume again


class AudioInputPipeline:
    """Turns microphone audio into speech events.

    `segmenter`: finds the utterances.
    `echo`: removes the speaker's sound; None without a speaker.
    `on_level`: receives the peak level, 0 to 1, about ten times a second."""

    def __init__(
        self, segmenter: UtteranceSegmenter, echo: EchoCanceller | None, on_level: Callable[[float], None]
    ) -> None:
        self.segmenter, self.echo, self._on_level = segmenter, echo, on_level
        self._peak_level, self._level_samples = 0.0, 0
        self._noise_rms = _MIN_VOICE_RMS / _VOICE_TO_NOISE_RATIO
        self._blocks_without_voice = _UNDUCK_BLOCKS
        self._began_during_playback = False
        self._is_own_voice: bool | None = None  # whether this utterance is Hark's own voice; None until it is judged

    def feed_block(self, block: Samples, playback: AudioPlayback | None) -> Iterator[SpeechEvent]:
        """Processes a block at 16 kHz and yields the speech events in it; `playback` is the answer that is being
        played."""
        clean = self.echo.process(block) if self.echo else block
        self._measure_level(block)
        if playback and len(clean):
            self._duck_playback(clean, playback)
        for event in self.segmenter.feed_block(clean):
            if isinstance(event, SpeechStarted):
                self._is_own_voice = None
                self._began_during_playback = bool(playback or (self.echo and self.echo.is_sounding))
            # An utterance that began during playback is judged even if the playback ends meanwhile.
            yield self._judge_event(event) if self._began_during_playback else event

    def start_by_key(self) -> None:
        """Notes that the talk key starts an utterance: it is the user's, whatever is being played."""
        self._began_during_playback, self._is_own_voice = False, None

    def _judge_event(self, event: SpeechEvent) -> SpeechEvent:
        """Marks Hark's own voice. Each utterance is judged once, early."""
        if not self.echo or not isinstance(event, (SpeechContinues, SpeechPaused, SpeechEnded)):
            return event
        if self._is_own_voice is None:
            self._is_own_voice = self.echo.is_own_voice(len(event.utterance.samples))
        return replace(event, is_own_voice=self._is_own_voice)

    def _measure_level(self, block: Samples) -> None:
        self._peak_level = max(self._peak_level, float(np.abs(block).max(initial=0.0)))
        self._level_samples += len(block)
        if self._level_samples >= _LEVEL_INTERVAL_SAMPLES:
            self._on_level(round(self._peak_level, 3))
            self._peak_level, self._level_samples = 0.0, 0

    def _duck_playback(self, clean: Samples, playback: AudioPlayback) -> None:
        """Ducks on the energy of a single block; the voice detector would need 100 ms more."""
        rms = float(np.sqrt(np.mean(clean * clean)))
        if rms > max(_MIN_VOICE_RMS, self._noise_rms * _VOICE_TO_NOISE_RATIO):
            self._blocks_without_voice = 0
        else:
            self._blocks_without_voice += 1
            self._noise_rms += (rms - self._noise_rms) * 0.01
        playback.set_gain(DUCKED_GAIN if self._blocks_without_voice < _UNDUCK_BLOCKS else 1.0)
