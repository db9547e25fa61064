"""Sound as a value, from and to files: the only place that scales or resamples. Knows nothing of devices."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class AudioClip:
    """Mono sound. `samples`: float32 in [-1, 1], shape (n,); `rate`: samples a second."""

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def resample(self, rate: int) -> Samples:
        """The samples at another rate (soxr, high quality)."""
        if rate == self.rate:
            return self.samples
        import soxr

        return np.clip(soxr.resample(self.samples, self.rate, rate), -1.0, 1.0).astype(np.float32)


class ChannelDownmix:
    """Brings sound of several channels to one, block by block: to their mean, or to the loudest where they cancel
    each other (as channels of opposite sign do) or the others are silent."""

    _CANCELLED = 0.3  # of the loudest channel's energy; opposite channels leave nothing of it, a silent one a quarter
    _LOUDER = 4.0  # times the energy: only then another channel is taken instead
    _STEP_S, _FADE_S, _HOLD_S = 0.05, 0.005, 1.0

    def __init__(self, rate: int) -> None:
        self._step, self._fade, self._hold = (int(rate * s) for s in (self._STEP_S, self._FADE_S, self._HOLD_S))
        self._loudest: int | None = None
        self._left = 0  # samples for which the loudest is still taken
        self._weights: Samples | None = None

    def __call__(self, block: npt.NDArray[Any]) -> Samples:
        """Samples of any numeric type, shape (n,) or (n, channels), as float32, shape (n,), within -1 and 1."""
        samples = np.asarray(block, dtype=np.float32)
        if np.issubdtype(block.dtype, np.integer):
            samples = samples / np.float32(np.iinfo(block.dtype).max + 1)
        samples = np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0)
        if samples.ndim == 1 or samples.shape[1] == 1 or not len(samples):
            return samples.reshape(-1)
        steps = range(0, len(samples), self._step)
        return np.concatenate([self._mix_channels(samples[at : at + self._step]) for at in steps])

    def _mix_channels(self, piece: Samples) -> Samples:
        channels = piece.shape[1]
        before, self._weights = self._weights, self._choose_weights(piece)
        mixed = piece @ self._weights
        if before is not None and len(before) == channels and (before != self._weights).any():
            fade = np.linspace(0.0, 1.0, min(self._fade, len(piece)), dtype=np.float32)
            mixed[: len(fade)] = mixed[: len(fade)] * fade + (piece[: len(fade)] @ before) * (1 - fade)
        return np.asarray(mixed, np.float32)

    def _choose_weights(self, piece: Samples) -> Samples:
        channels = piece.shape[1]
        energy = np.square(piece).mean(axis=0)
        loudest, last = int(energy.argmax()), self._loudest
        if last is not None and last < channels and energy[last] * self._LOUDER >= energy[loudest]:
            loudest = last
        if np.square(piece.mean(axis=1)).mean() < self._CANCELLED * energy[loudest]:
            self._loudest, self._left = loudest, self._hold
        elif last is not None:
            self._left -= len(piece)
            self._loudest = last if self._left > 0 and last < channels else None
        if self._loudest is None:
            return np.full(channels, 1 / channels, np.float32)
        return np.eye(channels, dtype=np.float32)[self._loudest]


def to_mono(block: npt.NDArray[Any], rate: int) -> AudioClip:
    """An `Audio` from samples of any numeric type, shape (n,) or (n, channels): mixed, clipped, NaN made silence."""
    return AudioClip(ChannelDownmix(rate)(block), rate)


def join_clips(pieces: Iterable[AudioClip]) -> AudioClip | None:
    """The pieces one after another at the first one's rate; None when there is none."""
    blocks = list(pieces)
    if not blocks:
        return None
    return AudioClip(np.concatenate([piece.resample(blocks[0].rate) for piece in blocks]), blocks[0].rate)


def to_pcm16(samples: Samples) -> bytes:
    """As 16-bit PCM, little endian; `samples` within -1 and 1."""
    return np.round(samples * 32767).astype("<i2").tobytes()


def write_wav(path: Path, audio: AudioClip) -> None:
    """Writes 16-bit PCM, mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.rate)
        file.writeframes(to_pcm16(audio.samples))
