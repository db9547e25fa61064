"""Sound as a value, from and to files: the only place that scales or resamples. Knows nothing of devices."""

from __future__ import annotations

import os
import threading
import wave
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.audio.formats import AudioRefusal
from assistant.errors import InvalidInputError
from assistant.limited_child import LimitedChild
from assistant.safe_open import open_regular_file
from assistant.text.i18n import tr, tr_noop

DECODED_RATE = 16_000  # of every file; no model listens closer
MAX_SECONDS = 600.0  # seconds of sound that a question may have
_MAX_FILE_BYTES = 2 * 1024**3
_CHUNK_BYTES = 64 * 1024
_DECODING_TIMEOUT_S = 90.0

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


class StreamResampler:
    """Brings sound that is still coming to another rate, block by block, a millisecond late.

    soxr's better streams give nothing for 30 ms and then all at once: what lies above the new rate is filtered out here
    (windowed sinc), and its quickest stream, which gives every block at once, does the rest."""

    _TAPS = 95

    def __init__(self, rate: int, to: int) -> None:
        import soxr

        self._stream = soxr.ResampleStream(rate, to, 1, dtype="float32", quality="QQ") if rate != to else None
        at = np.arange(self._TAPS) - self._TAPS // 2
        low = np.sinc(at * 0.9 * to / rate) * np.hamming(self._TAPS) if to < rate else at == 0
        self._filter = (low / low.sum()).astype(np.float32)
        self._before = np.zeros(self._TAPS - 1, np.float32)

    def __call__(self, block: Samples) -> Samples:
        if self._stream is None or not len(block):
            return block
        whole = np.concatenate([self._before, np.ascontiguousarray(block, np.float32)])
        self._before = whole[-(self._TAPS - 1) :]
        low = np.convolve(whole, self._filter, "valid").astype(np.float32)
        return np.asarray(self._stream.resample_chunk(low), np.float32)


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


def read_audio(path: Path) -> AudioClip:
    """Any sound file whose format Hark knows, as mono sound of at most ten minutes at `DECODED_RATE`.

    Raises `BadInput` for what is no regular file, has no sound, cannot be decoded or is too long."""
    with closing(AudioDecoding(path)) as decoding:
        while not decoding.wait_for_result(1.0):
            pass
        return decoding.take_result()


class AudioDecoding:
    """A sound file on its way through the process that decodes it: wait for its end, take its result, close it.

    Raises `BadInput` as `read` does."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._samples = bytearray()
        with open_regular_file(path, "hear", tr_noop("sound file")) as file:
            if file.seek(0, os.SEEK_END) > _MAX_FILE_BYTES:
                raise _refusal_error(AudioRefusal.TOO_LONG, path.name)
            file.seek(0)
            self._child = LimitedChild("assistant.audio.decoder_process", [], file, _DECODING_TIMEOUT_S)
        self._reader = threading.Thread(target=self._read_output, name="hark sound file", daemon=True)
        self._reader.start()

    def wait_for_result(self, seconds: float) -> bool:
        """Waits so long at most; whether there is a result, if only that it took too long."""
        self._reader.join(seconds)
        return not self._reader.is_alive()

    def take_result(self) -> AudioClip:
        """The whole sound, once `wait` says so."""
        code = self._child.wait()
        if code:
            raise _refusal_error("late" if self._child.has_timed_out else code, self._name)
        return AudioClip(np.frombuffer(self._samples, np.float32), DECODED_RATE)

    def close(self) -> None:
        """Ends the process, if it still runs."""
        self._child.kill()
        self._reader.join()
        self._child.close()

    def _read_output(self) -> None:
        while chunk := self._child.output_stream.read(_CHUNK_BYTES):
            self._samples += chunk
            if len(self._samples) > MAX_SECONDS * DECODED_RATE * 4:
                return self._child.kill()


def _refusal_error(why: AudioRefusal | int | str, name: str) -> InvalidInputError:
    """Why the file is not opened, and the next step."""
    again, shorter = tr("Copy or download it again, or convert it."), tr("Cut it into shorter questions.")
    sentences = {
        AudioRefusal.UNKNOWN_FORMAT: (
            tr("“{name}” is not a sound file that Hark can read."), tr("Use WAV, FLAC, MP3, Opus or M4A.")
        ),
        AudioRefusal.NO_SOUND: (tr("“{name}” holds no sound."), tr("Choose a file with sound in it.")),
        AudioRefusal.TOO_LONG: (tr("“{name}” is longer than ten minutes."), shorter),
        AudioRefusal.IMPOSSIBLE_RATE: (
            tr("“{name}” names an impossible rate."), tr("Save or convert the sound again.")
        ),
        AudioRefusal.DAMAGED: (tr("“{name}” is damaged or cut off: no sound can be decoded from it."), again),
        "late": (tr("“{name}” took too long to open."), shorter),
    }  # fmt: skip
    message, hint = sentences.get(why, (tr("“{name}” is damaged or needs too much memory."), again))
    return InvalidInputError("hear", message.format(name=name), hint)
