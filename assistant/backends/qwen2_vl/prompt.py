"""Turns a conversation into tokens: text by the checkpoint's chat template, pictures as runs of placeholder tokens."""

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

_MAX_SIDE_RATIO = 200  # of long to short side, beyond which Qwen2-VL's own resizing raises an error
_TURNS_LEFT_OUT_TOGETHER = 4  # at the start of a conversation that is too long
TEMPLATE_LIMIT_S = 10.0  # a chat template is a program that comes with the checkpoint, and may loop
_MAX_DECODED_ANSWERS = 64  # whose tokens are remembered
# Stands for the text of a message while the template is filled in; no text of the user goes through the template.
_SLOT = re.compile("\ue000(\\d+)\ue001")


Key = tuple[str, tuple[int, int, int]]


@dataclass(frozen=True)
class SizedPicture:
    """A picture and the size at which the model sees it."""

    picture: Picture
    grid: tuple[int, int, int]  # pairs of frames, rows and columns of patches
    tokens: int  # in the prompt
    patch_px: int  # width and height of a patch

    @property
    def cache_key(self) -> Key:
        """Equal for the same picture at the same size."""
        return self.picture.digest, self.grid


PictureSizing = Callable[[Picture], SizedPicture]


@dataclass(frozen=True)
class EncodedPrompt:
    """A conversation as tokens."""

    ids: tuple[int, ...]  # with a placeholder for each token of a picture
    pictures: tuple[tuple[int, SizedPicture], ...] = ()  # with the index of each one's first placeholder

    @cached_property
    def cache_keys(self) -> list[int]:
        """The ids, with a negative hash of the picture for each placeholder: equal keys mean equal cache entries."""
        keys = list(self.ids)
        for start, sized in self.pictures:
            keys[start : start + sized.tokens] = [-1 - hash(sized.cache_key) % (1 << 60)] * sized.tokens
        return keys

    def __len__(self) -> int:
        return len(self.ids)


