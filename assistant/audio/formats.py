"""Which kind of sound a file holds and where in it the sound begins, told by its bytes alone. Imports no decoder.

Only formats that hold their sound themselves are known: a playlist, or whatever else names other files, is not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO

HEAD_BYTES = 64 * 1024
_MAX_LEADING_BYTES = 64 * 1024 * 1024  # of tags and zeros in front of the sound
_MAX_TAGS = 2_000  # or pieces of zeros
_MAX_SEARCHED_BYTES = 1024 * 1024  # in which the first frame of an MP3 is looked for
_MIN_FRAMES_IN_A_ROW = 3  # that must follow each other, for chance makes one

# Offset, bytes, and FFmpeg's name of the format.
_MAGIC_NUMBERS = (
    (0, b"RF64", "wav"), (0, b"BW64", "wav"), (0, b"riff.\x91\xcf\x11", "w64"), (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (4, b"ftyp", "mov"), (4, b"moov", "mov"), (4, b"mdat", "mov"), (4, b"wide", "mov"), (4, b"free", "mov"),
    (0, b"\x1aE\xdf\xa3", "matroska"), (8, b"AIFF", "aiff"), (8, b"AIFC", "aiff"), (8, b"8SVX", "iff"),
    (0, b"caff", "caf"), (0, b"#!AMR", "amr"), (0, b".snd", "au"), (0, b"0&\xb2u\x8ef\xcf\x11", "asf"),
    (8, b"AVI ", "avi"), (0, b"FLV\x01", "flv"), (0, b"\0\0\x01\xba", "mpeg"), (8, b"QLCM", "qcp"),
    (0, b"Creative Voice File\x1a", "voc"), (0, b"wvpk", "wv"), (0, b"MAC ", "ape"), (0, b"TTA1", "tta"),
    (0, b"MPCK", "mpc8"), (0, b"MP+", "mpc"), (0, b"DSD ", "dsf"), (0, b"tBaK", "tak"), (0, b"NIST_1A", "nistsphere"),
    (0, b"\x7f\xfe\x80\x01", "dts"), (0, b"\xfe\x7f\x01\x80", "dts"),
)  # fmt: skip
_TS_PACKET_LAYOUTS = ((0, 188), (4, 192), (0, 204))  # where the sync byte stands in a packet, and a packet's bytes

# MPEG audio: kbit/s by (version 1, layer), from index 1 on; samples in a frame; rates of version 1.
_BIT_RATES_KBPS = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES_HZ = (44_100, 48_000, 32_000)


class AudioRefusal(IntEnum):
    """Why a file is not opened: the exit code of the process that decodes it."""

    UNKNOWN_FORMAT = 10
    NO_SOUND = 11
    TOO_LONG = 12
    IMPOSSIBLE_RATE = 13
    DAMAGED = 14


class AudioRefusedError(Exception):
    """The file is not opened."""

    def __init__(self, refusal: AudioRefusal) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal


@dataclass(frozen=True)
class AudioFormat:
    """FFmpeg's `name` of the format, and the byte of the file at which the sound's own data `start`."""

    name: str
    data_start: int


def find_audio_format(file: BinaryIO) -> AudioFormat:
    """What the file holds, behind tags and zeros. Raises `RefusedError` for what is no known kind of sound."""
    start = 0
    for _ in range(_MAX_TAGS):
        file.seek(start)
        head = file.read(HEAD_BYTES)
        name = format_from_head(head)
        if name:
            return AudioFormat(name, start)
        skipped = _leading_tag_bytes(head)
        if not skipped or start + skipped > _MAX_LEADING_BYTES:
            break
        start += skipped
    file.seek(start)
    searched = file.read(_MAX_SEARCHED_BYTES)
    position = searched.find(b"\xff")
    while position >= 0:
        if name := _framed_format(searched, position):
            return AudioFormat(name, start + position)
        position = searched.find(b"\xff", position + 1)
    raise AudioRefusedError(AudioRefusal.UNKNOWN_FORMAT)


def format_from_head(head: bytes) -> str:
    """FFmpeg's name of the format that begins with these bytes, or ""."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":  # RIFX, whose samples are big-endian, FFmpeg reads as noise
        return "wav"
    for offset, magic, name in _MAGIC_NUMBERS:
        if head[offset : offset + len(magic)] == magic:
            return name
    if head[:2] == b"\x0bw" and len(head) > 5:
        return "eac3" if head[5] >> 3 > 10 else "ac3"
    if head[:1] == b"\x56" and head[1:2] >= b"\xe0":
        return "loas"
    if _is_transport_stream(head):
        return "mpegts"
    return _framed_format(head, 0, allows_end=True)


def _is_transport_stream(head: bytes) -> bool:
    """A recording may begin in the middle of a packet."""
    return any(
        all(head[first + at + size * number : first + at + size * number + 1] == b"G" for number in range(5))
        for at, size in _TS_PACKET_LAYOUTS
        for first in range(size)
    )


def _leading_tag_bytes(head: bytes) -> int:
    """The bytes of the tag or the zeros that come first."""
    if head[:3] == b"ID3" and len(head) > 10:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        return 10 + size + (10 if head[5] & 0x10 else 0)
    if head[:8] == b"APETAGEX" and len(head) > 32:
        return 32 + int.from_bytes(head[12:16], "little")
    return len(head) - len(head.lstrip(b"\0"))


def _framed_format(data: bytes, offset: int, allows_end: bool = False) -> str:
    """ "mp3" or "aac" where frames of such sound follow each other from here on, or "". `may_end`: a file that ends
    with its first frames will do."""
    for name, length_of in (("mp3", _mpeg_frame_bytes), ("aac", _adts_frame_bytes)):
        end, frames = offset, 0
        while frames < _MIN_FRAMES_IN_A_ROW and (length := length_of(data[end : end + 7])):
            end, frames = end + length, frames + 1
        if frames == _MIN_FRAMES_IN_A_ROW or (allows_end and frames and end >= len(data)):
            return name
    return ""


def _mpeg_frame_bytes(head: bytes) -> int:
    """The bytes of the frame of MPEG audio that begins with this header, 0 if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bit_rate_index, rate_index = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bit_rate_index in (0, 15) or rate_index == 3:
        return 0
    is_version_1 = version == 3
    hertz = _MPEG_RATES_HZ[rate_index] // {3: 1, 2: 2, 0: 4}[version]
    kilobits = _BIT_RATES_KBPS[is_version_1, layer][bit_rate_index - 1]
    padding = head[2] >> 1 & 1
    if layer == 1:
        return (12_000 * kilobits // hertz + padding) * 4
    return (144_000 if is_version_1 or layer == 2 else 72_000) * kilobits // hertz + padding


def _adts_frame_bytes(head: bytes) -> int:
    """The bytes of the frame of AAC that begins with this header, 0 if it is none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0
