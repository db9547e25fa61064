"""Finds the samples of a WAV file (RIFF, RF64), even if its header is wrong.

Recorders that stream or crash leave lengths of zero, of 4 GB, or of an earlier state; others forget the padding byte of
an odd chunk. FFmpeg then reads the file under a corrected header."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from assistant.audio.formats import AudioRefusal, AudioRefusedError

SAMPLE_RATES_HZ = range(2_000, 768_001)
_UNKNOWN_LENGTH = 0xFFFF_FFFF
_MAX_CHUNKS = 1_000
_MAX_FORMAT_BYTES = 4_096
_RESYNC_BYTES = 1024 * 1024  # searched for the next known chunk behind a damaged one


class FilePart:
    """A file object that consists of the bytes `head`, and then of another file's bytes from `start` to `end`."""

    def __init__(self, file: BinaryIO | FilePart, start: int, end: int, head: bytes = b"") -> None:
        self._file, self._start, self._head = file, start, head
        self._size = len(head) + max(0, end - start)
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """As `io.RawIOBase.read`."""
        bytes_left = max(0, self._size - self._position)
        size = bytes_left if size < 0 else min(size, bytes_left)
        data = self._head[self._position : self._position + size]
        if len(data) < size:
            self._file.seek(self._start + self._position + len(data) - len(self._head))
            data += self._file.read(size - len(data))
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As `io.IOBase.seek`."""
        self._position = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence])
        return self._position

    def tell(self) -> int:
        """As `io.IOBase.tell`."""
        return self._position


@dataclass
class _WavLayout:
    """What is known of a WAV file so far; positions are byte offsets, -1 if unknown."""

    format_chunk: bytes = b""  # body of the `fmt ` chunk
    data_start: int = -1
    data_end: int = -1
    rf64_data_bytes: int = 0  # length of the data in the `ds64` chunk of an RF64


def open_wav(file: FilePart, size: int) -> FilePart:
    """The WAV in a file of `size` bytes, under a correct header.

    Raises `AudioRefusedError` if it has no format, no samples, or an impossible sample rate."""
    layout = _find_layout(file, size)
    if not layout.format_chunk:
        raise AudioRefusedError(AudioRefusal.DAMAGED)
    rate = struct.unpack("<4xI", layout.format_chunk[:8])[0]
    if rate not in SAMPLE_RATES_HZ:
        raise AudioRefusedError(AudioRefusal.IMPOSSIBLE_RATE)
    if layout.data_end <= layout.data_start:
        raise AudioRefusedError(AudioRefusal.NO_SOUND)
    length = min(layout.data_end - layout.data_start, _UNKNOWN_LENGTH)
    head = struct.pack(
        f"<4sI4s4sI{len(layout.format_chunk)}s4sI",
        b"RIFF", _UNKNOWN_LENGTH, b"WAVE",
        b"fmt ", len(layout.format_chunk), layout.format_chunk, b"data", length,
    )  # fmt: skip
    return FilePart(file, layout.data_start, layout.data_end, head)


def _find_layout(file: FilePart, size: int) -> _WavLayout:
    layout, offset = _WavLayout(), 12
    for _ in range(_MAX_CHUNKS):
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8 or (layout.format_chunk and layout.data_start >= 0):
            break
        name, length = struct.unpack("<4sI", head)
        if name == b"fmt " and not _is_chunk(name, offset + 8 + length, size):
            length = 16  # the smallest `fmt ` chunk
        if name == b"data":
            _set_data_range(layout, file, offset + 8, length, size)
            offset = max(offset + 8, layout.data_end + (layout.data_end & 1))
        elif _is_chunk(name, offset + 8 + length, size):
            _read_chunk(layout, file, name, length)
            end = offset + 8 + length
            # Some writers omit the padding byte of an odd chunk; then the next chunk begins at once.
            offset = end + (end & 1 and not _is_known_chunk(file, end))
        else:
            known_offset = _find_known_chunk(file, offset)
            if known_offset < 0:
                break
            offset = known_offset
    if layout.format_chunk and layout.data_start < 0 and offset < size:
        layout.data_start, layout.data_end = offset, size  # cut off or damaged at the start of the data
    return layout


def _read_chunk(layout: _WavLayout, file: FilePart, name: bytes, length: int) -> None:
    if name == b"fmt " and length >= 16:
        layout.format_chunk = file.read(min(length, _MAX_FORMAT_BYTES))
    elif name == b"ds64" and length >= 16:
        layout.rf64_data_bytes = struct.unpack("<8xQ", file.read(16))[0]


def _set_data_range(layout: _WavLayout, file: FilePart, start: int, length: int, size: int) -> None:
    """Trusts the length if a chunk or the end of the file follows it; else the data go to the end of the file."""
    if layout.rf64_data_bytes and length == _UNKNOWN_LENGTH:
        length = layout.rf64_data_bytes
    end = start + length
    is_followed = _is_chunk_or_end(file, end, size)
    if length == 0 and is_followed and end < size:
        return  # an empty data chunk in front of others
    layout.data_start, layout.data_end = start, min(end, size) if is_followed else size


def _is_chunk_or_end(file: FilePart, offset: int, size: int) -> bool:
    """Whether a chunk begins here, or the file ends."""
    for chunk_start in (offset, offset + (offset & 1)):
        file.seek(chunk_start)
        head = file.read(8)
        if len(head) == 8 and _is_chunk(head[:4], chunk_start + 8 + int.from_bytes(head[4:], "little"), size):
            return True
    return size - offset < 8


def _is_chunk(name: bytes, end: int, size: int) -> bool:
    return all(0x20 <= letter < 0x7F for letter in name) and end <= size + 1


def _is_known_chunk(file: FilePart, offset: int) -> bool:
    file.seek(offset)
    return file.read(4) in (b"fmt ", b"data", b"LIST", b"fact", b"bext", b"ds64", b"JUNK")


def _find_known_chunk(file: FilePart, offset: int) -> int:
    """The offset of the next `fmt ` or `data` chunk, or -1."""
    file.seek(offset + 1)
    searched = file.read(_RESYNC_BYTES)
    positions = [position for position in (searched.find(b"fmt "), searched.find(b"data")) if position >= 0]
    return offset + 1 + min(positions) if positions else -1
