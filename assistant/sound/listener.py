"""Finds utterances in sound that is still coming: a state machine counted in samples. Knows no clock, thread or device.

An utterance starts after a little speech, pauses at a short silence (a soft end: an answer may be begun), resumes or
ends at a longer one (the hard end). A pre-roll keeps its first word whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from assistant.sound.audio import Audio, Samples
from assistant.sound.speech import FRAME, RATE


@dataclass(frozen=True)
class Times:
    """In samples at 16 kHz, but for `threshold`, a probability."""

    start: int = RATE * 96 // 1000  # so much speech begins an utterance
    pause: int = RATE * 100 // 1000  # so much silence is a soft end
    end: int = RATE * 700 // 1000  # so much silence is the hard end
    before: int = RATE * 320 // 1000  # kept from before the start
    tell: int = RATE * 480 // 1000  # so often the words so far may be looked at
    longest: int = RATE * 60
    threshold: float = 0.5


@dataclass(frozen=True)
class SpeechStarted:
    """`at`: samples since the listener began."""

    at: int


@dataclass(frozen=True)
class SpeechContinues:
    """Speech goes on; `utterance` is all that was said so far."""

    utterance: Audio


@dataclass(frozen=True)
class SpeechPaused:
    """A soft end; `utterance` is all that was said so far."""

    utterance: Audio


@dataclass(frozen=True)
class SpeechResumed:
    """More is said after a soft end: what was begun on it is to be closed."""


@dataclass(frozen=True)
class SpeechEnded:
    """The hard end, or the talk key was let go (`by_key`)."""

    utterance: Audio
    by_key: bool = False


Speech = SpeechStarted | SpeechContinues | SpeechPaused | SpeechResumed | SpeechEnded


class Listener:
    """Takes sound in blocks of any length (16 kHz mono), gives what happened in it.

    While `hands_free`, speech itself starts and ends an utterance; between `press` and `release` the key does, and
    nothing is cut off by a silence."""

    def __init__(self, probability: Callable[[Samples], float], times: Times | None = None) -> None:
        self._probability, self._times = probability, times or Times()
        self._rest = np.zeros(0, np.float32)
        self._ring: deque[Samples] = deque(maxlen=max(1, self._times.before // FRAME + self._times.start // FRAME))
        self._utterance: list[Samples] = []
        self._at = self._speech = self._silence = 0
        self._speaking = self._paused = self._held = self._tapped = False
        self._tell = 0
        self.hands_free = True

    @property
    def speaking(self) -> bool:
        """Whether an utterance is under way."""
        return self._speaking

    def feed(self, block: Samples) -> Iterator[Speech]:
        """What happened up to the end of `block`."""
        self._rest = np.concatenate([self._rest, block])
        while len(self._rest) >= FRAME:
            frame, self._rest = self._rest[:FRAME], self._rest[FRAME:]
            self._at += FRAME
            yield from self._frame(frame)

    def press(self) -> Iterator[Speech]:
        """The talk key is down: an utterance starts, with the pre-roll."""
        if self._tapped:
            self._tapped = False
            yield self._end(by_key=True)
        elif not self._held:
            self._held = True
            if not self._speaking:
                yield self._start()
            elif self._paused:
                self._paused = False
                yield SpeechResumed()

    def tap(self) -> None:
        """The talk key was let go at once: the utterance ends as if hands-free, but not before it has begun."""
        self._tapped, self._held = self._held, False

    def release(self) -> Iterator[Speech]:
        """The talk key is up: the utterance ends."""
        if self._held:
            self._held = False
            yield self._end(by_key=True)

    def drop(self) -> Iterator[Speech]:
        """Ends an utterance under way as if nothing was said: the sound it came from is not to be trusted."""
        if self._speaking:
            yield SpeechEnded(Audio(np.zeros(0, np.float32), RATE))
        self._speaking = self._paused = self._held = self._tapped = False
        self._utterance, self._speech = [], 0
        self._ring.clear()

    def _frame(self, frame: Samples) -> Iterator[Speech]:
        speech = self._probability(frame) >= self._times.threshold
        self._speech = self._speech + FRAME if speech else 0
        self._silence = 0 if speech else self._silence + FRAME
        if self._speaking:
            self._utterance.append(frame)
            yield from self._while_speaking()
        else:
            self._ring.append(frame)
            if self.hands_free and self._speech >= self._times.start:
                yield self._start()

    def _while_speaking(self) -> Iterator[Speech]:
        times = self._times
        too_long = FRAME * len(self._utterance) >= times.longest
        if self._silence == 0 and FRAME * len(self._utterance) >= self._tell:
            self._tell = FRAME * len(self._utterance) + times.tell
            yield SpeechContinues(self._said())
        self._tapped = self._tapped and self._speech < times.start
        if (self._held or self._tapped) and not too_long:
            return
        if self._silence >= times.end or too_long:
            self._held = self._tapped = False
            yield self._end()
        elif self._silence >= times.pause and not self._paused:
            self._paused = True
            yield SpeechPaused(self._said())
        elif self._silence == 0 and self._paused:
            self._paused = False
            yield SpeechResumed()

    def _start(self) -> SpeechStarted:
        self._speaking, self._paused, self._silence = True, False, 0
        self._utterance = list(self._ring)
        self._tell = FRAME * len(self._utterance) + self._times.tell
        self._ring.clear()
        return SpeechStarted(self._at)

    def _end(self, by_key: bool = False) -> SpeechEnded:
        ended = SpeechEnded(self._said(), by_key)
        self._speaking = self._paused = False
        self._utterance, self._speech = [], 0
        return ended

    def _said(self) -> Audio:
        whole = np.concatenate(self._utterance) if self._utterance else np.zeros(0, np.float32)
        return Audio(whole, RATE)
