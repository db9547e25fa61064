"""Child process that decodes one audio file from standard input to mono float32 at 16 kHz on standard output.

It opens no other file. Samples are written as they are decoded, so neither this process nor its parent holds more than
`MAX_AUDIO_SECONDS` of them. The exit code says why a file is refused (`AudioRefusal`). Memory and processor time are
limited (`limited_child`); on Windows only the parent's time-out applies."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
import numpy as np
import soxr

from assistant.audio import wav
from assistant.audio.clip import ChannelDownmix, Samples
from assistant.audio.decode import DECODED_RATE_HZ, MAX_AUDIO_SECONDS
from assistant.audio.formats import AudioRefusal, AudioRefusedError, find_audio_format
from assistant.limited_child import limit_resources

MAX_MEMORY_BYTES = 1024**3
MAX_CPU_SECONDS = 60  # ten minutes of FLAC at 192 kHz take ten seconds


def decode_blocks(file: BinaryIO) -> Iterator[Samples]:
    """Decodes a file block by block to mono at `DECODED_RATE_HZ`; damaged packets are skipped.

    Raises `AudioRefusedError`."""
    size = file.seek(0, os.SEEK_END)
    audio_format = find_audio_format(file)
    file_part = wav.FilePart(file, audio_format.data_start, size)
    if audio_format.name == "wav":
        file_part = wav.open_wav(file_part, size - audio_format.data_start)
    file_part.seek(0)
    try:
        # The format comes from the first bytes: FFmpeg's own probing may pick formats that open files and sockets.
        with av.open(file_part, mode="r", format=audio_format.name) as container:
            if not container.streams.audio:
                raise AudioRefusedError(AudioRefusal.NO_SOUND)
            yield from _resample_frames(_read_frames(container))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise AudioRefusedError(AudioRefusal.DAMAGED) from error


def _read_frames(container: Any) -> Iterator[Any]:
    """The frames of the file's main audio stream, as far as it can be read."""
    stream = container.streams.best("audio") or container.streams.audio[0]
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError, OSError):
            return  # the end, or as far as the file can be read
        with contextlib.suppress(av.error.FFmpegError):  # skip a damaged packet
            yield from packet.decode()


def _resample_frames(frames: Iterator[Any]) -> Iterator[Samples]:
    """Resamples frames to mono at `DECODED_RATE_HZ`; the rate may change within a concatenated file."""
    rate, resampler, downmix = 0, None, ChannelDownmix(DECODED_RATE_HZ)
    for frame in frames:
        if frame.sample_rate not in wav.SAMPLE_RATES_HZ:
            raise AudioRefusedError(AudioRefusal.IMPOSSIBLE_RATE)
        if frame.sample_rate != rate:
            if resampler:
                yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            rate, downmix = frame.sample_rate, ChannelDownmix(frame.sample_rate)
            resampler = soxr.ResampleStream(rate, DECODED_RATE_HZ, 1, "float32") if rate != DECODED_RATE_HZ else None
        block = downmix(_frame_samples(frame))
        yield resampler.resample_chunk(block) if resampler else block
    if resampler:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _frame_samples(frame: Any) -> Any:
    """A frame's samples, shape (n, channels), in their own type; uint8 as int16."""
    block = frame.to_ndarray()
    # Packed formats come as (1, n * channels), planar ones as (channels, n).
    block = block.T if frame.format.is_planar else block.reshape(-1, frame.layout.nb_channels)
    return (block.astype(np.int16) - 128) * 256 if block.dtype == np.uint8 else block


def main() -> int:
    """Decodes standard input to standard output; returns the exit code: 0, or an `AudioRefusal`."""
    limit_resources(MAX_MEMORY_BYTES, MAX_CPU_SECONDS)
    av.logging.set_level(av.logging.PANIC)
    written_samples = 0
    try:
        for block in decode_blocks(sys.stdin.buffer):
            written_samples += len(block)
            if written_samples > MAX_AUDIO_SECONDS * DECODED_RATE_HZ:
                return AudioRefusal.TOO_LONG
            sys.stdout.buffer.write(np.clip(block, -1.0, 1.0).astype(np.float32).tobytes())
        sys.stdout.buffer.flush()
    except AudioRefusedError as error:
        if not written_samples:
            return error.refusal
        sys.stdout.buffer.flush()  # keep what was decoded before the damage
    except MemoryError:
        return AudioRefusal.DAMAGED
    return 0 if written_samples else AudioRefusal.DAMAGED


if __name__ == "__main__":
    sys.exit(main())
