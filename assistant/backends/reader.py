"""Reads the text in a picture with RapidOCR, whose models lie in its package. Knows nothing of questions."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from assistant.pictures import Picture

_LEAST_SCORE = 0.6
_LEAST_SIDE = 300  # smaller pictures are enlarged: small print is then found


@dataclass(frozen=True)
class Line:
    """Text in a box: left, top, right, bottom in pixels."""

    text: str
    box: tuple[float, float, float, float]


class Reader:
    """PP-OCR detection and recognition, English and Chinese."""

    def __init__(self) -> None:
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        from rapidocr import RapidOCR

        self._ocr = RapidOCR(params={"Global.log_level": "error", "Global.text_score": _LEAST_SCORE})

    def read(self, picture: Picture) -> Iterator[str]:
        """Yields the text line by line, in reading order; nothing when there is none."""
        lines = [line for line in self._find(picture) if line.text.strip()]
        for row in rows(lines):
            yield " ".join(line.text for line in row)

    def _find(self, picture: Picture) -> Iterator[Line]:
        image = picture.image
        scale = max(1, round(_LEAST_SIDE / min(image.size)))
        if scale > 1 and max(image.size) * scale <= 4000:
            image = image.resize((image.width * scale, image.height * scale))
        found: Any = self._ocr(np.asarray(image)[:, :, ::-1])
        if found.boxes is None:
            return
        for corners, text in zip(found.boxes, found.txts, strict=True):
            across, down = corners[:, 0], corners[:, 1]
            yield Line(text, (float(across.min()), float(down.min()), float(across.max()), float(down.max())))


def rows(lines: list[Line]) -> list[list[Line]]:
    """Lines as people read them: rows from the top, each from the left. Boxes share a row when their middles do."""
    table: list[list[Line]] = []
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
