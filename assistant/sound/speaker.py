"""Plays sound on the machine's speaker through PortAudio. Knows nothing of what is said.

PortAudio's callback only copies from a queue; `write` never blocks. The queue is ours and the device's buffer small, so
that holding or stopping is heard at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from assistant.errors import Missing
from assistant.sound.audio import Audio, Samples

BLOCK = 480  # samples: 10 ms at 48 kHz
_FADE = 240  # samples over which a hold or a stop fades, so that it does not click


class Playback:
    """One answer's sound on its way to the speaker. Counts in samples at `rate`.

    Thread rules: `fill` runs in PortAudio's thread, everything else in the owner's; deque's ends are atomic."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.played = 0  # samples of the answer that went to the device
        self._queue: deque[Samples] = deque()
        self._queued = 0
        self._held = self._stopped = False
        self._gain = 1.0
        self._idle = threading.Event()
        self._idle.set()

    @property
    def ahead(self) -> float:
        """Seconds of sound that are queued and not yet played."""
        return (self._queued - self.played) / self.rate

    def write(self, audio: Audio) -> None:
        """Queues sound and returns at once; what comes after `stop` is dropped."""
        if not self._stopped and len(audio.samples):
            block = audio.at(self.rate)
            self._queued += len(block)
            self._queue.append(block)
            # After the append: a callback between the two would report an end that is not one.
            self._idle.clear()

    def hold(self) -> None:
        """Silence, until `resume`; nothing is lost."""
        self._held = True

    def resume(self) -> None:
        self._held = False

    def stop(self) -> None:
        """Silence for good: what is queued, and what is still written, is dropped."""
        self._stopped = True

    def drain(self, seconds: float | None = None) -> bool:
        """Waits until all is played (or so many seconds); whether it is."""
        return self._idle.wait(seconds)

    def fill(self, frames: int) -> Samples:
        """The next samples for the device; zeros where there are none."""
        out = np.zeros(frames, np.float32)
        silent = self._held or self._stopped
        if silent and self._gain == 0.0:
            if self._stopped:
                self._queue.clear()
                self._idle.set()
            return out
        count = min(frames, _FADE) if silent else frames
        taken = self._take(out[:count])
        out[:count] *= np.linspace(self._gain, 0.0, count, dtype=np.float32) if silent else self._rise(count)
        self._gain = 0.0 if silent else 1.0
        self.played += taken
        if not taken and not self._queue:
            self._idle.set()
        return out

    def _rise(self, count: int) -> Samples | float:
        if self._gain == 1.0:
            return 1.0
        up = np.ones(count, np.float32)
        up[:_FADE] = np.linspace(self._gain, 1.0, min(count, _FADE), dtype=np.float32)
        return up

    def _take(self, out: Samples) -> int:
        done = 0
        while done < len(out) and self._queue:
            block = self._queue[0]
            part = block[: len(out) - done]
            out[done : done + len(part)] = part
            done += len(part)
            if len(part) == len(block):
                self._queue.popleft()
            else:
                self._queue[0] = block[len(part) :]
        return done


class Speaker:
    """The device, held open; one `Playback` at a time. Use as a context manager."""

    def __init__(self, open_stream: Callable[..., Any], rate: int) -> None:
        self._rate = rate
        self._playback: Playback | None = None
        self._stream = open_stream(samplerate=rate, channels=1, blocksize=BLOCK, latency="low", callback=self._fill)
        self._stream.start()

    def open(self) -> Playback:
        """A new playback; the one before is stopped."""
        if self._playback:
            self._playback.stop()
        self._playback = Playback(self._rate)
        return self._playback

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the device: after the last samples when all was played, else at once."""
        if self._playback and self._playback.drain(0):
            self._stream.stop()
        else:
            self._stream.abort()
        self._stream.close()

    def _fill(self, out: Any, frames: int, _time: Any, _status: Any) -> None:
        out[:, 0] = self._playback.fill(frames) if self._playback else np.float32(0)


def open_speaker(device: str = "", rate: int = 48_000) -> Speaker:
    """The speaker named in the settings, or the system's. Raises `Missing` when there is none."""
    try:
        import sounddevice
    except OSError:
        raise Missing(
            "speak", "PortAudio is not installed.", "On Debian and Ubuntu: apt install libportaudio2"
        ) from None
    try:
        return Speaker(lambda **how: sounddevice.OutputStream(device=device or None, dtype="float32", **how), rate)
    except (sounddevice.PortAudioError, ValueError):
        raise Missing("speak", "There is no speaker to play on.", "Connect one, or use --speak-to FILE.wav.") from None
