"""Audio as a value (`AudioClip`), its conversion from and to PCM, and the mixing of channels."""

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
    """Mono audio.

    `samples`: float32 in [-1, 1], shape (n,).
    `rate`: sample rate in Hz."""

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.samples) / self.rate

    def resample(self, rate: int) -> Samples:
        """The samples at another rate in Hz (soxr, high quality), within -1 and 1."""
        if rate == self.rate:
            return self.samples
        import soxr

        return np.clip(soxr.resample(self.samples, self.rate, rate), -1.0, 1.0).astype(np.float32)


class ChannelDownmix:
    """Mixes a stream of several channels to mono, block by block.

    Usually the mean; but while the channels cancel each other (opposite phase), or all but one are silent, the loudest
    channel alone, with a short cross-fade between the two."""

    _CANCELLATION_RATIO = (
        0.3  # mean's share of the loudest channel's energy: 0 for opposite phase, 1/4 with one silent channel
    )
    _SWITCH_RATIO = 4.0  # another channel needs this many times the energy to take over
    _STEP_S, _FADE_S, _HOLD_S = 0.05, 0.005, 1.0

    def __init__(self, rate: int) -> None:
        self._step_samples, self._fade_samples, self._hold_samples = (
            int(rate * seconds) for seconds in (self._STEP_S, self._FADE_S, self._HOLD_S)
        )
        self._loudest: int | None = None
        self._hold_samples_left = 0  # samples until the mean is used again
        self._weights: Samples | None = None

    def __call__(self, block: npt.NDArray[Any]) -> Samples:
        """Converts samples of any numeric type, shape (n,) or (n, channels), to float32, shape (n,), within -1 and
        1."""
        samples = np.asarray(block, dtype=np.float32)
        if np.issubdtype(block.dtype, np.integer):
            samples = samples / np.float32(np.iinfo(block.dtype).max + 1)
        samples = np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0)
        if samples.ndim == 1 or samples.shape[1] == 1 or not len(samples):
            return samples.reshape(-1)
        starts = range(0, len(samples), self._step_samples)
        return np.concatenate([self._mix_channels(samples[start : start + self._step_samples]) for start in starts])

    def _mix_channels(self, piece: Samples) -> Samples:
        channels = piece.shape[1]
        previous_weights, self._weights = self._weights, self._choose_weights(piece)
        mixed = piece @ self._weights
        if (
            previous_weights is not None
            and len(previous_weights) == channels
            and (previous_weights != self._weights).any()
        ):
            fade = np.linspace(0.0, 1.0, min(self._fade_samples, len(piece)), dtype=np.float32)
            mixed[: len(fade)] = mixed[: len(fade)] * fade + (piece[: len(fade)] @ previous_weights) * (1 - fade)
        return np.asarray(mixed, np.float32)

    def _choose_weights(self, piece: Samples) -> Samples:
        channels = piece.shape[1]
        energy = np.square(piece).mean(axis=0)
        loudest, previous = int(energy.argmax()), self._loudest
        if previous is not None and previous < channels and energy[previous] * self._SWITCH_RATIO >= energy[loudest]:
            loudest = previous
        if np.square(piece.mean(axis=1)).mean() < self._CANCELLATION_RATIO * energy[loudest]:
            self._loudest, self._hold_samples_left = loudest, self._hold_samples
        elif previous is not None:
            self._hold_samples_left -= len(piece)
            self._loudest = previous if self._hold_samples_left > 0 and previous < channels else None
        if self._loudest is None:
            return np.full(channels, 1 / channels, np.float32)
        return np.eye(channels, dtype=np.float32)[self._loudest]


def to_mono(block: npt.NDArray[Any], rate: int) -> AudioClip:
    """Converts samples of any numeric type, shape (n,) or (n, channels), to a clip: mixed and clipped, NaN as
    silence."""
    return AudioClip(ChannelDownmix(rate)(block), rate)


def join_clips(clips: Iterable[AudioClip]) -> AudioClip | None:
    """Joins clips at the sample rate of the first; None if there are none."""
    clip_list = list(clips)
    if not clip_list:
        return None
    return AudioClip(np.concatenate([clip.resample(clip_list[0].rate) for clip in clip_list]), clip_list[0].rate)


def to_pcm16(samples: Samples) -> bytes:
    """Encodes samples within -1 and 1 as 16-bit PCM, little endian."""
    return np.round(samples * 32767).astype("<i2").tobytes()


def write_wav(path: Path, audio: AudioClip) -> None:
    """Writes a WAV file (16-bit PCM, mono). Raises `OSError`."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.rate)
        file.writeframes(to_pcm16(audio.samples))
