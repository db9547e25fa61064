"""Changes the sample rate of a stream of blocks."""

from __future__ import annotations

import numpy as np

from assistant.audio.clip import Samples


class StreamResampler:
    """Brings sound that is still coming to another rate, block by block, a millisecond late.

    soxr's better streams give nothing for 30 ms and then all at once: what lies above the new rate is filtered out here
    (windowed sinc), and its quickest stream, which gives every block at once, does the rest."""

    _TAPS = 95

    def __init__(self, rate: int, target_rate: int) -> None:
        import soxr

        self._stream = soxr.ResampleStream(rate, target_rate, 1, dtype="float32", quality="QQ") if rate != target_rate else None
        at = np.arange(self._TAPS) - self._TAPS // 2
        low = np.sinc(at * 0.9 * target_rate / rate) * np.hamming(self._TAPS) if target_rate < rate else at == 0
        self._filter = (low / low.sum()).astype(np.float32)
        self._before = np.zeros(self._TAPS - 1, np.float32)

    def __call__(self, block: Samples) -> Samples:
        if self._stream is None or not len(block):
            return block
        whole = np.concatenate([self._before, np.ascontiguousarray(block, np.float32)])
        self._before = whole[-(self._TAPS - 1) :]
        low = np.convolve(whole, self._filter, "valid").astype(np.float32)
        return np.asarray(self._stream.resample_chunk(low), np.float32)
