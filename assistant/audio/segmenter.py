"""Segments a stream of audio into utterances: a state machine that counts samples and has no clock.

An utterance starts after a little speech. A short silence is its soft end (a speculative answer may begin); it then
resumes, or ends at a longer silence, the hard end. A pre-roll keeps its first word whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from assistant.audio.clip import AudioClip, Samples
from assistant.audio.vad import FRAME_SAMPLES, SAMPLE_RATE_HZ


@dataclass(frozen=True)
class SegmenterParams:
    """Parameters of the segmenter. Durations are in samples at 16 kHz."""

    min_speech: int = SAMPLE_RATE_HZ * 96 // 1000  # speech that starts an utterance
    soft_silence: int = SAMPLE_RATE_HZ * 100 // 1000  # silence that makes the soft end
    hard_silence: int = SAMPLE_RATE_HZ * 700 // 1000  # silence that makes the hard end
    pre_roll: int = SAMPLE_RATE_HZ * 320 // 1000  # audio kept from before the start
    partial_interval: int = SAMPLE_RATE_HZ * 480 // 1000  # time between two `SpeechContinues`
    max_utterance: int = SAMPLE_RATE_HZ * 60  # longer utterances are ended
    threshold: float = 0.5  # probability from which a frame is speech


@dataclass(frozen=True)
class SpeechStarted:
    """An utterance starts. `sample_index`: samples since the stream began."""

    sample_index: int


@dataclass(frozen=True)
class SpeechContinues:
    """Speech goes on.

    `utterance`: its audio so far, at 16 kHz.
    `is_own_voice`: it is Hark's own voice from the speaker."""

    utterance: AudioClip
    is_own_voice: bool = False


@dataclass(frozen=True)
class SpeechPaused:
    """The soft end.

    `utterance`: its audio so far, at 16 kHz.
    `is_own_voice`: it is Hark's own voice from the speaker."""

    utterance: AudioClip
    is_own_voice: bool = False


@dataclass(frozen=True)
class SpeechResumed:
    """Speech goes on after a soft end: discard the speculative turn."""


@dataclass(frozen=True)
class SpeechEnded:
    """The hard end.

    `utterance`: its audio, at 16 kHz.
    `is_ended_by_key`: the talk key ended it, not a silence.
    `is_own_voice`: it is Hark's own voice from the speaker."""

    utterance: AudioClip
    is_ended_by_key: bool = False
    is_own_voice: bool = False


@dataclass(frozen=True)
class SpeechDiscarded:
    """The utterance is not to be answered: the microphone it came from was lost or is needed for a test."""


SpeechEvent = SpeechStarted | SpeechContinues | SpeechPaused | SpeechResumed | SpeechEnded | SpeechDiscarded


