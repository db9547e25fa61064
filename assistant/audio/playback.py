"""The audio of one answer as a buffer that can be held, resumed, stopped and seeked."""

from __future__ import annotations

import threading

import numpy as np

from assistant.audio.clip import AudioClip, Samples

_FADE_SAMPLES = 240  # hold and stop fade out, to avoid a click


class AudioPlayback:
    """The audio of one answer on its way to the speaker; played audio is kept, so that a sentence can be repeated.

    `rate`: the speaker's sample rate in Hz.
    `written_samples`: samples queued so far.
    `played_samples`: position of the next sample that goes to the device.

    Threads: `fill` runs in PortAudio's thread, everything else in the owner's; this relies on single assignments and
    `list.append` being atomic."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.written_samples = 0
        self.played_samples = 0
        self._blocks: list[Samples] = []
        self._block_index = self._offset = 0  # position of the next sample
        self._is_held = self._is_stopped = False
        self._gain, self._requested_gain = 1.0, 1.0
        self._requested_sample: int | None = None
        self._idle = threading.Event()
        self._idle.set()

    @property
    def buffered_seconds(self) -> float:
        """Seconds of audio that are queued and not yet played."""
        return 0.0 if self._is_stopped else (self.written_samples - self.played_samples) / self.rate

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._is_stopped

    def queue_audio(self, audio: AudioClip) -> None:
        """Queues audio and returns at once; after `stop` it is dropped."""
        if not self._is_stopped and len(audio.samples):
            block = audio.resample(self.rate)
            self.written_samples += len(block)
            self._blocks.append(block)
            # Only after the append: a callback in between would set the event again.
            self._idle.clear()

    def set_gain(self, gain: float) -> None:
        """Plays at this gain (1.0: unchanged) from the next block on."""
        self._requested_gain = gain

    def hold_audio(self) -> None:
        """Pauses until `resume_audio`."""
        if not self.played_samples:
            self._gain = 0.0  # nothing to fade out yet
        self._is_held = True

    def resume_audio(self) -> None:
        """Continues after `hold_audio`, at full volume."""
        self._requested_gain = 1.0
        self._is_held = False

    def stop(self) -> None:
        """Stops for good: audio that is queued, or will be, is dropped."""
        self._is_stopped = True

    def seek_to_sample(self, sample: int) -> None:
        """Continues from this sample of the answer with the next block."""
        self._requested_sample = sample
        self._idle.clear()

    def _jump_to(self, sample: int) -> None:
        self.played_samples, self._block_index, self._offset, self._requested_sample = sample, 0, sample, None
        while self._block_index < len(self._blocks) and self._offset >= len(self._blocks[self._block_index]):
            self._offset -= len(self._blocks[self._block_index])
            self._block_index += 1

    def wait_until_played(self, seconds: float | None = None) -> bool:
        """Waits, up to `seconds`, until everything is played; returns whether it is."""
        return self._idle.wait(seconds)

    def fill(self, frames: int) -> Samples:
        """The next samples for the device, shape (frames,); zeros where there are none."""
        out = np.zeros(frames, np.float32)
        if self._requested_sample is not None:
            self._jump_to(self._requested_sample)
        target_gain = 0.0 if self._is_held or self._is_stopped else self._requested_gain
        if target_gain == self._gain == 0.0:
            if self._is_stopped:
                self._idle.set()
            return out
        copied = self._take_samples(out[: min(frames, _FADE_SAMPLES)] if target_gain == 0.0 else out)
        if not target_gain == self._gain == 1.0:
            out *= self._ramp_gain(frames, target_gain)
        self._gain = target_gain
        self.played_samples += copied
        if not copied and self._block_index >= len(self._blocks):
            self._idle.set()
        return out

    def _ramp_gain(self, frames: int, target_gain: float) -> Samples:
        """Gains from the current one to the target within `_FADE_SAMPLES`, to avoid a click."""
        gains = np.full(frames, target_gain, np.float32)
        gains[:_FADE_SAMPLES] = np.linspace(self._gain, target_gain, min(frames, _FADE_SAMPLES), dtype=np.float32)
        return gains

    def _take_samples(self, out: Samples) -> int:
        """Copies queued samples to `out` and returns how many there were."""
        copied = 0
        while copied < len(out) and self._block_index < len(self._blocks):
            block = self._blocks[self._block_index]
            part = block[self._offset : self._offset + len(out) - copied]
            out[copied : copied + len(part)] = part
            copied += len(part)
            self._offset += len(part)
            if self._offset == len(block):
                self._block_index, self._offset = self._block_index + 1, 0
        return copied