class PromptBuilder:
    """Builds prompts for one checkpoint. `pixels` are the smallest and largest size that pictures are scaled to."""

    def __init__(self, processor: Any, pixels: tuple[int, int]) -> None:
        self.processor, self.tokenizer, self.pixel_limits = processor, processor.tokenizer, pixels
        images = processor.image_processor
        self._patch, self._merge = images.patch_size, images.merge_size
        pads = (processor.image_token, processor.video_token)
        self._pads = {name: self.tokenizer.convert_tokens_to_ids(name) for name in pads}
        self._parts = re.compile(f"({'|'.join(map(re.escape, pads))}|{_SLOT.pattern.replace('(', '(?:')})")
        self._decoded: deque[tuple[str, list[int], list[int]]] = deque(maxlen=_MAX_DECODED_ANSWERS)

    def grounding_parser(self) -> grounding.GroundingParser:
        """A parser for the tokens of one answer."""
        return grounding.GroundingParser(self.tokenizer)

    def size_picture(self, picture: Picture, max_pixels: int = 0) -> SizedPicture:
        """The size at which the model sees a picture, by Qwen2-VL's rule; at most `max_pixels` if given."""
        from qwen_vl_utils.vision_process import smart_resize

        min_size, max_size = self.pixel_limits
        max_size = min(max_pixels, max_size) if max_pixels else max_size
        factor, frame_pairs = self._patch * self._merge, max(1, picture.frame_count // 2)
        # All of a video costs as much as one picture.
        min_size, max_size = max(factor**2, min_size // frame_pairs), max(factor**2, max_size // frame_pairs)
        # Qwen2-VL's own resizing raises an error for extreme strips: make them a little thicker.
        min_side = math.ceil(max(picture.width, picture.height) / _MAX_SIDE_RATIO)
        height_px, width_px = max(picture.height, min_side), max(picture.width, min_side)
        sides = smart_resize(height_px, width_px, factor, min(min_size, max_size), max_size)
        height, width = (max(factor, side) for side in sides)  # the short side of a long banner comes out as 0
        grid = (frame_pairs, height // self._patch, width // self._patch)
        return SizedPicture(picture, grid, frame_pairs * height * width // factor**2, self._patch)

    def remember_tokens(self, text: str, ids: list[int], lengths: list[int]) -> None:
        """Remembers the tokens of an answer, since encoding its text again might give other tokens.

        lengths: number of letters of the text after each token."""
        self._decoded.append((text, ids, lengths))

    def decode_tokens(self, ids: Sequence[int]) -> str:
        """The text of tokens, without special tokens."""
        return self.tokenizer.decode(ids, skip_special_tokens=True)

    def build_prompt(
        self, messages: Sequence[Message], is_complete: bool = True, sizing: PictureSizing | None = None
    ) -> EncodedPrompt:
        """Encodes the conversation up to where the answer begins.

        is_complete: False where the text of the last message is not known yet; the prompt then ends before it.
        sizing: chooses the sizes of pictures, by default `size_picture`.
        Raises `ValueError` for a template that leaves messages out, `TimeoutError` for one that does not end."""
        sizing = sizing or self.size_picture
        template_messages = [self._with_slots(number, message) for number, message in enumerate(messages)]
        with progress.watched_step("answer", 2 * TEMPLATE_LIMIT_S), limit_code_time(TEMPLATE_LIMIT_S):
            filled_template = self.processor.apply_chat_template(
                template_messages, tokenize=False, add_generation_prompt=is_complete
            )
        if any(f"\ue000{number}\ue001" not in filled_template for number in range(len(messages))):
            raise ValueError(tr("its chat template leaves messages out"))
        if not is_complete:
            filled_template = filled_template[: filled_template.rindex(f"\ue000{len(messages) - 1}\ue001")]
        pictures = iter(picture for message in messages for picture in message.pictures)
        ids: list[int] = []
        views: list[tuple[int, SizedPicture]] = []
        for part in self._parts.split(filled_template):
            slot = _SLOT.fullmatch(part)
            if slot:
                ids += self._text_ids(messages[int(slot[1])])
            elif part in self._pads:
                views.append((len(ids), sizing(next(pictures))))
                ids += [self._pads[part]] * views[-1][1].tokens
            elif part:
                ids += self.tokenizer.encode(part, add_special_tokens=False)
        return EncodedPrompt(tuple(ids), tuple(views))

    def fit_messages(self, messages: Sequence[Message], limit: int) -> tuple[list[Message], int]:
        """The messages that fit into `limit` tokens, and how many turns were left out.

        The oldest turns go first, several at a time, so that the next prompts start alike and the cache stays valid.
        The system prompt, the last question and the newest pictures stay. Raises `InvalidInputError` when these alone
        are too long."""
        fitted, left_out = list(messages), 0
        while len(self.build_prompt(fitted)) > limit:
            for _ in range(
                _TURNS_LEFT_OUT_TOGETHER
                if sum(message.role == "user" for message in fitted) > _TURNS_LEFT_OUT_TOGETHER + 1
                else 1
            ):
                if not _without_first(fitted):
                    hint = tr("Ask with fewer words, or fewer pictures.")
                    raise InvalidInputError("answer", tr("This question is too long for the model."), hint)
                left_out += 1
        return fitted, left_out

    def _with_slots(self, number: int, message: Message) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": _media_kind(picture)} for picture in message.pictures]
        return {"role": message.role, "content": [*content, {"type": "text", "text": f"\ue000{number}\ue001"}]}

    def _text_ids(self, message: Message) -> list[int]:
        # Text must not be able to produce the template's special tokens.
        text = message.text.replace("<|", "< |")
        if message.role == "assistant":
            for decoded_text, ids, lengths in reversed(self._decoded):
                if text and decoded_text.startswith(text):
                    return self._common_prefix(ids, lengths, text)
        text += "".join(grounding.format_region(region) for region in message.regions)
        return self.tokenizer.encode(text, add_special_tokens=False)

    def _common_prefix(self, ids: list[int], lengths: list[int], text: str) -> list[int]:
        """The remembered tokens of an answer as far as they make up `text`, and new tokens for the rest of it."""
        count = bisect_right(lengths, len(text))
        rest = text[lengths[count - 1] if count else 0 :]
        return ids[:count] + self.tokenizer.encode(rest, add_special_tokens=False)


def _media_kind(picture: Picture) -> str:
    return "video" if picture.frame_count > 1 else "image"


def _without_first(messages: list[Message]) -> bool:
    """Removes the first question and its answer, in place; False where there is only one question.

    Its pictures move to the second question if no later message has any."""
    questions = [index for index, message in enumerate(messages) if message.role == "user"]
    if len(questions) < 2:
        return False
    first, second = questions[:2]
    pictures = messages[first].pictures
    if pictures and not any(message.pictures for message in messages[second:]):
        messages[second] = replace(messages[second], pictures=pictures)
    del messages[first:second]
    return True
