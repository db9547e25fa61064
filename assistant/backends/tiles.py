"""Cuts strips and large pages between lines and words into tiles of a size that the text detector can read.

RapidOCR rounds the short side of a strip thinner than about 1:125 to 0, and shrinks longer sides than 2,000 pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

MAX_SIDE_RATIO = 8  # of long to short side; a picture beyond it is a strip
_TILE_SIDE_PX = 1920
_CUT_WINDOW_DIVISOR = 4  # a tile is cut in its last quarter
_SMOOTHING_ROWS = 9  # rows or columns; a gap between words is wider than one between letters
_PADDED_SIDE_RATIO = 4  # of long to short side of a padded tile
_MIN_SIDE_PX = 128  # the detector enlarges smaller tiles so much that it takes one word for two
_MAX_GAP_ROWS = 32  # of a gap, this many empty rows or columns stay
_MIN_LEVEL_CHANGE = 8  # of brightness (0 to 255) between neighbouring rows or columns; less counts as empty


@dataclass(frozen=True)
class PictureTile:
    """A part of a picture, padded."""

    image: Image.Image
    left: int  # pixels from the picture's left edge to the tile's; negative where the padding begins outside
    top: int  # pixels from the picture's top edge to the tile's


def is_strip(image: Image.Image) -> bool:
    """Whether a picture is too long and thin to be read as a whole."""
    return max(image.size) > MAX_SIDE_RATIO * min(image.size)


def close_gaps(image: Image.Image) -> Image.Image:
    """Removes most of a strip's empty rows or columns: the detector does not find a single word on a long empty page.

    Lines and gradients that run along the strip count as empty."""
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
    """Yields tiles that cover the picture once, row by row, of at most 1,920 pixels a side without the padding.

    Cuts go where the picture is emptiest. A line of text that has to be cut continues in the next tile of the row."""
    grey = np.asarray(image.convert("L"), np.int16)
    for top, bottom in _tile_spans(grey):
        row = grey[top:bottom]
        for left, right in _tile_spans(row.T):
            yield _pad_tile(image.crop((left, top, right, bottom)), left, top)


def _tile_spans(grey: npt.NDArray[np.int16]) -> Iterator[tuple[int, int]]:
    """The tiles' start and end rows along the first axis."""
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
    """Pads a tile with the colour of its corner, so that it is not too thin for the detector."""
    min_side = max(max(tile_image.size) // _PADDED_SIDE_RATIO, _MIN_SIDE_PX)
    size = (max(tile_image.width, min_side), max(tile_image.height, min_side))
    if size == tile_image.size:
        return PictureTile(tile_image, left, top)
    canvas = Image.new("RGB", size, tile_image.getpixel((0, 0)))
    x_offset, y_offset = (size[0] - tile_image.width) // 2, (size[1] - tile_image.height) // 2
    canvas.paste(tile_image, (x_offset, y_offset))
    return PictureTile(canvas, left - x_offset, top - y_offset)
