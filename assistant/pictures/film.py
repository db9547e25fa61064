"""A few frames of a video, spread over its length. Runs in the limited child; knows no file names.

An hour costs no more than a minute: between far moments the decoder jumps to the key frame before, and does not go on
for long from there. (qwen-vl-utils would open the file by its name, in the engine's own process.)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import av
from PIL import Image

from assistant.pictures.formats import Sampling

LEAST = 4  # frames, unless the video has fewer
EDGE = 1024  # pixels; the longer side of a frame that is kept
_FAR = 4.0  # seconds beyond which jumping is cheaper than decoding all that lies between
_PATIENCE = 48  # frames that are decoded on the way to a moment; then the nearest will do


class NoFrames(Exception):
    """There is no picture in it that can be decoded."""


def frames(file: BinaryIO, sampling: Sampling) -> tuple[list[Image.Image], float]:
    """Frames of one size, an even number of them, and the video's length in seconds. Raises `NoFrames`."""
    try:
        with av.open(file, "r") as container:
            if not container.streams.video:
                raise NoFrames
            length = float(container.duration or 0) / av.time_base
            count = max(LEAST, min(sampling.most, int(length * sampling.rate)))
            moments = [length * (number + 0.5) / (count + count % 2) for number in range(count + count % 2)]
            found = list(_at(container, moments))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise NoFrames from error
    if not found:
        raise NoFrames
    size = found[0].size
    found = [one if one.size == size else one.resize(size) for one in found]
    return found + found[-1:] * (len(found) % 2), length


def _at(container: Any, moments: list[float]) -> Iterator[Image.Image]:
    stream = container.streams.video[0]
    decoded, now = iter(container.decode(stream)), -_FAR
    for moment in moments:
        if moment - now > _FAR:
            container.seek(int(moment * av.time_base))
            decoded = iter(container.decode(stream))
        frame = None
        for _, one in zip(range(_PATIENCE), decoded, strict=False):
            frame = one
            now = one.time if one.time is not None else moment
            if now >= moment:
                break
        if frame is None:
            return  # it ends before its header says
        image = frame.to_image()
        image.thumbnail((EDGE, EDGE))
        yield image
