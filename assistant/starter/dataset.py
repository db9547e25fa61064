"""Makes training batches of drawn pictures and questions about them.

All pictures of a batch have the same grid, so that the vision tower runs them as one dense block. Each picture is
encoded once for several questions, which a block mask keeps from attending to each other."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import IterableDataset

from assistant.starter.jsgf import starter_grammar
from assistant.starter.negatives import any_word, other_picture, other_question
from assistant.starter.questions import CANNOT_TELL_ANSWER, QuestionGenerator
from assistant.starter.scene import COLOURS, KINDS, Scene, draw_scene, random_scene
from assistant.starter.wording import as_written, loosen_wording

# Mean and standard deviation of CLIP's training pictures (red, green, blue), as in Qwen2-VL's image processor.
IMAGE_MEAN = np.array((0.48145466, 0.4578275, 0.40821073), np.float32)
IMAGE_STD = np.array((0.26862954, 0.26130258, 0.27577711), np.float32)
TOKEN_SIDE_PX = 28  # a token of the language model stands for 28 x 28 pixels
QUESTIONS_PER_PICTURE = 4
IGNORED_LABEL = -100  # of tokens that are not learned


@dataclass(frozen=True)
class TrainingBatch:
    """One batch of B pictures, of which the first A have questions.

    Each picture has N patches and T = N/4 tokens, each row of questions S tokens. Encoding pictures is cheaper than
    answering and learned more slowly, so there are more pictures than questions."""

    patches: torch.Tensor  # (B*N, 1176), pixel values
    grid: tuple[int, int]  # height and width of a picture in tokens
    ids: torch.Tensor  # (A, S)
    labels: torch.Tensor  # (A, S), the id to predict or `IGNORED_LABEL`
    weights: torch.Tensor  # (A, S), of each token's loss
    positions: torch.Tensor  # (3, A, S), M-RoPE's time, row and column
    segments: torch.Tensor  # (A, S): 0 for the shared prefix, 1 and up for the questions, -1 for padding
    kinds: torch.Tensor  # (B, T), what covers the token: 0 for nothing, or 1 + index into KINDS
    hues: torch.Tensor  # (B, T), its colour: 0 for nothing, or 1 + index into COLOURS
    places: torch.Tensor  # (B, T), which ninth of the picture the token lies in, row by row


class TrainingDataset(IterableDataset[TrainingBatch]):
    """An endless stream of random batches, the same for the same seed."""

    def __init__(self, tokenizer: Any, batch_size: int, max_pixels: int, seed: int) -> None:
        self._tokenizer, self._batch_size, self._max_pixels = tokenizer, batch_size, max_pixels
        self._seed, self._asked_count = seed, batch_size * 5 // 9

    def __iter__(self) -> Iterator[TrainingBatch]:
        torch.set_num_threads(1)
        self._rng = random.Random(self._seed)
        self._questioner = QuestionGenerator(starter_grammar(), self._rng)
        while True:
            yield self._make_batch()

    def _make_batch(self) -> TrainingBatch:
        rng = self._rng
        aspect = math.exp(rng.uniform(0, math.log(4.0))) if rng.random() < 0.75 else rng.uniform(1.0, 1.3)
        is_tall = rng.random() < 0.5
        grid = None
        rows: list[_TrainingRow] = []
        while len(rows) < self._batch_size:
            picture_aspect = aspect * rng.uniform(0.9, 1.1)
            size = _native_size(rng, min(4.0, max(1.0, picture_aspect)), is_tall)
            height, width = smart_size(size[1], size[0], self._max_pixels)
            grid = grid or (height // TOKEN_SIDE_PX, width // TOKEN_SIDE_PX)
            if (height // TOKEN_SIDE_PX, width // TOKEN_SIDE_PX) != grid:
                continue
            rows.append(self._make_row(size, grid, has_questions=len(rows) < self._asked_count))
        assert grid
        return _collate_rows(rows, grid)

    def _make_row(self, size: tuple[int, int], grid: tuple[int, int], has_questions: bool) -> _TrainingRow:
        rng = self._rng
        if rng.random() < 0.15:
            scene, picture = None, other_picture(rng, size)
        else:
            scene = random_scene(rng, size, rng.choice((1, 1, 1, 2, 2, 3, 3, 4, 5)))
            picture = draw_scene(scene, rng)
        chat = self._make_chat(scene, grid) if has_questions else None
        return _TrainingRow(extract_patches(picture, grid), chat, _probe_targets(scene, grid))

    def _make_chat(self, scene: Scene | None, grid: tuple[int, int]) -> _ChatTokens:
        rng, encode = self._rng, self._tokenizer.encode
        chat = _ChatTokens()
        system = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n" if rng.random() < 0.1 else ""
        prefix_ids = encode(f"{system}<|im_start|>user\n<|vision_start|>")
        token_count, picture_start = grid[0] * grid[1], len(prefix_ids)
        rows, columns = np.divmod(np.arange(token_count), grid[1])
        text_start = picture_start + max(grid)
        chat.add_tokens(prefix_ids, 0, _line_positions(0, picture_start))
        chat.add_tokens(
            encode("<|image_pad|>") * token_count,
            0,
            np.stack((np.full(token_count, picture_start), picture_start + rows, picture_start + columns)),
        )
        chat.add_tokens(encode("<|vision_end|>"), 0, _line_positions(text_start, 1))
        for number in range(1, QUESTIONS_PER_PICTURE + 1):
            generated = self._questioner.ask_about(scene or random_scene(rng, (300, 300), rng.randint(1, 3)))
            question, answer = generated.question, generated.answer if scene else CANNOT_TELL_ANSWER
            if rng.random() < 0.2:
                question = loosen_wording(question, rng)
            if rng.random() < 0.08:  # the question addresses someone: "Anna, where is the star?"
                question = rng.choice((f"{any_word(rng)} {question}", f"{any_word(rng)}, {question}"))
            if rng.random() < 0.15:
                question, answer = as_written(other_question(rng), rng), CANNOT_TELL_ANSWER
            question_ids = encode(f"{question}<|im_end|>\n<|im_start|>assistant\n")
            answer_ids = encode(f"{answer}<|im_end|>")
            chat.add_tokens(question_ids, number, _line_positions(text_start + 1, len(question_ids)))
            # So that long answers do not dominate, an answer's weight is the square root of its length.
            chat.add_tokens(
                answer_ids,
                number,
                _line_positions(text_start + 1 + len(question_ids), len(answer_ids)),
                len(answer_ids) ** -0.5,
            )
        return chat


@dataclass
class _ChatTokens:
    """The tokens of one picture and its questions."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)  # above zero for tokens to learn
    segments: list[int] = field(default_factory=list)  # as in `TrainingBatch`
    places: list[np.ndarray] = field(default_factory=list)  # positions, (3, tokens) each

    def add_tokens(self, ids: list[int], segment: int, places: np.ndarray, weight: float = 0.0) -> None:
        self.ids += ids
        self.weights += [weight] * len(ids)
        self.segments += [segment] * len(ids)
        self.places.append(places)


