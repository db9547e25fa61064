"""Regions of pictures in Qwen2-VL's notation (Wang et al., 2024, section 2.2.1).

Coordinates are thousandths of the picture's sides and stand between special tokens, apart from the text."""

from __future__ import annotations

import re
from typing import Any

from assistant.messages import Detection, PictureRegion

_NUMBERS = re.compile(r"\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*,?\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_REF, _REF_END, _BOX, _BOX_END = "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>"


def format_region(region: PictureRegion) -> str:
    """A region of a question in the model's notation."""
    left, top, right, bottom = (
        round(1000 * coordinate / side)
        for coordinate, side in zip(region.box, (region.picture.width, region.picture.height) * 2, strict=True)
    )
    return f"{_BOX}({left},{top}),({right},{bottom}){_BOX_END}"


class GroundingParser:
    """Separates the tokens of an answer into text and boxes."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        unknown = tokenizer.unk_token_id
        ids_by_name = {name: tokenizer.convert_tokens_to_ids(name) for name in (_REF, _REF_END, _BOX, _BOX_END)}
        self._names = {number: name for name, number in ids_by_name.items() if number not in (None, unknown)}
        self._box: list[int] | None = None
        self._label: list[int] | None = None
        self._last_label = ""

    def take_token(self, token: int) -> bool | Detection:
        """Takes the next token: True for text, False for a part of a box, a `Detection` when a box is complete.

        The label of a box is text too."""
        name = self._names.get(token)
        if name == _REF:
            self._label = []
        elif name == _REF_END:
            self._last_label, self._label = self._decode_text(self._label or []), None
        elif name == _BOX:
            self._box = []
        elif name == _BOX_END:
            return self._finish_detection()
        elif self._box is not None:
            self._box.append(token)
        else:
            if self._label is not None:
                self._label.append(token)
            return True
        return False

    def _finish_detection(self) -> bool | Detection:
        numbers, self._box = _NUMBERS.search(self._decode_text(self._box or [])), None
        if not numbers:
            return False
        left, top, right, bottom = (min(int(digits), 1000) / 1000 for digits in numbers.groups())
        if left > right or top > bottom:
            return False
        return Detection(self._last_label, (left, top, right, bottom))

    def _decode_text(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True)).strip()
