"""Records from a microphone through PortAudio.

PortAudio's callback only copies the block into a queue; mixing and resampling happen in `read_block`."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.audio import clip, portaudio, resampler
from assistant.audio.clip import Samples
from assistant.audio.portaudio import StreamHeartbeat
from assistant.audio.vad import SAMPLE_RATE_HZ
from assistant.errors import NotAvailableError
from assistant.text.i18n import tr


class Microphone:
    """An open microphone. `read_block` returns the recorded audio as mono float32 at 16 kHz, in order."""

    def __init__(self, open_stream: Callable[..., Any], rate: int) -> None:
        self._blocks: queue.SimpleQueue[npt.NDArray[np.float32]] = queue.SimpleQueue()
        self._resampler = resampler.StreamResampler(rate, SAMPLE_RATE_HZ)
        self._downmix = clip.ChannelDownmix(rate)
        self._heartbeat = StreamHeartbeat()
        self._stream = open_stream(callback=self._on_block, finished_callback=self._heartbeat.mark_ended)
        self._stream.start()

    @property
    def is_alive(self) -> bool:
        """Whether the device still delivers audio."""
        return self._heartbeat.is_alive

    def read_block(self, seconds: float) -> Samples | None:
        """The next block of about 10 ms, shape (n,), or None if none arrives within `seconds`."""
        try:
            block = self._blocks.get(timeout=seconds)
        except queue.Empty:
            return None
        return self._resampler(self._downmix(block))

    def close(self) -> None:
        """Closes the device."""
        portaudio.close_stream(self._stream)

    def _on_block(self, block: npt.NDArray[np.float32], _frames: int, _time: Any, _status: Any) -> None:
        self._heartbeat.record_tick()
        self._blocks.put(block.copy())


def open_microphone(device: str = "") -> Microphone:
    """Opens the microphone of this name, "" for the system's default. Raises `NotAvailableError` if there is none."""
    name, rate, channels = portaudio.choose_device("input", device)
    hint = tr("Connect one, or allow Hark to use it in the system's privacy settings.")
    with portaudio.guard_portaudio(NotAvailableError("listen", tr("The microphone cannot be opened."), hint)):
        return Microphone(portaudio.stream_opener("InputStream", name, rate, channels), rate)
