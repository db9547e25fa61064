"""What the parent and the decoding child both know: first bytes, and how a video is sampled. Imports no decoder."""

from __future__ import annotations

from dataclasses import dataclass

STRIP = "hark-frames"  # in a PNG of our own: so many frames, one below the other


@dataclass(frozen=True)
class Sampling:
    """`rate` frames a second of a video, at most `most` of them."""

    rate: float = 1.0
    most: int = 16


USUAL = Sampling()


def is_video(head: bytes) -> bool:
    """Whether the first bytes are a video's: MP4 and QuickTime, Matroska and WebM, AVI, MPEG, Ogg."""
    heads = (b"\x1aE\xdf\xa3", b"OggS", b"\0\0\x01\xba", b"\0\0\x01\xb3")
    return head[4:8] in (b"ftyp", b"moov") or head.startswith(heads) or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
