"""Decodes one sound file from standard input to mono float32 at 16 kHz on standard output. Opens no other file.

The samples are written as they are decoded, so that neither this process nor its parent ever holds more than the ten
minutes that a question may last. The exit code says why a file is refused (`Refusal`). Memory and processor time are
limited (`limited_child`); on Windows the parent's time-out alone holds."""

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
MAX_CPU_SECONDS = 60  # ten minutes of FLAC at 192 kHz take ten


def decode_blocks(file: BinaryIO) -> Iterator[Samples]:
    """The sound, block by block, mono at `DECODED_RATE`. What is damaged in between is left out.

    Raises `RefusedError`."""
    size = file.seek(0, os.SEEK_END)
    sound_format = find_audio_format(file)
    file_part = wav.FilePart(file, sound_format.data_start, size)
    if sound_format.name == "wav":
        file_part = wav.open_wav(file_part, size - sound_format.data_start)
    file_part.seek(0)
    try:
        # By its first bytes, never by guessing: some of the decoder's formats would open files and sockets.
        with av.open(file_part, mode="r", format=sound_format.name) as container:
            if not container.streams.audio:
                raise AudioRefusedError(AudioRefusal.NO_SOUND)
            yield from _resample_frames(_read_frames(container))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise AudioRefusedError(AudioRefusal.DAMAGED) from error


def _read_frames(container: Any) -> Iterator[Any]:
    """The frames of the sound that is the file's main one."""
    stream = container.streams.best("audio") or container.streams.audio[0]
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError, OSError):
            return  # the end, or all that can be reached
        with contextlib.suppress(av.error.FFmpegError):  # a damaged packet: the next one may be whole
            yield from packet.decode()


def _resample_frames(frames: Iterator[Any]) -> Iterator[Samples]:
    """The rate may change within a file, where it was put together from several."""
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
    """A frame's samples, shape (n, channels), in their own type; unsigned ones as signed."""
    block = frame.to_ndarray()
    # Packed formats come as (1, n * channels), planar ones as (channels, n).
    block = block.T if frame.format.is_planar else block.reshape(-1, frame.layout.nb_channels)
    return (block.astype(np.int16) - 128) * 256 if block.dtype == np.uint8 else block


def main() -> int:
    """Writes what can be decoded of standard input; returns 0, or the `Refusal`."""
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
        sys.stdout.buffer.flush()  # what was decoded before it broke is heard
    except MemoryError:
        return AudioRefusal.DAMAGED
    return 0 if written_samples else AudioRefusal.DAMAGED


if __name__ == "__main__":
    sys.exit(main())