class UtteranceSegmenter:
    """Takes mono audio at 16 kHz in blocks of any length, yields speech events.

    `speech_probability`: the probability of speech, 0 to 1, in a frame of `FRAME_SAMPLES`.
    `params`: they apply from the next frame on.
    `is_hands_free`: speech itself starts and ends an utterance. Between `press_key` and `release_key` the key does, and
    a silence does not end it."""

    def __init__(self, speech_probability: Callable[[Samples], float], params: SegmenterParams | None = None) -> None:
        self._speech_probability, self.params = speech_probability, params or SegmenterParams()
        self._partial_frame = np.zeros(0, np.float32)
        self._pre_roll: deque[Samples] = deque(
            maxlen=max(1, self.params.pre_roll // FRAME_SAMPLES + self.params.min_speech // FRAME_SAMPLES)
        )
        self._utterance: list[Samples] = []
        self._sample_count = self._speech_samples = self._silence_samples = 0
        self._is_speaking = self._is_paused = self._is_key_down = self._is_key_tapped = False
        self._next_partial = 0
        self.is_hands_free = True

    def feed_block(self, block: Samples) -> Iterator[SpeechEvent]:
        """Processes a block, shape (n,), and yields the events in it."""
        self._partial_frame = np.concatenate([self._partial_frame, block])
        while len(self._partial_frame) >= FRAME_SAMPLES:
            frame, self._partial_frame = self._partial_frame[:FRAME_SAMPLES], self._partial_frame[FRAME_SAMPLES:]
            self._sample_count += FRAME_SAMPLES
            yield from self._process_frame(frame)

    def press_key(self) -> Iterator[SpeechEvent]:
        """The talk key is down: an utterance starts, with the pre-roll."""
        if self._is_key_tapped:
            self._is_key_tapped = False
            yield self._end_utterance(is_by_key=True)
        elif not self._is_key_down:
            self._is_key_down = True
            if not self._is_speaking:
                yield self._start_utterance()
            elif self._is_paused:
                self._is_paused = False
                yield SpeechResumed()

    def tap_key(self) -> None:
        """The talk key was only tapped: the utterance ends at a silence, as if hands-free, once there was speech."""
        self._is_key_tapped, self._is_key_down = self._is_key_down, False

    def release_key(self) -> Iterator[SpeechEvent]:
        """The talk key is up: the utterance ends."""
        if self._is_key_down:
            self._is_key_down = False
            yield self._end_utterance(is_by_key=True)

    def discard_utterance(self) -> Iterator[SpeechEvent]:
        """Drops the current utterance."""
        if self._is_speaking:
            yield SpeechDiscarded()
        self._is_speaking = self._is_paused = self._is_key_down = self._is_key_tapped = False
        self._utterance, self._speech_samples = [], 0
        self._pre_roll.clear()

    def _process_frame(self, frame: Samples) -> Iterator[SpeechEvent]:
        is_speech = self._speech_probability(frame) >= self.params.threshold
        self._speech_samples = self._speech_samples + FRAME_SAMPLES if is_speech else 0
        self._silence_samples = 0 if is_speech else self._silence_samples + FRAME_SAMPLES
        if self._is_speaking:
            self._utterance.append(frame)
            yield from self._process_utterance()
        else:
            self._pre_roll.append(frame)
            if self.is_hands_free and self._speech_samples >= self.params.min_speech:
                yield self._start_utterance()

    def _process_utterance(self) -> Iterator[SpeechEvent]:
        params = self.params
        is_too_long = FRAME_SAMPLES * len(self._utterance) >= params.max_utterance
        if self._silence_samples == 0 and FRAME_SAMPLES * len(self._utterance) >= self._next_partial:
            self._next_partial = FRAME_SAMPLES * len(self._utterance) + params.partial_interval
            yield SpeechContinues(self._current_utterance())
        self._is_key_tapped = self._is_key_tapped and self._speech_samples < params.min_speech
        if (self._is_key_down or self._is_key_tapped) and not is_too_long:
            return
        if self._silence_samples >= params.hard_silence or is_too_long:
            self._is_key_down = self._is_key_tapped = False
            yield self._end_utterance()
        elif self._silence_samples >= params.soft_silence and not self._is_paused:
            self._is_paused = True
            yield SpeechPaused(self._current_utterance())
        elif self._silence_samples == 0 and self._is_paused:
            self._is_paused = False
            yield SpeechResumed()

    def _start_utterance(self) -> SpeechStarted:
        self._is_speaking, self._is_paused, self._silence_samples = True, False, 0
        self._utterance = list(self._pre_roll)
        self._next_partial = FRAME_SAMPLES * len(self._utterance) + self.params.partial_interval
        self._pre_roll.clear()
        return SpeechStarted(self._sample_count)

    def _end_utterance(self, is_by_key: bool = False) -> SpeechEnded:
        event = SpeechEnded(self._current_utterance(), is_by_key)
        self._is_speaking = self._is_paused = False
        self._utterance, self._speech_samples = [], 0
        return event

    def _current_utterance(self) -> AudioClip:
        samples = np.concatenate(self._utterance) if self._utterance else np.zeros(0, np.float32)
        return AudioClip(samples, SAMPLE_RATE_HZ)
