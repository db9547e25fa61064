"""Reads the text in a picture with RapidOCR, whose models lie in its package. Knows nothing of questions."""

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

_MIN_SCORE = 0.6
_MIN_SIDE_PX = 300  # smaller pictures are enlarged: small print is then found
_WHOLE_SIDE = 2000  # pixels; RapidOCR shrinks what is longer
_TILE_ALLOWED_S = 60.0  # an old processor takes about ten
_SMALL_LINE = 18  # pixels of a line's height, once it is shrunk, below which letters get lost


@dataclass(frozen=True)
class TextLine:
    """Text in a box: left, top, right, bottom in pixels."""

    text: str
    box: tuple[float, float, float, float]


class TextReader:
    """PP-OCR detection and recognition, English and Chinese."""

    def __init__(self) -> None:
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        from rapidocr import RapidOCR

        self._ocr = RapidOCR(params={"Global.log_level": "error", "Global.text_score": _MIN_SCORE})

    def read_text(self, picture: Picture) -> Generator[str, None, None]:
        """Yields the text line by line, in reading order; nothing when there is none."""
        yield from filter(None, self.read_steps(picture))

    def read_steps(self, picture: Picture) -> Generator[str, None, None]:
        """The same, and "" after a step that found no whole line yet: a long page can be left between two of them."""
        lines = yield from self._find_lines(picture)
        for row in group_rows([line for line in lines if line.text.strip()]):
            yield " ".join(line.text for line in row)

    def _find_lines(self, picture: Picture) -> Generator[str, None, list[TextLine]]:
        """Lines where they lie in the picture; of a strip, where they lie once its gaps are closed."""
        image = picture.first_image
        if is_strip(image):
            return (yield from self._find_in_tiles(close_gaps(image)))
        scale = max(1, round(_MIN_SIDE_PX / min(image.size)))
        if scale > 1 and max(image.size) * scale <= 4000:
            image = image.resize((image.width * scale, image.height * scale))
        lines = list(self._detect_lines(image))
        shrunk = max(image.size) / _WHOLE_SIDE
        if shrunk > 1 and min((line.box[3] - line.box[1] for line in lines), default=0.0) < _SMALL_LINE * shrunk:
            # Letters get lost in what is shrunk: it is read again at its own size.
            close = yield from self._find_in_tiles(image)
            lines = close + [line for line in lines if not any(_is_same(line, other) for other in close)]
        return lines

    def _find_in_tiles(self, image: Image.Image) -> Generator[str, None, list[TextLine]]:
        lines = []
        for tile in cut_into_tiles(image):
            progress.extend_step_limit(_TILE_ALLOWED_S)  # a page has many of them: healthy work, however long all take
            for line in self._detect_lines(tile.image):
                left, top, right, bottom = line.box
                box = (left + tile.left, top + tile.top, right + tile.left, bottom + tile.top)
                lines.append(TextLine(line.text, box))
            yield ""
        return lines

    def _detect_lines(self, image: Image.Image) -> Iterator[TextLine]:
        found: Any = self._ocr(np.asarray(image)[:, :, ::-1])
        if found.boxes is None:
            return
        for corners, text in zip(found.boxes, found.txts, strict=True):
            across, down = corners[:, 0], corners[:, 1]
            yield TextLine(text, (float(across.min()), float(down.min()), float(across.max()), float(down.max())))


def _is_same(line: TextLine, other: TextLine) -> bool:
    """Whether two boxes stand for the same words: the middle of one lies in the other."""
    for one, around in ((line.box, other.box), (other.box, line.box)):
        across, down = (one[0] + one[2]) / 2, (one[1] + one[3]) / 2
        if around[0] <= across <= around[2] and around[1] <= down <= around[3]:
            return True
    return False


def group_rows(lines: list[TextLine]) -> list[list[TextLine]]:
    """Lines as people read them: rows from the top, each from the left. Boxes share a row when their middles do."""
    table: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda one: (one.box[1] + one.box[3]) / 2):
        middle = (line.box[1] + line.box[3]) / 2
        last = table[-1][-1] if table else None
        if (
            last
            and last.box[1] + (last.box[3] - last.box[1]) * 0.2
            < middle
            < last.box[3] - (last.box[3] - last.box[1]) * 0.2
        ):
            table[-1].append(line)
        else:
            table.append([line])
    return [sorted(row, key=lambda one: one.box[0]) for row in table]
