"""Plays sound on the machine's speaker through PortAudio. Knows nothing of what is said.

PortAudio's callback only copies from a queue; `write` never blocks."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType
from typing import Any

import numpy as np

from assistant.errors import Missing
from assistant.sound.audio import Audio, Samples


class Playback:
    """One open output stream. Use as a context manager: leaving it stops the sound at once."""

    def __init__(self, stream_of: Any, rate: int) -> None:
        self._queue: deque[Samples] = deque()
        self._empty = threading.Event()
        self._empty.set()
        self._rate = rate
        self._stream = stream_of(samplerate=rate, channels=1, dtype="float32", callback=self._fill)
        self._stream.start()

    def write(self, audio: Audio) -> None:
        """Queues sound; returns at once."""
        self._empty.clear()
        self._queue.append(audio.at(self._rate))

    def drain(self, seconds: float | None = None) -> bool:
        """Waits until all is played (or so many seconds); whether it is."""
        return self._empty.wait(seconds)

    def __enter__(self) -> Playback:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.clear()
        self._stream.abort()
        self._stream.close()

    def _fill(self, out: Any, frames: int, _time: Any, _status: Any) -> None:
        done = 0
        while done < frames and self._queue:
            block = self._queue[0]
            part = block[: frames - done]
            out[done : done + len(part), 0] = part
            done += len(part)
            if len(part) == len(block):
                self._queue.popleft()
            else:
                self._queue[0] = block[len(part) :]
        out[done:] = np.float32(0)
        if not self._queue and done == 0:
            self._empty.set()


def open_speaker(device: str = "", rate: int = 48_000) -> Playback:
    """The speaker named in the settings, or the system's. Raises `Missing` when there is none."""
    try:
        import sounddevice
    except OSError:
        raise Missing(
            "speak", "PortAudio is not installed.", "On Debian and Ubuntu: apt install libportaudio2"
        ) from None
    try:
        return Playback(lambda **how: sounddevice.OutputStream(device=device or None, **how), rate)
    except (sounddevice.PortAudioError, ValueError):
        raise Missing("speak", "There is no speaker to play on.", "Connect one, or use --speak-to FILE.wav.") from None
