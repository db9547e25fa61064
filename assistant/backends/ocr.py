"""Reads the text in a picture with RapidOCR, whose models come in its package."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from assistant import progress
from assistant.backends.tiles import close_gaps, cut_into_tiles, is_strip
from assistant.pictures import Picture

_MIN_SCORE = 0.6  # of a line, from 0 to 1; less certain ones are dropped
_MIN_SIDE_PX = 300  # smaller pictures are enlarged, so that small print is found
_MAX_ENLARGED_SIDE_PX = 4000
_MAX_WHOLE_SIDE_PX = 2000  # RapidOCR shrinks longer pictures
_TILE_LIMIT_S = 60.0  # for one tile; an old processor takes about ten seconds
_MIN_LINE_HEIGHT_PX = 18  # in a shrunk picture; letters get lost in lower lines


@dataclass(frozen=True)
class TextLine:
    """A line of text that was found in a picture."""

    text: str
    box: tuple[float, float, float, float]  # left, top, right, bottom in pixels


class TextReader:
    """PP-OCR text detection and recognition, for English and Chinese."""

    def __init__(self) -> None:
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        from rapidocr import RapidOCR

        self._ocr = RapidOCR(params={"Global.log_level": "error", "Global.text_score": _MIN_SCORE})

    def read_text(self, picture: Picture) -> Generator[str, None, None]:
        """Yields the text of a picture line by line, in reading order."""
        yield from filter(None, self.read_steps(picture))

    def read_steps(self, picture: Picture) -> Generator[str, None, None]:
        """Like `read_text`, but yields "" after every other step, so that reading a long page can be stopped early."""
        lines = yield from self._find_lines(picture)
        for row in group_rows([line for line in lines if line.text.strip()]):
            yield " ".join(line.text for line in row)

    def _find_lines(self, picture: Picture) -> Generator[str, None, list[TextLine]]:
        """All lines of text; those of a strip are at their places after its gaps were closed."""
        image = picture.first_image
        if is_strip(image):
            return (yield from self._find_in_tiles(close_gaps(image)))
        scale = max(1, round(_MIN_SIDE_PX / min(image.size)))
        if scale > 1 and max(image.size) * scale <= _MAX_ENLARGED_SIDE_PX:
            image = image.resize((image.width * scale, image.height * scale))
        lines = list(self.detect_lines(image))
        reduction = max(image.size) / _MAX_WHOLE_SIDE_PX
        if (
            reduction > 1
            and min((line.box[3] - line.box[1] for line in lines), default=0.0) < _MIN_LINE_HEIGHT_PX * reduction
        ):
            # Letters get lost when the picture is shrunk: read it again at its own size, tile by tile.
            full_size_lines = yield from self._find_in_tiles(image)
            lines = full_size_lines + [
                line for line in lines if not any(_is_same(line, other) for other in full_size_lines)
            ]
        return lines

    def _find_in_tiles(self, image: Image.Image) -> Generator[str, None, list[TextLine]]:
        lines = []
        for tile in cut_into_tiles(image):
            progress.extend_step_limit(_TILE_LIMIT_S)  # per tile: a page has many, and all together may take long
            for line in self.detect_lines(tile.image):
                left, top, right, bottom = line.box
                box = (left + tile.left, top + tile.top, right + tile.left, bottom + tile.top)
                lines.append(TextLine(line.text, box))
            yield ""
        return lines

    def detect_lines(self, image: Image.Image) -> Iterator[TextLine]:
        result: Any = self._ocr(np.asarray(image)[:, :, ::-1])
        if result.boxes is None:
            return
        for corners, text in zip(result.boxes, result.txts, strict=True):
            across, down = corners[:, 0], corners[:, 1]
            yield TextLine(text, (float(across.min()), float(down.min()), float(across.max()), float(down.max())))


def _is_same(line: TextLine, other: TextLine) -> bool:
    """Whether two boxes hold the same words: the centre of one lies in the other."""
    for inner, outer in ((line.box, other.box), (other.box, line.box)):
        across, down = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
        if outer[0] <= across <= outer[2] and outer[1] <= down <= outer[3]:
            return True
    return False


def group_rows(lines: list[TextLine]) -> list[list[TextLine]]:
    """Lines in reading order: rows from top to bottom, each from left to right.

    A line belongs to a row when its vertical centre lies in the middle 60 % of the row's last line."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: (line.box[1] + line.box[3]) / 2):
        middle = (line.box[1] + line.box[3]) / 2
        last = rows[-1][-1] if rows else None
        if (
            last
            and last.box[1] + (last.box[3] - last.box[1]) * 0.2
            < middle
            < last.box[3] - (last.box[3] - last.box[1]) * 0.2
        ):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.box[0]) for row in rows]
