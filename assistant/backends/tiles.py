"""Cuts strips and large pages into tiles that a text detector takes, between lines and words: each is read once.

RapidOCR rounds the short side of a strip thinner than about 1:125 to 0, and shrinks what is longer than 2,000."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

MAX_SIDE_RATIO = 8  # of the sides, up to which a picture is no strip
_TILE_SIDE_PX = 1920  # pixels
_CUT_WINDOW_DIVISOR = 4  # a cut lies in this last part of a tile
_SMOOTHING_ROWS = 9  # rows or columns: a gap between words is wider than one between letters
_PADDED_SIDE_RATIO = 4
_MIN_SIDE_PX = 128  # pixels; of less the detector enlarges letters so much that it takes one word for two
_MAX_GAP_ROWS = 32  # rows or columns of what does not change that are left of it
_MIN_LEVEL_CHANGE = 8  # levels of brightness from one row or column to the next


@dataclass(frozen=True)
class PictureTile:
    """A part of a picture, with room around it; `left`, `top`: where its corner lies in the picture's pixels."""

    image: Image.Image
    left: int
    top: int


def is_strip(image: Image.Image) -> bool:
    """Whether it is too long and thin to be read whole."""
    return max(image.size) > MAX_SIDE_RATIO * min(image.size)


def close_gaps(image: Image.Image) -> Image.Image:
    """A strip without most of what is empty along it: a word alone on a long empty page is not found by the detector.
    Lines and gradients that run along the strip do not count as drawn."""
    is_wide = image.width > image.height
    pixels = np.asarray(image)
    grey = np.asarray(image.convert("L"), np.int16)
    changes = np.abs(np.diff(grey.T if is_wide else grey, axis=0)).max(axis=1, initial=0) >= _MIN_LEVEL_CHANGE
    positions = np.arange(len(changes) + 1)
    is_drawn = np.zeros(len(positions), bool)
    is_drawn[1:], is_drawn[:-1] = changes, is_drawn[:-1] | changes
    is_retained = positions - np.maximum.accumulate(np.where(is_drawn, positions, 0)) <= _MAX_GAP_ROWS
    return Image.fromarray(np.ascontiguousarray(pixels[:, is_retained] if is_wide else pixels[is_retained]))


def cut_into_tiles(image: Image.Image) -> Iterator[PictureTile]:
    """Tiles that cover the picture once, from the top and from the left, none longer than 1,920 pixels but for padding.
    A cut goes where the least is drawn; one that has to go through a line leaves it in two pieces of one row."""
    grey = np.asarray(image.convert("L"), np.int16)
    for top, bottom in _tile_spans(grey):
        row = grey[top:bottom]
        for left, right in _tile_spans(row.T):
            yield _pad_tile(image.crop((left, top, right, bottom)), left, top)


def _tile_spans(grey: npt.NDArray[np.int16]) -> Iterator[tuple[int, int]]:
    """Beginnings and ends along the first axis, none longer than a tile."""
    start, length = 0, len(grey)
    while length - start > _TILE_SIDE_PX:
        latest = start + _TILE_SIDE_PX
        earliest = latest - _TILE_SIDE_PX // _CUT_WINDOW_DIVISOR
        drawn = np.abs(np.diff(grey[earliest:latest], axis=1)).sum(axis=1, dtype=np.float64)
        smooth = np.convolve(drawn, np.ones(_SMOOTHING_ROWS), "same")[_SMOOTHING_ROWS:-_SMOOTHING_ROWS]
        end = earliest + _SMOOTHING_ROWS + int(smooth.argmin())
        yield start, end
        start = end
    yield start, length


def _pad_tile(tile_image: Image.Image, left: int, top: int) -> PictureTile:
    """With its own corner's colour around it, so that it is no strip."""
    min_side = max(max(tile_image.size) // _PADDED_SIDE_RATIO, _MIN_SIDE_PX)
    size = (max(tile_image.width, min_side), max(tile_image.height, min_side))
    if size == tile_image.size:
        return PictureTile(tile_image, left, top)
    canvas = Image.new("RGB", size, tile_image.getpixel((0, 0)))
    x_offset, y_offset = (size[0] - tile_image.width) // 2, (size[1] - tile_image.height) // 2
    canvas.paste(tile_image, (x_offset, y_offset))
    return PictureTile(canvas, left - x_offset, top - y_offset)
