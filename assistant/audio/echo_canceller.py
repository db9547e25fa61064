"""Removes the speaker's sound from the microphone's with WebRTC's AEC3 (through pywebrtc-audio).

"Far" is the speaker's signal, "near" the microphone's. This module aligns the two streams and judges whether the
cancellation works: until it does, speech cannot interrupt an answer (see docs/decisions/0006-echo.md)."""

from __future__ import annotations

import queue
from collections import deque
from typing import Any

import numpy as np

from assistant.audio import resampler
from assistant.audio.clip import Samples
from assistant.audio.own_voice_detector import OwnVoiceDetector
from assistant.audio.vad import SAMPLE_RATE_HZ

FRAME_SAMPLES = SAMPLE_RATE_HZ // 100  # AEC3 processes frames of 10 ms
# Near and far frames are paired in order of arrival. After a stall one stream has a backlog until the other catches up.
# A backlog that never falls to zero within the window has no partners: far frames, because the microphone lost samples
# (an echo would seem to come before its cause); near frames, because the speaker started later.
_MIN_WINDOW_FRAMES, _MAX_WINDOW_FRAMES, _NORMAL_FAR_BACKLOG_FRAMES = 30, 240, 2
_MAX_FAR_DELAY_FRAMES = 4  # near frames wait this long for far frames; after that the speaker is not running
_REPEATED_SLIP_FRAMES = 1000  # slips closer together than this come from the devices, not from lost samples
_STALL_FRAMES = 8  # a backlog that outlasts this is no passing stall
_MIN_SLIP_FRAMES = 3  # a smaller shift does not disturb AEC3
_REVERBERATION_FRAMES = 30  # the room reverberates this long after the speaker falls silent
_LOUD_POWER = 1e-5  # mean square of a far frame that the judgement counts (-50 dBFS)
_INAUDIBLE_POWER = 1e-6  # mean square of a near frame that is never taken for speech
_AVERAGED_FRAMES, _MIN_JUDGED_FRAMES = 100, 200  # frames with an audible echo
_POWER_HISTORY_FRAMES = 200  # loud far frames
_REMOVAL_WINDOW_FRAMES = 40  # near frames compared to see whether AEC3 removes anything
_MIN_POWER_RATIO = 10.0  # near to residual power when the echo is cancelled (10 dB)


