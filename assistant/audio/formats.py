"""Recognises the format of an audio file by its bytes, and where the audio begins, without any decoder.

Only self-contained formats are recognised; playlists and other files that refer to files are not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO

HEAD_BYTES = 64 * 1024
_MAX_LEADING_BYTES = 64 * 1024 * 1024  # tags and zeros in front of the audio
_MAX_TAGS = 2_000  # or blocks of zeros
_MAX_SEARCHED_BYTES = 1024 * 1024  # searched for the first frame of an MP3
_MIN_FRAMES_IN_A_ROW = 3  # one alone may be chance

# Offset, bytes at that offset, FFmpeg's name of the format.
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
_TS_PACKET_LAYOUTS = ((0, 188), (4, 192), (0, 204))  # offset of the sync byte in a packet, bytes of a packet

# MPEG audio (ISO 11172-3, 13818-3): bit rates by (is version 1, layer) from index 1 on, sample rates of version 1.
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
    """Why a file is not decoded; also the exit code of the decoding process."""

    UNKNOWN_FORMAT = 10
    NO_SOUND = 11
    TOO_LONG = 12
    IMPOSSIBLE_RATE = 13
    DAMAGED = 14


class AudioRefusedError(Exception):
    """The file is not decoded, for the reason `refusal`."""

    def __init__(self, refusal: AudioRefusal) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal


@dataclass(frozen=True)
class AudioFormat:
    """The format of an audio file.

    `name`: FFmpeg's name of it.
    `data_start`: offset in bytes behind leading tags and zeros."""

    name: str
    data_start: int


def find_audio_format(file: BinaryIO) -> AudioFormat:
    """Recognises the format behind tags and zeros. Raises `AudioRefusedError` for unknown formats."""
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
    """FFmpeg's name of the format that begins with these bytes, "" if unknown."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":  # not RIFX: FFmpeg reads its big-endian samples as noise
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
    """Whether five sync bytes follow each other, from any offset: a recording may begin in the middle of a packet."""
    return any(
        all(
            head[first + sync_offset + packet_bytes * number : first + sync_offset + packet_bytes * number + 1] == b"G"
            for number in range(5)
        )
        for sync_offset, packet_bytes in _TS_PACKET_LAYOUTS
        for first in range(packet_bytes)
    )


def _leading_tag_bytes(head: bytes) -> int:
    """Bytes of the ID3 or APE tag, or of the zeros, that the data begin with."""
    if head[:3] == b"ID3" and len(head) > 10:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        return 10 + size + (10 if head[5] & 0x10 else 0)
    if head[:8] == b"APETAGEX" and len(head) > 32:
        return 32 + int.from_bytes(head[12:16], "little")
    return len(head) - len(head.lstrip(b"\0"))


def _framed_format(data: bytes, offset: int, allows_end: bool = False) -> str:
    """ "mp3" or "aac" if several frames follow each other from `offset` on, else "". `allows_end`: fewer frames suffice
    if the data end with them."""
    for name, length_of in (("mp3", _mpeg_frame_bytes), ("aac", _adts_frame_bytes)):
        end, frames = offset, 0
        while frames < _MIN_FRAMES_IN_A_ROW and (length := length_of(data[end : end + 7])):
            end, frames = end + length, frames + 1
        if frames == _MIN_FRAMES_IN_A_ROW or (allows_end and frames and end >= len(data)):
            return name
    return ""


def _mpeg_frame_bytes(head: bytes) -> int:
    """Length in bytes of the MPEG audio frame with this header, 0 if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bit_rate_index, rate_index = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bit_rate_index in (0, 15) or rate_index == 3:
        return 0
    is_version_1 = version == 3
    rate = _MPEG_RATES_HZ[rate_index] // {3: 1, 2: 2, 0: 4}[version]
    bit_rate = _BIT_RATES_KBPS[is_version_1, layer][bit_rate_index - 1]
    padding = head[2] >> 1 & 1
    if layer == 1:
        return (12_000 * bit_rate // rate + padding) * 4
    return (144_000 if is_version_1 or layer == 2 else 72_000) * bit_rate // rate + padding


def _adts_frame_bytes(head: bytes) -> int:
    """Length in bytes of the AAC frame with this ADTS header, 0 if it is none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0
