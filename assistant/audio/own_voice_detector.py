"""Whether what was heard is what was played: an echo that the canceller let through. Knows nothing of words.

The log spectra of both, in twenty bands, are correlated over the last second: an echo follows the speaker within a
room's delay, however dull it is; a person who speaks over an answer does not."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np

from assistant.audio.clip import Samples
from assistant.audio.vad import SAMPLE_RATE_HZ

_SECOND, _DELAYS = 100, 30  # frames of 10 ms that are compared, and by which an echo may be late
# Answers that leaked through scored 0.48 to 0.83, other voices at most 0.42, alone and over an answer's faint rest.
_ALIKE = 0.45
_FLOOR = 1e-6  # power below which nothing is compared
_EDGES = np.geomspace(200, 5000, 21)  # Hz
_WINDOW = np.hanning(SAMPLE_RATE_HZ // 40)


class OwnVoiceDetector:
    """Remembers a second of both."""

    def __init__(self) -> None:
        self._played: deque[Samples] = deque(maxlen=_SECOND + _DELAYS)
        self._heard: deque[Samples] = deque(maxlen=_SECOND)

    def add_frames(self, played: Samples, heard: Samples) -> None:
        """Frames of 10 ms that belong together."""
        self._played.append(played)
        self._heard.append(heard)

    def is_own_voice(self, frames: int) -> bool:
        """Whether the last so many frames that were heard, a second at most, are an echo of what was played."""
        if len(self._played) < _SECOND + _DELAYS:
            return False
        heard, played = _log_spectra(self._heard)[-frames:], _log_spectra(self._played)
        begins = [len(played) - len(heard) - late for late in range(_DELAYS + 1)]
        return max(_similarity(heard, played[begin : begin + len(heard)]) for begin in begins) > _ALIKE


def _log_spectra(frames: deque[Samples]) -> Samples:
    """Log power, (frames, bands)."""
    sound = np.concatenate(frames)
    windows = np.lib.stride_tricks.sliding_window_view(sound, len(_WINDOW))[:: SAMPLE_RATE_HZ // 100] * _WINDOW
    power = np.abs(np.fft.rfft(windows)) ** 2
    edges = (_EDGES * len(_WINDOW) / SAMPLE_RATE_HZ).astype(int)
    bands = np.stack([power[:, low : max(high, low + 1)].sum(axis=1) for low, high in pairwise(edges)], axis=1)
    return np.log(bands + _FLOOR)


def _similarity(one: Samples, other: Samples) -> float:
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float((one * other).sum()) / size if size > 0 else 0.0
