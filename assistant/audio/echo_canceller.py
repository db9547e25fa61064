"""Takes what the speaker plays out of what the microphone hears. Knows nothing of speech or words.

WebRTC's echo canceller (AEC3) does the work; this module keeps the two streams side by side and judges whether it
holds: only then may a voice interrupt an answer."""

from __future__ import annotations

import queue
from collections import deque
from typing import Any

import numpy as np

from assistant.audio import resampler
from assistant.audio.clip import Samples
from assistant.audio.own_voice_detector import OwnVoiceDetector
from assistant.audio.vad import SAMPLE_RATE_HZ

FRAME_SAMPLES = SAMPLE_RATE_HZ // 100  # AEC3 takes 10 ms
# Frames go together by when they come. After a stall one side has a queue and the other catches up: a frame waits for
# its partner. What still waits after so many frames never had one: of the speaker's, because the microphone lost sound
# (an echo would seem to come before what it is an echo of); of the microphone's, because the speaker began later.
_CAUGHT_UP, _LONGEST, _USUAL = 30, 240, 2
_LATE = 4  # frames that the microphone waits for the speaker's; more, and the speaker is not running
_SOON = 1000  # frames after a slip in which the next one says more of the devices than of lost sound
_DOUBTFUL = 8  # frames in which a queue that only waits for a stall to pass would have passed
_SLIP = 3  # frames by which the two may move without the canceller losing its place
_TAIL = 30  # frames for which a room still sounds after the speaker
_LOUD = 1e-5  # power of the speaker's signal that can be learnt from (-50 dBFS)
_UNHEARD = 1e-6  # power at the microphone that no listener takes for speech
_LEARN, _SURE = 100, 200  # frames with an echo that are averaged, and that a judgement needs
_REMEMBERED = 200  # frames of loud speaker
_WHILE = 40  # frames, after which it is known whether the canceller takes something away
_GAIN = 10.0  # the power must fall by so much


