"""Cuts strips and large pages into tiles that a text detector takes, between lines and words: each is read once.

RapidOCR rounds the short side of a strip thinner than about 1:125 to 0, and shrinks what is longer than 2,000."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

WIDEST_RATIO = 8  # of the sides, up to which a picture is no strip
_TILE_SIDE = 1920  # pixels
_WINDOW = 4  # a cut lies in this last part of a tile
_SMOOTHED = 9  # rows or columns: a gap between words is wider than one between letters
_PADDED_RATIO = 4
_LEAST_SIDE = 128  # pixels; of less the detector enlarges letters so much that it takes one word for two
_GAP = 32  # rows or columns of what does not change that are left of it
_CHANGE = 8  # levels of brightness from one row or column to the next


@dataclass(frozen=True)
class Tile:
    """A part of a picture, with room around it; `left`, `top`: where its corner lies in the picture's pixels."""

    image: Image.Image
    left: int
    top: int


def is_strip(image: Image.Image) -> bool:
    """Whether it is too long and thin to be read whole."""
    return max(image.size) > WIDEST_RATIO * min(image.size)


def close_gaps(image: Image.Image) -> Image.Image:
    """A strip without most of what is empty along it: a word alone on a long empty page is not found by the detector.
    Lines and gradients that run along the strip do not count as drawn."""
    is_wide = image.width > image.height
    pixels = np.asarray(image)
    grey = np.asarray(image.convert("L"), np.int16)
    changes = np.abs(np.diff(grey.T if is_wide else grey, axis=0)).max(axis=1, initial=0) >= _CHANGE
    at = np.arange(len(changes) + 1)
    drawn = np.zeros(len(at), bool)
    drawn[1:], drawn[:-1] = changes, drawn[:-1] | changes
    kept = at - np.maximum.accumulate(np.where(drawn, at, 0)) <= _GAP
    return Image.fromarray(np.ascontiguousarray(pixels[:, kept] if is_wide else pixels[kept]))


def cut_into_tiles(image: Image.Image) -> Iterator[Tile]:
    """Tiles that cover the picture once, from the top and from the left, none longer than 1,920 pixels but for padding.
    A cut goes where the least is drawn; one that has to go through a line leaves it in two pieces of one row."""
    grey = np.asarray(image.convert("L"), np.int16)
    for top, bottom in _spans(grey):
        row = grey[top:bottom]
        for left, right in _spans(row.T):
            yield _padded(image.crop((left, top, right, bottom)), left, top)


def _spans(grey: npt.NDArray[np.int16]) -> Iterator[tuple[int, int]]:
    """Beginnings and ends along the first axis, none longer than a tile."""
    start, length = 0, len(grey)
    while length - start > _TILE_SIDE:
        latest = start + _TILE_SIDE
        earliest = latest - _TILE_SIDE // _WINDOW
        drawn = np.abs(np.diff(grey[earliest:latest], axis=1)).sum(axis=1, dtype=np.float64)
        smooth = np.convolve(drawn, np.ones(_SMOOTHED), "same")[_SMOOTHED:-_SMOOTHED]
        end = earliest + _SMOOTHED + int(smooth.argmin())
        yield start, end
        start = end
    yield start, length


def _padded(part: Image.Image, left: int, top: int) -> Tile:
    """With its own corner's colour around it, so that it is no strip."""
    least = max(max(part.size) // _PADDED_RATIO, _LEAST_SIDE)
    size = (max(part.width, least), max(part.height, least))
    if size == part.size:
        return Tile(part, left, top)
    page = Image.new("RGB", size, part.getpixel((0, 0)))
    across, down = (size[0] - part.width) // 2, (size[1] - part.height) // 2
    page.paste(part, (across, down))
    return Tile(page, left - across, top - down)
