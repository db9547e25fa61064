"""Recognises Hark's own voice in the microphone: an echo that the echo canceller let through.

The log spectra of played and heard audio, in twenty bands, are correlated over the last second. An echo follows the
speaker within the room's delay, however muffled it is; a person who speaks over an answer does not."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np

from assistant.audio.clip import Samples
from assistant.audio.vad import SAMPLE_RATE_HZ

_COMPARED_FRAMES, _MAX_DELAY_FRAMES = 100, 30  # frames of 10 ms
# Measured: echoes of answers score 0.48 to 0.83; other voices, alone or over a faint echo, at most 0.42.
_MIN_SIMILARITY = 0.45
_POWER_FLOOR = 1e-6  # added to the power of a band, so that silence has no spectrum
_BAND_EDGES_HZ = np.geomspace(200, 5000, 21)
_WINDOW = np.hanning(SAMPLE_RATE_HZ // 40)


class OwnVoiceDetector:
    """Keeps the last second of played and heard audio, at 16 kHz."""

    def __init__(self) -> None:
        self._played: deque[Samples] = deque(maxlen=_COMPARED_FRAMES + _MAX_DELAY_FRAMES)
        self._heard: deque[Samples] = deque(maxlen=_COMPARED_FRAMES)

    def add_frames(self, played: Samples, heard: Samples) -> None:
        """Appends a frame of 10 ms as it was played, and the one heard at the same time."""
        self._played.append(played)
        self._heard.append(heard)

    def is_own_voice(self, frames: int) -> bool:
        """Whether the last `frames` heard frames, a second at most, are an echo of the played ones."""
        if len(self._played) < _COMPARED_FRAMES + _MAX_DELAY_FRAMES:
            return False
        heard, played = _log_spectra(self._heard)[-frames:], _log_spectra(self._played)
        starts = [len(played) - len(heard) - delay for delay in range(_MAX_DELAY_FRAMES + 1)]
        return max(_similarity(heard, played[start : start + len(heard)]) for start in starts) > _MIN_SIMILARITY


def _log_spectra(frames: deque[Samples]) -> Samples:
    """Log power, shape (frames, bands)."""
    samples = np.concatenate(frames)
    windows = np.lib.stride_tricks.sliding_window_view(samples, len(_WINDOW))[:: SAMPLE_RATE_HZ // 100] * _WINDOW
    power = np.abs(np.fft.rfft(windows)) ** 2
    edges = (_BAND_EDGES_HZ * len(_WINDOW) / SAMPLE_RATE_HZ).astype(int)
    bands = np.stack([power[:, low : max(high, low + 1)].sum(axis=1) for low, high in pairwise(edges)], axis=1)
    return np.log(bands + _POWER_FLOOR)


def _similarity(first: Samples, second: Samples) -> float:
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float((first * second).sum()) / norm if norm > 0 else 0.0
