"""Changes the sample rate of a stream of blocks with little delay."""

from __future__ import annotations

import numpy as np

from assistant.audio.clip import Samples


class StreamResampler:
    """Resamples a stream from `rate` to `target_rate` (Hz) block by block, with a delay of about a millisecond.

    soxr's high-quality streams buffer 30 ms. This uses its fastest quality ("QQ"), which does not buffer, behind an
    anti-aliasing filter of its own (windowed sinc)."""

    _TAPS = 95

    def __init__(self, rate: int, target_rate: int) -> None:
        import soxr

        self._stream = (
            soxr.ResampleStream(rate, target_rate, 1, dtype="float32", quality="QQ") if rate != target_rate else None
        )
        offsets = np.arange(self._TAPS) - self._TAPS // 2
        taps = (
            np.sinc(offsets * 0.9 * target_rate / rate) * np.hamming(self._TAPS) if target_rate < rate else offsets == 0
        )
        self._filter = (taps / taps.sum()).astype(np.float32)
        self._previous_samples = np.zeros(self._TAPS - 1, np.float32)

    def __call__(self, block: Samples) -> Samples:
        """Resamples the next block, shape (n,)."""
        if self._stream is None or not len(block):
            return block
        samples = np.concatenate([self._previous_samples, np.ascontiguousarray(block, np.float32)])
        self._previous_samples = samples[-(self._TAPS - 1) :]
        filtered = np.convolve(samples, self._filter, "valid").astype(np.float32)
        return np.asarray(self._stream.resample_chunk(filtered), np.float32)