class EchoCanceller:
    """`trusted`: what is left of the speaker's sound will not be taken for a voice. With headphones it always is.

    `played` runs in the speaker's thread, everything else in the listener's."""

    def __init__(self, far_rate: int, uses_headphones: bool = False) -> None:
        from pywebrtc_audio import EchoCanceller

        self._canceller: Any = None if uses_headphones else EchoCanceller(SAMPLE_RATE_HZ, 1)
        self.has_converged = uses_headphones
        self._far: queue.SimpleQueue[Samples] = queue.SimpleQueue()
        self._far_to_rate = resampler.StreamResampler(far_rate, SAMPLE_RATE_HZ)
        self._far_rest = self._near_rest = np.zeros(0, np.float32)
        self._since_far = _TAIL
        self._far_waits, self._near_waits, self._ahead = _LowWater(), _LowWater(), 0
        self._doubted = False
        self._since_slip = _SOON  # frames since the canceller lost its place
        self.learned_frames = self._heard = 0  # frames of loud speaker; of these, with an echo
        self._near_power = self._left_power = 0.0
        self._nears: deque[float] = deque(maxlen=_REMEMBERED)
        self._unheard = False
        self._recent: deque[tuple[float, float]] = deque(maxlen=_WHILE)
        self._own_voice_detector = OwnVoiceDetector()

    @property
    def is_sounding(self) -> bool:
        """Whether the speaker can be heard right now."""
        return self._since_far < _TAIL

    def push_reference(self, block: Samples) -> None:
        """What goes to the speaker now."""
        self._far.put(block)

    def is_own_voice(self, samples: int) -> bool:
        """Whether the voice of the last so many was the speaker's: the canceller can lose its place after a stall."""
        if self._canceller is None:
            return False
        frames = samples // FRAME_SAMPLES
        slipping = frames >= self._since_slip or self._far_waits.least_left(_DOUBTFUL) > 0
        return slipping or (not self._unheard and self._own_voice_detector.is_own_voice(frames))

    def reset_trust(self) -> None:
        """A voice was heard that was none: judge again."""
        self.has_converged = self._canceller is None
        self._doubted = True  # the rest is the listener's, in its thread

    def process(self, near: Samples) -> Samples:
        """The microphone's sound without the speaker's, in whole frames of 10 ms; silence while it cannot be told."""
        while not self._far.empty():
            self._far_rest = np.concatenate([self._far_rest, self._far_to_rate(self._far.get())])
        self._near_rest = np.concatenate([self._near_rest, near])
        if self._doubted:
            self._judge_anew()
        # Frame goes with frame: one that came without its partner would shift the echo, and it would be learnt anew.
        waiting, partners = len(self._near_rest) // FRAME_SAMPLES, len(self._far_rest) // FRAME_SAMPLES
        count = min(waiting, max(partners + self._ahead, waiting - _LATE))
        self._ahead = 0
        done = [
            self._process_frame(self._near_rest[at * FRAME_SAMPLES : (at + 1) * FRAME_SAMPLES]) for at in range(count)
        ]
        self._near_rest = self._near_rest[count * FRAME_SAMPLES :]
        self._align_streams(count, waiting - count)
        return np.concatenate(done) if done else np.zeros(0, np.float32)

    def _align_streams(self, count: int, near_left: int) -> None:
        """Puts the two side by side anew where one has waited all the while."""
        lost = self._far_waits.record_left(count, max(0, len(self._far_rest) // FRAME_SAMPLES - _USUAL))
        self._ahead = self._near_waits.record_left(count, near_left)
        self._far_rest = self._far_rest[lost * FRAME_SAMPLES :]
        if max(lost, self._ahead) >= _SLIP:
            self._has_slipped()

    def _process_frame(self, near: Samples) -> Samples:
        far, self._far_rest = self._far_rest[:FRAME_SAMPLES], self._far_rest[FRAME_SAMPLES:]
        far = np.pad(far, (0, FRAME_SAMPLES - len(far)))
        loud = _frame_power(far) > _LOUD
        self._since_slip += 1
        self._since_far = 0 if loud else min(_TAIL, self._since_far + 1)
        if self._canceller is None:
            return near
        left: Samples = self._canceller.process(np.ascontiguousarray(near), far)
        self._own_voice_detector.add_frames(far, left)
        if loud:
            self._judge_frame(_frame_power(near), _frame_power(left))
        if not self.has_converged and self.is_sounding:
            return np.zeros_like(near)
        # Where no echo is heard the canceller would only take from the voice that speaks over an answer. What it takes
        # away whole is no voice, but an amplifier that woke up.
        return near if self._unheard and not self._is_echo_removed(_frame_power(near), _frame_power(left)) else left

    def _is_echo_removed(self, near: float, left: float) -> bool:
        self._recent.append((near, left))
        nears, lefts = zip(*self._recent, strict=True)
        return sum(nears) > _GAIN * sum(lefts)

    def _has_slipped(self) -> None:
        for waits in (self._far_waits, self._near_waits):
            waits.reset_window(again=self._since_slip < _SOON)
        self._since_slip = 0
        self.reset_trust()

    def _judge_anew(self) -> None:
        self._doubted = False
        self.has_converged = self._canceller is None
        self.learned_frames = self._heard = 0
        self._nears.clear()
        self._unheard = False

    def _judge_frame(self, near: float, left: float) -> None:
        """Averages over about a second of loud speaker. Trust, once earned, stays until `distrust`."""
        self.learned_frames += 1
        if near > _UNHEARD:
            self._heard += 1
            self._near_power += (near - self._near_power) / min(self._heard, _LEARN)
            self._left_power += (left - self._left_power) / min(self._heard, _LEARN)
        self._nears.append(near)
        if self.learned_frames % 10 == 0:
            # Most frames must be silent, over a while: an amplifier that wakes up late is no headphone.
            full = len(self._nears) == _REMEMBERED
            self._unheard = full and float(np.quantile(self._nears, 0.8)) < _UNHEARD
        cancelled = self._heard >= _SURE and self._left_power < self._near_power / _GAIN
        self.has_converged = self.has_converged or self._unheard or cancelled


class _LowWater:
    """The least that waited for a while."""

    def __init__(self) -> None:
        self._left: deque[int] = deque(maxlen=_CAUGHT_UP)

    def record_left(self, frames: int, left: int) -> int:
        """Frames were done, so many wait; gives the least of the last while once it is full, else 0."""
        self._left.extend([left] * frames)
        least = self.least_left(self._left.maxlen or 0)
        if least:
            self._left.clear()
        return least

    def least_left(self, frames: int) -> int:
        """Of the last so many; 0 while there are fewer."""
        return min(list(self._left)[-frames:]) if len(self._left) >= frames else 0

    def reset_window(self, again: bool) -> None:
        """Devices that give their sound in large pieces seem to slip again and again: look at ever longer whiles."""
        self._left = deque(maxlen=min(2 * (self._left.maxlen or 0), _LONGEST) if again else _CAUGHT_UP)


def _frame_power(frame: Samples) -> float:
    return float(np.mean(frame * frame))