class EchoCanceller:
    """Cancels the echo of one speaker in one microphone.

    `far_rate`: the speaker's sample rate in Hz.
    `has_converged`: the residual echo will not be taken for speech; always true with headphones.
    `learned_frames`: loud far frames since the judgement last restarted.

    `push_reference` runs in the speaker's thread, everything else in the microphone's."""

    def __init__(self, far_rate: int, uses_headphones: bool = False) -> None:
        from pywebrtc_audio import EchoCanceller

        self._canceller: Any = None if uses_headphones else EchoCanceller(SAMPLE_RATE_HZ, 1)
        self.has_converged = uses_headphones
        self._far_blocks: queue.SimpleQueue[Samples] = queue.SimpleQueue()
        self._far_to_rate = resampler.StreamResampler(far_rate, SAMPLE_RATE_HZ)
        self._far_rest = self._near_rest = np.zeros(0, np.float32)
        self._frames_since_far = _REVERBERATION_FRAMES
        self._far_backlog, self._near_backlog, self._extra_near_frames = _MinimumBacklog(), _MinimumBacklog(), 0
        self._reset_requested = False
        self._frames_since_slip = _REPEATED_SLIP_FRAMES
        self.learned_frames = self._echo_frames = 0  # loud far frames; those with an audible echo
        self._near_power = self._residual_power = 0.0
        self._near_powers: deque[float] = deque(maxlen=_POWER_HISTORY_FRAMES)
        self._echo_is_inaudible = False
        self._recent_powers: deque[tuple[float, float]] = deque(maxlen=_REMOVAL_WINDOW_FRAMES)
        self._own_voice_detector = OwnVoiceDetector()

    @property
    def is_sounding(self) -> bool:
        """Whether the speaker, or its reverberation, can be heard at the moment."""
        return self._frames_since_far < _REVERBERATION_FRAMES

    def push_reference(self, block: Samples) -> None:
        """Queues a block that the speaker is about to play, at `far_rate`."""
        self._far_blocks.put(block)

    def is_own_voice(self, samples: int) -> bool:
        """Whether the speech in the last `samples` samples (16 kHz) is the speaker's: AEC3 can lose alignment after a
        stall."""
        if self._canceller is None:
            return False
        frames = samples // FRAME_SAMPLES
        is_slipping = frames >= self._frames_since_slip or self._far_backlog.minimum_of_last(_STALL_FRAMES) > 0
        return is_slipping or (not self._echo_is_inaudible and self._own_voice_detector.is_own_voice(frames))

    def reset_trust(self) -> None:
        """Judges convergence anew, because an echo was taken for speech."""
        self.has_converged = self._canceller is None
        self._reset_requested = True  # the rest happens in the microphone's thread

    def process(self, near: Samples) -> Samples:
        """Removes the echo from microphone samples (16 kHz), in whole frames of 10 ms; silence while it has not
        converged."""
        while not self._far_blocks.empty():
            self._far_rest = np.concatenate([self._far_rest, self._far_to_rate(self._far_blocks.get())])
        self._near_rest = np.concatenate([self._near_rest, near])
        if self._reset_requested:
            self._restart_judgement()
        # A near frame without its far frame would shift the echo, and AEC3 would have to adapt again.
        near_frames, far_frames = len(self._near_rest) // FRAME_SAMPLES, len(self._far_rest) // FRAME_SAMPLES
        count = min(near_frames, max(far_frames + self._extra_near_frames, near_frames - _MAX_FAR_DELAY_FRAMES))
        self._extra_near_frames = 0
        processed = [
            self._process_frame(self._near_rest[number * FRAME_SAMPLES : (number + 1) * FRAME_SAMPLES])
            for number in range(count)
        ]
        self._near_rest = self._near_rest[count * FRAME_SAMPLES :]
        self._align_streams(count, near_frames - count)
        return np.concatenate(processed) if processed else np.zeros(0, np.float32)

    def _align_streams(self, count: int, near_backlog: int) -> None:
        """Drops or skips frames where one stream had a backlog during the whole window."""
        lost_frames = self._far_backlog.record_backlog(
            count, max(0, len(self._far_rest) // FRAME_SAMPLES - _NORMAL_FAR_BACKLOG_FRAMES)
        )
        self._extra_near_frames = self._near_backlog.record_backlog(count, near_backlog)
        self._far_rest = self._far_rest[lost_frames * FRAME_SAMPLES :]
        if max(lost_frames, self._extra_near_frames) >= _MIN_SLIP_FRAMES:
            self._handle_slip()

    def _process_frame(self, near: Samples) -> Samples:
        far, self._far_rest = self._far_rest[:FRAME_SAMPLES], self._far_rest[FRAME_SAMPLES:]
        far = np.pad(far, (0, FRAME_SAMPLES - len(far)))
        is_loud = _frame_power(far) > _LOUD_POWER
        self._frames_since_slip += 1
        self._frames_since_far = 0 if is_loud else min(_REVERBERATION_FRAMES, self._frames_since_far + 1)
        if self._canceller is None:
            return near
        residual: Samples = self._canceller.process(np.ascontiguousarray(near), far)
        self._own_voice_detector.add_frames(far, residual)
        if is_loud:
            self._update_judgement(_frame_power(near), _frame_power(residual))
        if not self.has_converged and self.is_sounding:
            return np.zeros_like(near)
        # Without an audible echo AEC3 would only attenuate the user's voice. What it removes entirely is no voice, but
        # an amplifier that woke up.
        return (
            near
            if self._echo_is_inaudible and not self._is_echo_removed(_frame_power(near), _frame_power(residual))
            else residual
        )

    def _is_echo_removed(self, near_power: float, residual_power: float) -> bool:
        self._recent_powers.append((near_power, residual_power))
        near_powers, residual_powers = zip(*self._recent_powers, strict=True)
        return sum(near_powers) > _MIN_POWER_RATIO * sum(residual_powers)

    def _handle_slip(self) -> None:
        for backlog in (self._far_backlog, self._near_backlog):
            backlog.reset_window(is_repeated=self._frames_since_slip < _REPEATED_SLIP_FRAMES)
        self._frames_since_slip = 0
        self.reset_trust()

    def _restart_judgement(self) -> None:
        self._reset_requested = False
        self.has_converged = self._canceller is None
        self.learned_frames = self._echo_frames = 0
        self._near_powers.clear()
        self._echo_is_inaudible = False

    def _update_judgement(self, near_power: float, residual_power: float) -> None:
        """Averages over about a second of loud far frames. Once converged, it stays so until `reset_trust`."""
        self.learned_frames += 1
        if near_power > _INAUDIBLE_POWER:
            self._echo_frames += 1
            self._near_power += (near_power - self._near_power) / min(self._echo_frames, _AVERAGED_FRAMES)
            self._residual_power += (residual_power - self._residual_power) / min(self._echo_frames, _AVERAGED_FRAMES)
        self._near_powers.append(near_power)
        if self.learned_frames % 10 == 0:
            # Most near frames of the history must be silent: an amplifier that wakes up late is no headphone.
            is_full = len(self._near_powers) == _POWER_HISTORY_FRAMES
            self._echo_is_inaudible = is_full and float(np.quantile(self._near_powers, 0.8)) < _INAUDIBLE_POWER
        cancelled = (
            self._echo_frames >= _MIN_JUDGED_FRAMES and self._residual_power < self._near_power / _MIN_POWER_RATIO
        )
        self.has_converged = self.has_converged or self._echo_is_inaudible or cancelled


class _MinimumBacklog:
    """The smallest backlog of a stream within a window of frames."""

    def __init__(self) -> None:
        self._backlogs: deque[int] = deque(maxlen=_MIN_WINDOW_FRAMES)

    def record_backlog(self, frames: int, backlog: int) -> int:
        """Records the backlog after `frames` frames; returns the window's minimum once it is full, else 0."""
        self._backlogs.extend([backlog] * frames)
        minimum = self.minimum_of_last(self._backlogs.maxlen or 0)
        if minimum:
            self._backlogs.clear()
        return minimum

    def minimum_of_last(self, frames: int) -> int:
        """The smallest backlog of the last `frames` frames; 0 if fewer are recorded."""
        return min(list(self._backlogs)[-frames:]) if len(self._backlogs) >= frames else 0

    def reset_window(self, is_repeated: bool) -> None:
        """Empties the window; `is_repeated` doubles it, for devices that deliver audio in large blocks and seem to
        slip."""
        self._backlogs = deque(
            maxlen=min(2 * (self._backlogs.maxlen or 0), _MAX_WINDOW_FRAMES) if is_repeated else _MIN_WINDOW_FRAMES
        )


def _frame_power(frame: Samples) -> float:
    return float(np.mean(frame * frame))
