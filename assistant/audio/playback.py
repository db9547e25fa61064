"""What is being played: a buffer of samples that can be held, resumed, stopped and skipped."""

from __future__ import annotations

import threading

import numpy as np

from assistant.audio.clip import AudioClip, Samples

_FADE = 240  # samples over which a hold or a stop fades, so that it does not click


class AudioPlayback:
    """One answer's sound on its way to the speaker. Counts in samples at `rate`.

    What was played stays, so that a sentence can be said again. Thread rules: `fill` runs in PortAudio's thread,
    everything else in the owner's; single assignments and a list's append are atomic."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.written_samples = 0  # samples
        self.played_samples = 0  # samples of the answer that went to the device
        self._blocks: list[Samples] = []
        self._block = self._offset = 0  # where the next sample lies
        self._held = self._stopped = False
        self._gain, self._full = 1.0, 1.0
        self._seek: int | None = None
        self._idle = threading.Event()
        self._idle.set()

    @property
    def buffered_seconds(self) -> float:
        """Seconds of sound that are queued and not yet played."""
        return 0.0 if self._stopped else (self.written_samples - self.played_samples) / self.rate

    @property
    def is_stopped(self) -> bool:
        return self._stopped

    def queue_audio(self, audio: AudioClip) -> None:
        """Queues sound and returns at once; what comes after `stop` is dropped."""
        if not self._stopped and len(audio.samples):
            block = audio.resample(self.rate)
            self.written_samples += len(block)
            self._blocks.append(block)
            # After the append: a callback between the two would report an end that is not one.
            self._idle.clear()

    def set_gain(self, gain: float) -> None:
        """Plays at `gain` (1.0: as it was) from the next block on."""
        self._full = gain

    def hold_audio(self) -> None:
        """Silence, until `resume`; nothing is lost."""
        if not self.played_samples:
            self._gain = 0.0  # nothing sounds that could fade
        self._held = True

    def resume_audio(self) -> None:
        self._full = 1.0
        self._held = False

    def stop(self) -> None:
        """Silence for good: what is queued, and what is still written, is dropped."""
        self._stopped = True

    def seek_to_sample(self, sample: int) -> None:
        """Plays on from this sample of the answer, with the next block."""
        self._seek = sample
        self._idle.clear()

    def _jump_to(self, sample: int) -> None:
        self.played_samples, self._block, self._offset, self._seek = sample, 0, sample, None
        while self._block < len(self._blocks) and self._offset >= len(self._blocks[self._block]):
            self._offset -= len(self._blocks[self._block])
            self._block += 1

    def wait_until_played(self, seconds: float | None = None) -> bool:
        """Waits until all is played (or so many seconds); whether it is."""
        return self._idle.wait(seconds)

    def fill(self, frames: int) -> Samples:
        """The next samples for the device; zeros where there are none."""
        out = np.zeros(frames, np.float32)
        if self._seek is not None:
            self._jump_to(self._seek)
        goal = 0.0 if self._held or self._stopped else self._full
        if goal == self._gain == 0.0:
            if self._stopped:
                self._idle.set()
            return out
        taken = self._take_samples(out[: min(frames, _FADE)] if goal == 0.0 else out)
        if not goal == self._gain == 1.0:
            out *= self._ramp_gain(frames, goal)
        self._gain = goal
        self.played_samples += taken
        if not taken and self._block >= len(self._blocks):
            self._idle.set()
        return out

    def _ramp_gain(self, frames: int, goal: float) -> Samples:
        """From the gain of now to `goal`, without a click."""
        gains = np.full(frames, goal, np.float32)
        gains[:_FADE] = np.linspace(self._gain, goal, min(frames, _FADE), dtype=np.float32)
        return gains

    def _take_samples(self, out: Samples) -> int:
        done = 0
        while done < len(out) and self._block < len(self._blocks):
            block = self._blocks[self._block]
            part = block[self._offset : self._offset + len(out) - done]
            out[done : done + len(part)] = part
            done += len(part)
            self._offset += len(part)
            if self._offset == len(block):
                self._block, self._offset = self._block + 1, 0
        return done
