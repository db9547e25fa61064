"""Finds utterances in sound that is still coming: a state machine counted in samples. Knows no clock, thread or device.

An utterance starts after a little speech, pauses at a short silence (a soft end: an answer may be begun), resumes or
ends at a longer one (the hard end). A pre-roll keeps its first word whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from assistant.audio.clip import AudioClip, Samples
from assistant.audio.vad import FRAME_SAMPLES, SAMPLE_RATE_HZ


@dataclass(frozen=True)
class SegmenterParams:
    """In samples at 16 kHz, but for `threshold`, a probability."""

    min_speech: int = SAMPLE_RATE_HZ * 96 // 1000  # so much speech begins an utterance
    soft_silence: int = SAMPLE_RATE_HZ * 100 // 1000  # so much silence is a soft end
    hard_silence: int = SAMPLE_RATE_HZ * 700 // 1000  # so much silence is the hard end
    pre_roll: int = SAMPLE_RATE_HZ * 320 // 1000  # kept from before the start
    partial_interval: int = SAMPLE_RATE_HZ * 480 // 1000  # so often the words so far may be looked at
    max_utterance: int = SAMPLE_RATE_HZ * 60
    threshold: float = 0.5


@dataclass(frozen=True)
class SpeechStarted:
    """`at`: samples since the listener began."""

    sample_index: int


@dataclass(frozen=True)
class SpeechContinues:
    """Speech goes on; `utterance` is all that was said so far."""

    utterance: AudioClip


@dataclass(frozen=True)
class SpeechPaused:
    """A soft end; `utterance` is all that was said so far."""

    utterance: AudioClip


@dataclass(frozen=True)
class SpeechResumed:
    """More is said after a soft end: what was begun on it is to be closed."""


@dataclass(frozen=True)
class SpeechEnded:
    """The hard end, or the talk key was let go (`by_key`)."""

    utterance: AudioClip
    is_ended_by_key: bool = False


SpeechEvent = SpeechStarted | SpeechContinues | SpeechPaused | SpeechResumed | SpeechEnded


class UtteranceSegmenter:
    """Takes sound in blocks of any length (16 kHz mono), gives what happened in it.

    While `hands_free`, speech itself starts and ends an utterance; between `press` and `release` the key does, and
    nothing is cut off by a silence."""

    def __init__(self, speech_probability: Callable[[Samples], float], params: SegmenterParams | None = None) -> None:
        self._probability, self._times = speech_probability, params or SegmenterParams()
        self._rest = np.zeros(0, np.float32)
        self._ring: deque[Samples] = deque(
            maxlen=max(1, self._times.pre_roll // FRAME_SAMPLES + self._times.min_speech // FRAME_SAMPLES)
        )
        self._utterance: list[Samples] = []
        self._at = self._speech = self._silence = 0
        self._speaking = self._paused = self._held = self._tapped = False
        self._tell = 0
        self.is_hands_free = True

    @property
    def is_speaking(self) -> bool:
        """Whether an utterance is under way."""
        return self._speaking

    def feed_block(self, block: Samples) -> Iterator[SpeechEvent]:
        """What happened up to the end of `block`."""
        self._rest = np.concatenate([self._rest, block])
        while len(self._rest) >= FRAME_SAMPLES:
            frame, self._rest = self._rest[:FRAME_SAMPLES], self._rest[FRAME_SAMPLES:]
            self._at += FRAME_SAMPLES
            yield from self._process_frame(frame)

    def press_key(self) -> Iterator[SpeechEvent]:
        """The talk key is down: an utterance starts, with the pre-roll."""
        if self._tapped:
            self._tapped = False
            yield self._end_utterance(by_key=True)
        elif not self._held:
            self._held = True
            if not self._speaking:
                yield self._start_utterance()
            elif self._paused:
                self._paused = False
                yield SpeechResumed()

    def tap_key(self) -> None:
        """The talk key was let go at once: the utterance ends as if hands-free, but not before it has begun."""
        self._tapped, self._held = self._held, False

    def release_key(self) -> Iterator[SpeechEvent]:
        """The talk key is up: the utterance ends."""
        if self._held:
            self._held = False
            yield self._end_utterance(by_key=True)

    def discard_utterance(self) -> Iterator[SpeechEvent]:
        """Ends an utterance under way as if nothing was said: the sound it came from is not to be trusted."""
        if self._speaking:
            yield SpeechEnded(AudioClip(np.zeros(0, np.float32), SAMPLE_RATE_HZ))
        self._speaking = self._paused = self._held = self._tapped = False
        self._utterance, self._speech = [], 0
        self._ring.clear()

    def _process_frame(self, frame: Samples) -> Iterator[SpeechEvent]:
        speech = self._probability(frame) >= self._times.threshold
        self._speech = self._speech + FRAME_SAMPLES if speech else 0
        self._silence = 0 if speech else self._silence + FRAME_SAMPLES
        if self._speaking:
            self._utterance.append(frame)
            yield from self._process_speaking()
        else:
            self._ring.append(frame)
            if self.is_hands_free and self._speech >= self._times.min_speech:
                yield self._start_utterance()

    def _process_speaking(self) -> Iterator[SpeechEvent]:
        times = self._times
        too_long = FRAME_SAMPLES * len(self._utterance) >= times.max_utterance
        if self._silence == 0 and FRAME_SAMPLES * len(self._utterance) >= self._tell:
            self._tell = FRAME_SAMPLES * len(self._utterance) + times.partial_interval
            yield SpeechContinues(self._current_utterance())
        self._tapped = self._tapped and self._speech < times.min_speech
        if (self._held or self._tapped) and not too_long:
            return
        if self._silence >= times.hard_silence or too_long:
            self._held = self._tapped = False
            yield self._end_utterance()
        elif self._silence >= times.soft_silence and not self._paused:
            self._paused = True
            yield SpeechPaused(self._current_utterance())
        elif self._silence == 0 and self._paused:
            self._paused = False
            yield SpeechResumed()

    def _start_utterance(self) -> SpeechStarted:
        self._speaking, self._paused, self._silence = True, False, 0
        self._utterance = list(self._ring)
        self._tell = FRAME_SAMPLES * len(self._utterance) + self._times.partial_interval
        self._ring.clear()
        return SpeechStarted(self._at)

    def _end_utterance(self, by_key: bool = False) -> SpeechEnded:
        ended = SpeechEnded(self._current_utterance(), by_key)
        self._speaking = self._paused = False
        self._utterance, self._speech = [], 0
        return ended

    def _current_utterance(self) -> AudioClip:
        whole = np.concatenate(self._utterance) if self._utterance else np.zeros(0, np.float32)
        return AudioClip(whole, SAMPLE_RATE_HZ)
