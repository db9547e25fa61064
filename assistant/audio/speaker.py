"""Plays sound on the machine's speaker through PortAudio. Knows nothing of what is said.

PortAudio's callback only copies from a queue; `write` never blocks. The queue is ours and the device's buffer small, so
that holding or stopping is heard at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from assistant.audio import portaudio
from assistant.audio.clip import Samples
from assistant.audio.earcons import EarconPlayer
from assistant.audio.playback import AudioPlayback
from assistant.audio.portaudio import StreamHeartbeat
from assistant.errors import NotAvailableError
from assistant.text.i18n import tr


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
