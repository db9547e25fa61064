"""What parent and decoding child both know: a video's first bytes, and how it is sampled. Imports no decoder."""

from __future__ import annotations

from dataclasses import dataclass

STRIP = "hark-frames"  # in a PNG of the history's own: so many frames, one below the other
OURS, FOREIGN = "ours", "foreign"


@dataclass(frozen=True)
class Sampling:
    """`rate` frames a second of a video, at most `most` of them."""

    rate: float = 1.0
    most: int = 16


USUAL = Sampling()
# Pictures in a video's container: HEIC and AVIF, of which a video's decoder would show one tile.
_STILLS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")


def is_video(head: bytes) -> bool:
    """Whether the first bytes are a video's: MP4 and QuickTime, Matroska and WebM, AVI, MPEG, Ogg."""
    if head[4:8] == b"ftyp":
        return head[8:12] not in _STILLS
    heads = (b"\x1aE\xdf\xa3", b"OggS\0", b"\0\0\x01\xba", b"\0\0\x01\xb3")
    return head[4:8] == b"moov" or head.startswith(heads) or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