@dataclass(frozen=True)
class _TrainingRow:
    patches: np.ndarray
    chat: _ChatTokens | None
    targets: tuple[np.ndarray, np.ndarray, np.ndarray]


def _line_positions(start: int, count: int) -> np.ndarray:
    """Positions (3, count) of text: the same number for time, row and column."""
    return np.tile(np.arange(start, start + count), (3, 1))


def smart_size(
    height: int, width: int, max_pixels: int, min_pixels: int = 16 * TOKEN_SIDE_PX * TOKEN_SIDE_PX
) -> tuple[int, int]:
    """The height and width that Qwen2-VL scales a picture to: multiples of 28 within the limits, by qwen-vl-utils."""
    from qwen_vl_utils.vision_process import smart_resize

    return smart_resize(height, width, TOKEN_SIDE_PX, min_pixels, max_pixels)


def extract_patches(picture: Image.Image, grid: tuple[int, int]) -> np.ndarray:
    """The picture as patches (N, 1176) in Qwen2-VL's order: the four patches of a token together, two equal frames."""
    rows, columns = grid
    pixels = (
        np.asarray(
            picture.resize((columns * TOKEN_SIDE_PX, rows * TOKEN_SIDE_PX), Image.Resampling.BICUBIC), np.float32
        )
        / 255
    )
    cells = ((pixels - IMAGE_MEAN) / IMAGE_STD).reshape(rows, 2, 14, columns, 2, 14, 3).transpose(0, 3, 1, 4, 6, 2, 5)
    flat = cells.reshape(rows * columns * 4, 3, 1, 196)
    return np.repeat(flat, 2, axis=2).reshape(rows * columns * 4, 1176)


def _native_size(rng: random.Random, aspect: float, is_tall: bool) -> tuple[int, int]:
    short_side = 160 * math.exp(rng.triangular(0, math.log(1000 / aspect / 160), 0.05)) if aspect < 6 else 160
    size = (min(1000, round(short_side * aspect)), round(short_side))
    return (size[1], size[0]) if is_tall else size


def _probe_targets(scene: Scene | None, grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, columns = grid
    kinds, hues = np.zeros(grid, np.int64), np.zeros(grid, np.int64)
    if scene:
        down, across = np.mgrid[0 : rows + 0.0, 0 : columns + 0.0] + 0.5
        for shape in scene.shapes:
            x, y = across / columns * scene.width - shape.x, down / rows * scene.height - shape.y
            # The token that holds the shape's centre, and all whose centres lie well inside the shape.
            is_covered = (np.hypot(x, y) < 0.42 * shape.size) | (np.hypot(x, y) == np.hypot(x, y).min())
            kinds[is_covered], hues[is_covered] = 1 + KINDS.index(shape.kind), 1 + list(COLOURS).index(shape.colour)
    thirds = lambda count: np.minimum(2, (np.arange(count) + 0.5) * 3 // count).astype(np.int64)  # noqa: E731
    places = thirds(rows)[:, None] * 3 + thirds(columns)[None, :]
    return kinds.ravel(), hues.ravel(), places.ravel()


def _collate_rows(rows: list[_TrainingRow], grid: tuple[int, int]) -> TrainingBatch:
    chats = [row.chat for row in rows if row.chat]
    longest = max(len(chat.ids) for chat in chats)

    def pad_rows(values: list[list[Any]], fill: float) -> torch.Tensor:
        return torch.tensor([list(row) + [fill] * (longest - len(row)) for row in values])

    ids = pad_rows([chat.ids for chat in chats], 0)
    weights = pad_rows([chat.weights for chat in chats], 0.0)
    segments = pad_rows([chat.segments for chat in chats], -1)
    positions = np.stack([np.pad(np.concatenate(c.places, 1), ((0, 0), (0, longest - len(c.ids)))) for c in chats], 1)
    kinds, hues, places = (torch.from_numpy(np.stack([row.targets[k] for row in rows])) for k in range(3))
    patches = torch.from_numpy(np.concatenate([row.patches for row in rows]))
    labels = torch.where(weights > 0, ids, IGNORED_LABEL)
    return TrainingBatch(
        patches, grid, ids, labels, weights, torch.from_numpy(positions), segments, kinds, hues, places
    )
