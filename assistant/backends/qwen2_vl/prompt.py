"""A conversation as tokens: text through the checkpoint's own chat template, pictures as runs of placeholders.

Knows nothing of weights, caches or speed."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from assistant import progress
from assistant.backends.boundary import limit_code_time
from assistant.backends.qwen2_vl import grounding
from assistant.errors import InvalidInputError
from assistant.messages import Message
from assistant.pictures import Picture
from assistant.text.i18n import tr

_WIDEST = 200  # the sides' ratio beyond which Qwen2-VL's own resizing gives up
_TOGETHER = 4  # turns that leave a conversation that is too long
TEMPLATE_LIMIT_S = 10.0  # a chat template is a program of whoever made the checkpoint
_REMEMBERED = 64  # answers whose tokens are kept as they were decoded
# Characters that stand for a message's text while the template is filled in; no user's text goes through it.
_SLOT = re.compile("\ue000(\\d+)\ue001")


Key = tuple[str, tuple[int, int, int]]


@dataclass(frozen=True)
class SizedPicture:
    """A picture at the size at which the model sees it; `grid`: frames, rows and columns of its patches, which are
    `patch` pixels wide and high."""

    picture: Picture
    grid: tuple[int, int, int]
    tokens: int
    patch: int

    @property
    def cache_key(self) -> Key:
        """The same picture at the same size has the same key."""
        return self.picture.digest, self.grid


Sizing = Callable[[Picture], SizedPicture]


@dataclass(frozen=True)
class EncodedPrompt:
    """Token ids, with a placeholder for each token of a picture; `views` begin at these places."""

    ids: tuple[int, ...]
    views: tuple[tuple[int, SizedPicture], ...] = ()

    @cached_property
    def cache_keys(self) -> list[int]:
        """The ids, but a placeholder tells which picture it belongs to: equal marks mean an equal cache."""
        marks = list(self.ids)
        for start, view in self.views:
            marks[start : start + view.tokens] = [-1 - hash(view.cache_key) % (1 << 60)] * view.tokens
        return marks

    def __len__(self) -> int:
        return len(self.ids)


class PromptBuilder:
    """Makes prompts. `pixels` are the least and the most that a picture is scaled to."""

    def __init__(self, processor: Any, pixels: tuple[int, int]) -> None:
        self._processor, self._tokenizer, self._pixels = processor, processor.tokenizer, pixels
        images = processor.image_processor
        self._patch, self._merge = images.patch_size, images.merge_size
        pads = (processor.image_token, processor.video_token)
        self._pads = {name: self._tokenizer.convert_tokens_to_ids(name) for name in pads}
        self._parts = re.compile(f"({'|'.join(map(re.escape, pads))}|{_SLOT.pattern.replace('(', '(?:')})")
        self._decoded: deque[tuple[str, list[int], list[int]]] = deque(maxlen=_REMEMBERED)

    def grounding_parser(self) -> grounding.GroundingParser:
        """For an answer's tokens."""
        return grounding.GroundingParser(self._tokenizer)

    def size_picture(self, picture: Picture, most: int = 0) -> SizedPicture:
        """How the model sees a picture, of `most` pixels if given."""
        from qwen_vl_utils.vision_process import smart_resize

        least, largest = self._pixels
        largest = min(most, largest) if most else largest
        factor, pairs = self._patch * self._merge, max(1, picture.frame_count // 2)
        # All of a video costs as much as one picture.
        least, largest = max(factor**2, least // pairs), max(factor**2, largest // pairs)
        # A strip is seen a little thicker than it is: Qwen2-VL's own resizing gives up on thinner ones.
        thinnest = math.ceil(max(picture.width, picture.height) / _WIDEST)
        tall, wide = max(picture.height, thinnest), max(picture.width, thinnest)
        sides = smart_resize(tall, wide, factor, min(least, largest), largest)
        height, width = (max(factor, side) for side in sides)  # a long banner's short side comes out as 0
        grid = (pairs, height // self._patch, width // self._patch)
        return SizedPicture(picture, grid, pairs * height * width // factor**2, self._patch)

    def remember_tokens(self, text: str, ids: list[int], lengths: list[int]) -> None:
        """An answer as it was decoded, with its letters after each token: written again it might be cut into others."""
        self._decoded.append((text, ids, lengths))

    def decode_tokens(self, ids: Sequence[int]) -> str:
        """What was decoded, without special tokens."""
        return self._tokenizer.decode(ids, skip_special_tokens=True)

    def build_prompt(
        self, messages: Sequence[Message], asked: bool = True, view: Sizing | None = None
    ) -> EncodedPrompt:
        """The conversation up to where the answer begins; if not yet `asked`, up to where the last text would.

        `view` may choose other sizes for pictures than `self.view`."""
        view = view or self.size_picture
        filled = [self._with_slots(number, message) for number, message in enumerate(messages)]
        with progress.watched_step("answer", 2 * TEMPLATE_LIMIT_S), limit_code_time(TEMPLATE_LIMIT_S):
            whole = self._processor.apply_chat_template(filled, tokenize=False, add_generation_prompt=asked)
        if any(f"\ue000{number}\ue001" not in whole for number in range(len(messages))):
            raise ValueError(tr("its chat template leaves messages out"))
        if not asked:
            whole = whole[: whole.rindex(f"\ue000{len(messages) - 1}\ue001")]
        pictures = iter(picture for message in messages for picture in message.pictures)
        ids: list[int] = []
        views: list[tuple[int, SizedPicture]] = []
        for part in self._parts.split(whole):
            slot = _SLOT.fullmatch(part)
            if slot:
                ids += self._text_ids(messages[int(slot[1])])
            elif part in self._pads:
                views.append((len(ids), view(next(pictures))))
                ids += [self._pads[part]] * views[-1][1].tokens
            elif part:
                ids += self._tokenizer.encode(part, add_special_tokens=False)
        return EncodedPrompt(tuple(ids), tuple(views))

    def fit_messages(self, messages: Sequence[Message], limit: int) -> tuple[list[Message], int]:
        """The messages that fit into `limit` tokens, and how many turns had to leave: the oldest go first, some at a
        time, so that the next turn begins where this one did. The system prompt, the last question and the newest
        pictures stay. Raises `BadInput` when these alone are too long."""
        kept, left = list(messages), 0
        while len(self.build_prompt(kept)) > limit:
            for _ in range(_TOGETHER if sum(one.role == "user" for one in kept) > _TOGETHER + 1 else 1):
                if not _without_first(kept):
                    hint = tr("Ask with fewer words, or fewer pictures.")
                    raise InvalidInputError("answer", tr("This question is too long for the model."), hint)
                left += 1
        return kept, left

    def _with_slots(self, number: int, message: Message) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": _media_kind(picture)} for picture in message.pictures]
        return {"role": message.role, "content": [*content, {"type": "text", "text": f"\ue000{number}\ue001"}]}

    def _text_ids(self, message: Message) -> list[int]:
        # A text is data: it must not be able to speak in the template's own tokens.
        text = message.text.replace("<|", "< |")
        if message.role == "assistant":
            for known, ids, lengths in reversed(self._decoded):
                if text and known.startswith(text):
                    return self._common_prefix(ids, lengths, text)
        text += "".join(grounding.format_region(region) for region in message.regions)
        return self._tokenizer.encode(text, add_special_tokens=False)

    def _common_prefix(self, ids: list[int], lengths: list[int], text: str) -> list[int]:
        """An answer's own tokens as far as they were heard, and the rest of the text in new ones."""
        count = bisect_right(lengths, len(text))
        rest = text[lengths[count - 1] if count else 0 :]
        return ids[:count] + self._tokenizer.encode(rest, add_special_tokens=False)


def _media_kind(picture: Picture) -> str:
    return "video" if picture.frame_count > 1 else "image"


def _without_first(kept: list[Message]) -> bool:
    """Takes the first question and its answer out, if there is another; its pictures go on if there are no newer."""
    questions = [at for at, one in enumerate(kept) if one.role == "user"]
    if len(questions) < 2:
        return False
    first, second = questions[:2]
    seen = kept[first].pictures
    if seen and not any(one.pictures for one in kept[second:]):
        kept[second] = replace(kept[second], pictures=seen)
    del kept[first:second]
    return True
