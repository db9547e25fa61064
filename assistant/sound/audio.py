"""Sound as a value, from and to files: the only place that scales or resamples. Knows nothing of devices."""

from __future__ import annotations

import os
import struct
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from assistant.errors import BadInput
from assistant.files import open_regular
from assistant.words.tongue import mark, tr

LONGEST = 600.0  # seconds of sound that a question may have
_SAMPLES_CAP = 120_000_000  # decoded samples, whatever the headers say
_BYTES_CAP = 2 * 1024**3
_CHUNKS_CAP = 1_000  # of a WAV before its data
_RATES = range(2_000, 768_001)

_MAGIC = (
    (8, b"WAVE", "wav"), (0, b"fLaC", "flac"), (0, b"OggS", "ogg"), (0, b"ID3", "mp3"), (4, b"ftyp", "mov"),
    (0, b"\x1aE\xdf\xa3", "matroska"), (8, b"AIFF", "aiff"), (8, b"AIFC", "aiff"), (0, b"caff", "caf"),
)  # fmt: skip

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Audio:
    """Mono sound. `samples`: float32 in [-1, 1], shape (n,); `rate`: samples a second."""

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def at(self, rate: int) -> Samples:
        """The samples at another rate (soxr, high quality)."""
        if rate == self.rate:
            return self.samples
        import soxr

        return np.clip(soxr.resample(self.samples, self.rate, rate), -1.0, 1.0).astype(np.float32)


class Resampler:
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


def mono(block: npt.NDArray[Any], rate: int) -> Audio:
    """An `Audio` from samples of any numeric type, shape (n,) or (n, channels): mixed, clipped, NaN made silence."""
    samples = np.asarray(block, dtype=np.float32)
    if np.issubdtype(block.dtype, np.integer):
        samples = samples / np.float32(np.iinfo(block.dtype).max + 1)
    samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    if samples.ndim == 2:
        samples = samples.mean(axis=1)
    return Audio(np.clip(samples, -1.0, 1.0).astype(np.float32), rate)


def join(pieces: Iterable[Audio]) -> Audio | None:
    """The pieces one after another at the first one's rate; None when there is none."""
    blocks = list(pieces)
    if not blocks:
        return None
    return Audio(np.concatenate([piece.at(blocks[0].rate) for piece in blocks]), blocks[0].rate)


def pcm16(samples: Samples) -> bytes:
    """As 16-bit PCM, little endian; `samples` within -1 and 1."""
    return np.round(samples * 32767).astype("<i2").tobytes()


def write_wav(path: Path, audio: Audio) -> None:
    """Writes 16-bit PCM, mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.rate)
        file.writeframes(pcm16(audio.samples))


def read(path: Path) -> Audio:
    """Any sound file that FFmpeg knows, as mono sound of at most ten minutes.

    Raises `BadInput` for what is no regular file, has no sound, lies in its header or is too long."""
    with open_regular(path, "hear", mark("sound file")) as file:
        if file.seek(0, os.SEEK_END) > _BYTES_CAP:
            raise BadInput(
                "hear",
                tr("“{name}” is longer than ten minutes.").format(name=path.name),
                tr("Cut it into shorter questions."),
            )
        file.seek(0)
        kind = _format_of(file.read(12))
        if kind is None:
            raise _unreadable(path)
        if kind == "wav":
            _check_wav_header(file, path)
        file.seek(0)
        return _decode(file, path, kind)


def _format_of(head: bytes) -> str | None:
    """FFmpeg's name of the format that the first bytes tell. Formats that name other files to open are not known."""
    for at, magic, name in _MAGIC:
        if head[at : at + len(magic)] == magic:
            return name
    # MPEG audio: eleven set bits, then its layer; layer 0 is AAC.
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "aac" if head[1] & 0x06 == 0 else "mp3"
    return None


def _unreadable(path: Path) -> BadInput:
    return BadInput(
        "hear",
        tr("“{name}” is not a sound file that Hark can read.").format(name=path.name),
        tr("Use WAV, FLAC, MP3, Opus or M4A."),
    )


def _check_wav_header(file: BinaryIO, path: Path) -> None:
    """Decoders believe any header; a WAV must hold what it promises at a rate that exists."""
    size = os.fstat(file.fileno()).st_size
    rate, promised, at = 0, None, 12
    for _ in range(_CHUNKS_CAP):
        if promised is not None or at + 8 > size:
            break
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"fmt ":
            rate = struct.unpack("<4xI", file.read(8).ljust(8, b"\0"))[0]
        elif name == b"data":
            promised = length
        at += 8 + length + (length & 1)
    if promised == 0:
        raise BadInput("hear", tr("“{name}” holds no sound.").format(name=path.name), tr("Record it again."))
    if promised is None or rate not in _RATES or at > size + 1:
        raise BadInput(
            "hear",
            tr("“{name}” does not hold what its header promises.").format(name=path.name),
            tr("Save or convert the sound again."),
        )


def _decode(file: BinaryIO, path: Path, kind: str) -> Audio:
    import av

    av.logging.set_level(av.logging.PANIC)
    blocks: list[Samples] = []
    rate = 0
    try:
        with av.open(file, mode="r", format=kind, timeout=10.0) as container:
            for block, block_rate in _frames(container, path):
                rate = block_rate
                blocks.append(block)
    except (av.error.FFmpegError, ValueError, MemoryError):
        if not blocks:
            raise _unreadable(path) from None
    if not blocks:
        raise BadInput(
            "hear", tr("“{name}” holds no sound.").format(name=path.name), tr("Choose a file with sound in it.")
        )
    return Audio(np.concatenate(blocks), rate)


def _frames(container: Any, path: Path) -> Iterator[tuple[Samples, int]]:
    if not container.streams.audio:
        raise BadInput(
            "hear", tr("“{name}” holds no sound.").format(name=path.name), tr("Choose a file with sound in it.")
        )
    stream = container.streams.audio[0]
    seconds, decoded = 0.0, 0
    for frame in container.decode(stream):
        if frame.sample_rate not in _RATES:
            raise BadInput(
                "hear",
                tr("“{name}” names an impossible rate.").format(name=path.name),
                tr("Save or convert the sound again."),
            )
        block = frame.to_ndarray()
        # Packed formats come as (1, n * channels), planar ones as (channels, n).
        block = block.T if frame.format.is_planar else block.reshape(-1, frame.layout.nb_channels)
        if block.dtype == np.uint8:
            block = (block.astype(np.int16) - 128) * 256
        seconds += len(block) / frame.sample_rate
        decoded += len(block)
        if seconds > LONGEST or decoded > _SAMPLES_CAP:
            raise BadInput(
                "hear",
                tr("“{name}” is longer than ten minutes.").format(name=path.name),
                tr("Cut it into shorter questions."),
            )
        yield mono(block, frame.sample_rate).samples, frame.sample_rate
