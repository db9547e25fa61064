"""Plays audio on a speaker through PortAudio.

PortAudio's callback only copies from our own buffer, and the device's buffer is small, so that holding or stopping
takes effect at once."""

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
    """An open speaker with one `AudioPlayback` at a time, and earcons.

    `rate`: the sample rate in Hz.
    `on_block`: receives every block in PortAudio's thread, as the echo canceller's reference. Silent blocks too: they
    keep the streams aligned; without them every answer would begin with an echo."""

    def __init__(self, open_stream: Callable[..., Any], rate: int, on_block: Callable[[Samples], None] | None) -> None:
        self.rate = rate
        self.playback: AudioPlayback | None = None
        self.earcons = EarconPlayer(rate)
        self._on_block = on_block
        self._heartbeat = StreamHeartbeat()
        self._stream = open_stream(callback=self._fill_block, finished_callback=self._heartbeat.mark_ended)
        self._stream.start()

    @property
    def is_alive(self) -> bool:
        """Whether the device still asks for audio."""
        return self._heartbeat.is_alive

    def open_playback(self) -> AudioPlayback:
        """Starts a new playback and stops the previous one."""
        if self.playback:
            self.playback.stop()
        self.playback = AudioPlayback(self.rate)
        return self.playback

    def close(self) -> None:
        """Closes the device: after its last samples if the playback is complete, else at once."""
        after_last_samples = bool(self.playback and self.playback.wait_until_played(0) and self.is_alive)
        portaudio.close_stream(self._stream, after_last_samples)

    def _fill_block(self, out: Any, frames: int, _time: Any, _status: Any) -> None:
        self._heartbeat.record_tick()
        block = self.playback.fill(frames) if self.playback else np.zeros(frames, np.float32)
        out[:] = (block + self.earcons.fill(frames))[:, None]
        if self._on_block:
            self._on_block(block)


def open_speaker(device: str = "", on_block: Callable[[Samples], None] | None = None) -> Speaker:
    """Opens the speaker of this name, "" for the system's default. Raises `NotAvailableError` if there is none."""
    name, rate, channels = portaudio.choose_device("output", device)
    hint = tr("Connect one, or use --speak-to FILE.wav.")
    with portaudio.guard_portaudio(NotAvailableError("speak", tr("There is no speaker to play on."), hint)):
        return Speaker(portaudio.stream_opener("OutputStream", name, rate, channels), rate, on_block)
