"""What parent and decoding child both know: a video's first bytes, how it is sampled, limits. Imports no decoder."""

from __future__ import annotations

from dataclasses import dataclass

FRAME_COUNT_KEY = "hark-frames"  # in a PNG of the history's own: so many frames, one below the other
OWN_FILE, FOREIGN_FILE = "ours", "foreign"
MAX_RGB_BYTES = 64 * 1024 * 1024 * 3  # that the parent takes: the most and the largest frames of a video
MAX_HEADER_BYTES = 16 * 1024  # of the line before them


@dataclass(frozen=True)
class FrameSampling:
    """`rate` frames a second of a video, at most `most` of them."""

    frames_per_second: float = 1.0
    max_frames: int = 16


DEFAULT_SAMPLING = FrameSampling()
# Pictures in a video's container: HEIC and AVIF, of which a video's decoder would show one tile.
_AVIF = (b"avif", b"avis")
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"miaf")


def is_video(head: bytes) -> bool:
    """Whether the first bytes are a video's: MP4 and QuickTime, Matroska and WebM, AVI, MPEG, Ogg."""
    if head[4:8] == b"ftyp":
        return not still_format(head)
    heads = (b"\x1aE\xdf\xa3", b"OggS\0", b"\0\0\x01\xba", b"\0\0\x01\xb3")
    return head[4:8] == b"moov" or head.startswith(heads) or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")


def still_format(head: bytes) -> str:
    """ "AVIF" or "HEIF" for a picture in a video's container, by its brand and those that it is compatible with; else
    ""."""
    if head[4:8] != b"ftyp" or head[8:12] not in (*_AVIF, *_HEIF):
        return ""
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)), 4))]
    return "AVIF" if any(brand in _AVIF for brand in brands) else "HEIF"
