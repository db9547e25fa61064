"""Where the samples of a WAV lie, whatever its header says.

A recorder that streams, or that crashed, leaves lengths of zero, of 4 GB or of what it had written last; others forget
the byte that fills an odd chunk. The samples are there all the same."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from assistant.sound.formats import Refusal, RefusedError

RATES = range(2_000, 768_001)
_UNKNOWN_LENGTH = 0xFFFF_FFFF
_MAX_CHUNKS = 1_000
_MAX_FORM_BYTES = 4_096
_RESYNC_BYTES = 1024 * 1024  # in which the next known chunk is looked for where one is damaged


class FilePart:
    """A file of the bytes `head` and then a file's from `start` to `end`: what FFmpeg reads instead of the file."""

    def __init__(self, file: BinaryIO | FilePart, start: int, end: int, head: bytes = b"") -> None:
        self._file, self._start, self._head = file, start, head
        self._size = len(head) + max(0, end - start)
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        size = left if size < 0 else min(size, left)
        data = self._head[self._at : self._at + size]
        if len(data) < size:
            self._file.seek(self._start + self._at + len(data) - len(self._head))
            data += self._file.read(size - len(data))
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at


@dataclass
class _Layout:
    """What is known of a WAV: its `fmt ` chunk, and from where to where its samples lie."""

    form: bytes = b""
    start: int = -1
    end: int = -1
    length_64: int = 0  # that an RF64 names for its data


def open_wav(file: FilePart, size: int) -> FilePart:
    """The WAV that is a file of `size` bytes, under a header that is true.

    Raises `RefusedError` for one without samples, or with a rate that no sound has."""
    layout = _find_layout(file, size)
    if not layout.form:
        raise RefusedError(Refusal.DAMAGED)
    rate = struct.unpack("<4xI", layout.form[:8])[0]
    if rate not in RATES:
        raise RefusedError(Refusal.IMPOSSIBLE_RATE)
    if layout.end <= layout.start:
        raise RefusedError(Refusal.NO_SOUND)
    length = min(layout.end - layout.start, _UNKNOWN_LENGTH)
    head = struct.pack(
        f"<4sI4s4sI{len(layout.form)}s4sI",
        b"RIFF", _UNKNOWN_LENGTH, b"WAVE",
        b"fmt ", len(layout.form), layout.form, b"data", length,
    )  # fmt: skip
    return FilePart(file, layout.start, layout.end, head)


def _find_layout(file: FilePart, size: int) -> _Layout:
    layout, at = _Layout(), 12
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or (layout.form and layout.start >= 0):
            break
        name, length = struct.unpack("<4sI", head)
        if name == b"fmt " and not _is_chunk(name, at + 8 + length, size):
            length = 16  # the least it has
        if name == b"data":
            _set_data(layout, file, at + 8, length, size)
            at = max(at + 8, layout.end + (layout.end & 1))
        elif _is_chunk(name, at + 8 + length, size):
            _read_chunk(layout, file, name, length)
            end = at + 8 + length
            # The byte that fills an odd chunk is forgotten by some: then the next name begins at once.
            at = end + (end & 1 and not _starts_known(file, end))
        else:
            at_known = _next_known(file, at)
            if at_known < 0:
                break
            at = at_known
    if layout.form and layout.start < 0 and at < size:
        layout.start, layout.end = at, size  # cut off, or damaged, where its data begin
    return layout


def _read_chunk(layout: _Layout, file: FilePart, name: bytes, length: int) -> None:
    if name == b"fmt " and length >= 16:
        layout.form = file.read(min(length, _MAX_FORM_BYTES))
    elif name == b"ds64" and length >= 16:
        layout.length_64 = struct.unpack("<8xQ", file.read(16))[0]


def _set_data(layout: _Layout, file: FilePart, start: int, length: int, size: int) -> None:
    """Takes the length that is named if chunks, or nothing, come behind it; else all there is."""
    if layout.length_64 and length == _UNKNOWN_LENGTH:
        length = layout.length_64
    end = start + length
    followed = _chunks_follow(file, end, size)
    if length == 0 and followed and end < size:
        return  # an empty one in front of others
    layout.start, layout.end = start, min(end, size) if followed else size


def _chunks_follow(file: FilePart, at: int, size: int) -> bool:
    """Whether a chunk begins here, or the file ends."""
    for first in (at, at + (at & 1)):
        file.seek(first)
        head = file.read(8)
        if len(head) == 8 and _is_chunk(head[:4], first + 8 + int.from_bytes(head[4:], "little"), size):
            return True
    return size - at < 8


def _is_chunk(name: bytes, end: int, size: int) -> bool:
    return all(0x20 <= letter < 0x7F for letter in name) and end <= size + 1


def _starts_known(file: FilePart, at: int) -> bool:
    file.seek(at)
    return file.read(4) in (b"fmt ", b"data", b"LIST", b"fact", b"bext", b"ds64", b"JUNK")


def _next_known(file: FilePart, at: int) -> int:
    """Where the next `fmt ` or `data` begins, or -1."""
    file.seek(at + 1)
    searched = file.read(_RESYNC_BYTES)
    places = [place for place in (searched.find(b"fmt "), searched.find(b"data")) if place >= 0]
    return at + 1 + min(places) if places else -1
