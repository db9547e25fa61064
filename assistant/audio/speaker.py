"""Plays sound on the machine's speaker through PortAudio. Knows nothing of what is said.

PortAudio's callback only copies from a queue; `write` never blocks. The queue is ours and the device's buffer small, so
that holding or stopping is heard at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from assistant.audio import portaudio
from assistant.audio.clip import AudioClip, Samples
from assistant.audio.earcons import EarconPlayer
from assistant.audio.portaudio import StreamHeartbeat
from assistant.errors import NotAvailableError
from assistant.text.i18n import tr

_FADE = 240  # samples over which a hold or a stop fades, so that it does not click


class AudioPlayback:
    """One answer's sound on its way to the speaker. Counts in samples at `rate`.

    What was played stays, so that a sentence can be said again. Thread rules: `fill` runs in PortAudio's thread,
    everything else in the owner's; single assignments and a list's append are atomic."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.written = 0  # samples
        self.played = 0  # samples of the answer that went to the device
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
        return 0.0 if self._stopped else (self.written - self.played) / self.rate

    @property
    def is_stopped(self) -> bool:
        return self._stopped

    def queue_audio(self, audio: AudioClip) -> None:
        """Queues sound and returns at once; what comes after `stop` is dropped."""
        if not self._stopped and len(audio.samples):
            block = audio.resample(self.rate)
            self.written += len(block)
            self._blocks.append(block)
            # After the append: a callback between the two would report an end that is not one.
            self._idle.clear()

    def set_gain(self, gain: float) -> None:
        """Plays at `gain` (1.0: as it was) from the next block on."""
        self._full = gain

    def hold_audio(self) -> None:
        """Silence, until `resume`; nothing is lost."""
        if not self.played:
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
        self.played, self._block, self._offset, self._seek = sample, 0, sample, None
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
        self.played += taken
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


class Speaker:
    """The device, held open; one `Playback` at a time.

    `on_block` is given every block of a playback, in PortAudio's thread: the echo canceller's reference.
    Silence too: it keeps the two streams side by side, and without it every answer would begin with an echo."""

    def __init__(self, open_stream: Callable[..., Any], rate: int, on_block: Callable[[Samples], None] | None) -> None:
        self.rate = rate
        self.playback: AudioPlayback | None = None
        self.earcons = EarconPlayer(rate)
        self._on_block = on_block
        self._beat = StreamHeartbeat()
        self._stream = open_stream(callback=self._fill_block, finished_callback=self._beat.mark_ended)
        self._stream.start()

    @property
    def is_alive(self) -> bool:
        """Whether the device still asks for sound."""
        return self._beat.is_alive

    def open_playback(self) -> AudioPlayback:
        """A new playback; the one before is stopped."""
        if self.playback:
            self.playback.stop()
        self.playback = AudioPlayback(self.rate)
        return self.playback

    def close(self) -> None:
        """Closes the device: after the last samples when all was played, else at once."""
        drained = bool(self.playback and self.playback.wait_until_played(0) and self.is_alive)
        portaudio.close_stream(self._stream, drained)

    def _fill_block(self, out: Any, frames: int, _time: Any, _status: Any) -> None:
        self._beat.record_tick()
        block = self.playback.fill(frames) if self.playback else np.zeros(frames, np.float32)
        out[:] = (block + self.earcons.fill(frames))[:, None]
        if self._on_block:
            self._on_block(block)


def open_speaker(device: str = "", on_block: Callable[[Samples], None] | None = None) -> Speaker:
    """The speaker named in the settings, or the system's. Raises `Missing` when there is none."""
    name, rate, channels = portaudio.choose_device("output", device)
    hint = tr("Connect one, or use --speak-to FILE.wav.")
    with portaudio.guard_portaudio(NotAvailableError("speak", tr("There is no speaker to play on."), hint)):
        return Speaker(portaudio.stream_opener("OutputStream", name, rate, channels), rate, on_block)
