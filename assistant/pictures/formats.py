"""What the decoding process and its parent share: recognition of videos, frame sampling and limits."""

from __future__ import annotations

from dataclasses import dataclass

FRAME_COUNT_KEY = "hark-frames"  # text chunk of a PNG of the history: the number of frames stacked in it
OWN_FILE, FOREIGN_FILE = "ours", "foreign"
MAX_RGB_BYTES = 64 * 1024 * 1024 * 3  # of all frames together: the most and largest frames of a video
MAX_HEADER_BYTES = 16 * 1024  # of the line of JSON before the frames


@dataclass(frozen=True)
class FrameSampling:
    """Which frames of a video are used, spread evenly over its length."""

    frames_per_second: float = 1.0  # of the video's time
    max_frames: int = 16  # in all


DEFAULT_SAMPLING = FrameSampling()
# Brands of still pictures in a video container (ISO 23008-12): FFmpeg would decode a single tile of them.
_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"miaf")


def is_video(head: bytes) -> bool:
    """Whether a file with these first bytes is a video: MP4, QuickTime, Matroska, WebM, AVI, MPEG or Ogg."""
    if head[4:8] == b"ftyp":
        return not still_format(head)
    magic_numbers = (b"\x1aE\xdf\xa3", b"OggS\0", b"\0\0\x01\xba", b"\0\0\x01\xb3")
    return head[4:8] == b"moov" or head.startswith(magic_numbers) or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")


def still_format(head: bytes) -> str:
    """ "AVIF" or "HEIF" if the brands in the first bytes are those of a still picture, else ""."""
    if head[4:8] != b"ftyp" or head[8:12] not in (*_AVIF_BRANDS, *_HEIF_BRANDS):
        return ""
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[offset : offset + 4] for offset in range(16, min(size, len(head)), 4))]
    return "AVIF" if any(brand in _AVIF_BRANDS for brand in brands) else "HEIF"
