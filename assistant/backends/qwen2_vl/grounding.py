"""Places in pictures, as Qwen2-VL writes and reads them (Wang et al., 2024, section 2.2.1): thousandths of each side,
between tokens of their own. They are never text. Knows nothing of the model."""

from __future__ import annotations

import re
from typing import Any

from assistant.messages import Detection, PictureRegion

_NUMBERS = re.compile(r"\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*,?\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_REF, _REF_END, _BOX, _BOX_END = "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>"


def format_region(region: PictureRegion) -> str:
    """A region of a question, in the model's words."""
    left, top, right, bottom = (
        round(1000 * at / side)
        for at, side in zip(region.box, (region.picture.width, region.picture.height) * 2, strict=True)
    )
    return f"{_BOX}({left},{top}),({right},{bottom}){_BOX_END}"


class GroundingParser:
    """Takes an answer's tokens one by one, and keeps those of boxes apart from those of text."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        unknown = tokenizer.unk_token_id
        known = {name: tokenizer.convert_tokens_to_ids(name) for name in (_REF, _REF_END, _BOX, _BOX_END)}
        self._names = {number: name for name, number in known.items() if number not in (None, unknown)}
        self._box: list[int] | None = None
        self._label: list[int] | None = None
        self._last_label = ""

    def take_token(self, token: int) -> bool | Detection:
        """True for a token of text, False for one that is none, a `Box` when one is whole. Its label is text too."""
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
        left, top, right, bottom = (min(int(one), 1000) / 1000 for one in numbers.groups())
        if left > right or top > bottom:
            return False
        return Detection(self._last_label, (left, top, right, bottom))

    def _decode_text(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True)).strip()
