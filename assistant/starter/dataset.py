"""Turns drawn pictures and their questions into training batches. Knows nothing of the model's weights.

All pictures of a batch share one grid, so that the vision tower sees one dense block; each picture is asked several
questions that cannot see each other (a block mask), so that it is encoded once for all of them."""

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
from assistant.starter.questions import CANNOT, QuestionGenerator, as_written, loosen_wording
from assistant.starter.scene import COLOURS, KINDS, Scene, draw_scene, random_scene

MEAN = np.array((0.48145466, 0.4578275, 0.40821073), np.float32)
STD = np.array((0.26862954, 0.26130258, 0.27577711), np.float32)
CELL = 28  # pixels to a side of one merged token
QUESTIONS = 4
IGNORE = -100


@dataclass(frozen=True)
class TrainingBatch:
    """One batch. Shapes: B pictures of which the first A are asked about, N patches, T = N/4 merged tokens, S text
    positions. Looking is cheaper than answering and learned later, so that more pictures are seen than asked about.

    `patches` (B*N, 1176); `grid` (height, width) in merged tokens; `ids`, `labels`, `weights` (A, S); `positions`
    (3, A, S); `segments` (A, S): 0 the shared prefix, 1.. the questions, -1 padding; `kinds`, `hues`, `places` (B, T).
    """

    patches: torch.Tensor
    grid: tuple[int, int]
    ids: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor
    positions: torch.Tensor
    segments: torch.Tensor
    kinds: torch.Tensor
    hues: torch.Tensor
    places: torch.Tensor


class TrainingDataset(IterableDataset[TrainingBatch]):
    """An endless stream of batches."""

    def __init__(self, tokenizer: Any, batch: int, max_pixels: int, seed: int) -> None:
        self._tokenizer, self._batch, self._max_pixels = tokenizer, batch, max_pixels
        self._seed, self._asked = seed, batch * 5 // 9

    def __iter__(self) -> Iterator[TrainingBatch]:
        torch.set_num_threads(1)
        self._rng = random.Random(self._seed)
        self._questioner = QuestionGenerator(starter_grammar(), self._rng)
        while True:
            yield self._make_batch()

    def _make_batch(self) -> TrainingBatch:
        rng = self._rng
        aspect = math.exp(rng.uniform(0, math.log(4.0))) if rng.random() < 0.75 else rng.uniform(1.0, 1.3)
        tall = rng.random() < 0.5
        grid = None
        rows: list[_TrainingRow] = []
        while len(rows) < self._batch:
            near = aspect * rng.uniform(0.9, 1.1)
            size = _native_size(rng, min(4.0, max(1.0, near)), tall)
            height, width = smart_size(size[1], size[0], self._max_pixels)
            grid = grid or (height // CELL, width // CELL)
            if (height // CELL, width // CELL) != grid:
                continue
            rows.append(self._make_row(size, grid, asked=len(rows) < self._asked))
        assert grid
        return _collate_rows(rows, grid)

    def _make_row(self, size: tuple[int, int], grid: tuple[int, int], asked: bool) -> _TrainingRow:
        rng = self._rng
        if rng.random() < 0.15:
            scene, picture = None, other_picture(rng, size)
        else:
            scene = random_scene(rng, size, rng.choice((1, 1, 1, 2, 2, 3, 3, 4, 5)))
            picture = draw_scene(scene, rng)
        chat = self._make_chat(scene, grid) if asked else None
        return _TrainingRow(extract_patches(picture, grid), chat, _probe_targets(scene, grid))

    def _make_chat(self, scene: Scene | None, grid: tuple[int, int]) -> _ChatTokens:
        rng, encode = self._rng, self._tokenizer.encode
        chat = _ChatTokens()
        system = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n" if rng.random() < 0.1 else ""
        lead = encode(f"{system}<|im_start|>user\n<|vision_start|>")
        tokens, at = grid[0] * grid[1], len(lead)
        rows, columns = np.divmod(np.arange(tokens), grid[1])
        after = at + max(grid)
        chat.add_tokens(lead, 0, _line_positions(0, at))
        chat.add_tokens(encode("<|image_pad|>") * tokens, 0, np.stack((np.full(tokens, at), at + rows, at + columns)))
        chat.add_tokens(encode("<|vision_end|>"), 0, _line_positions(after, 1))
        for number in range(1, QUESTIONS + 1):
            asked = self._questioner.ask_about(scene or random_scene(rng, (300, 300), rng.randint(1, 3)))
            question, answer = asked.question, asked.answer if scene else CANNOT
            if rng.random() < 0.2:
                question = loosen_wording(question, rng)
            if rng.random() < 0.08:  # somebody is spoken to: "Anna, where is the star?"
                question = rng.choice((f"{any_word(rng)} {question}", f"{any_word(rng)}, {question}"))
            if rng.random() < 0.15:
                question, answer = as_written(other_question(rng), rng), CANNOT
            ask = encode(f"{question}<|im_end|>\n<|im_start|>assistant\n")
            reply = encode(f"{answer}<|im_end|>")
            chat.add_tokens(ask, number, _line_positions(after + 1, len(ask)))
            # Long answers would outweigh short ones: each counts as the root of its length.
            chat.add_tokens(reply, number, _line_positions(after + 1 + len(ask), len(reply)), len(reply) ** -0.5)
        return chat


@dataclass
class _ChatTokens:
    """One picture's questions, token by token; `weights` above zero mark what is to be learned."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    places: list[np.ndarray] = field(default_factory=list)

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
    """Positions of text: the same number for time, height and width."""
    return np.tile(np.arange(start, start + count), (3, 1))


def smart_size(height: int, width: int, max_pixels: int, min_pixels: int = 16 * CELL * CELL) -> tuple[int, int]:
    """Height and width that Qwen2-VL gives a picture: multiples of 28 within the budget (qwen-vl-utils' rule)."""
    from qwen_vl_utils.vision_process import smart_resize

    return smart_resize(height, width, CELL, min_pixels, max_pixels)


def extract_patches(picture: Image.Image, grid: tuple[int, int]) -> np.ndarray:
    """The picture as (N, 1176) patches in Qwen2-VL's order: merged cells first, two equal frames each."""
    rows, columns = grid
    pixels = np.asarray(picture.resize((columns * CELL, rows * CELL), Image.Resampling.BICUBIC), np.float32) / 255
    cells = ((pixels - MEAN) / STD).reshape(rows, 2, 14, columns, 2, 14, 3).transpose(0, 3, 1, 4, 6, 2, 5)
    flat = cells.reshape(rows * columns * 4, 3, 1, 196)
    return np.repeat(flat, 2, axis=2).reshape(rows * columns * 4, 1176)


def _native_size(rng: random.Random, aspect: float, tall: bool) -> tuple[int, int]:
    short = 160 * math.exp(rng.triangular(0, math.log(1000 / aspect / 160), 0.05)) if aspect < 6 else 160
    size = (min(1000, round(short * aspect)), round(short))
    return (size[1], size[0]) if tall else size


def _probe_targets(scene: Scene | None, grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, columns = grid
    kinds, hues = np.zeros(grid, np.int64), np.zeros(grid, np.int64)
    if scene:
        down, across = np.mgrid[0 : rows + 0.0, 0 : columns + 0.0] + 0.5
        for shape in scene.shapes:
            x, y = across / columns * scene.width - shape.x, down / rows * scene.height - shape.y
            # At least the cell that holds the centre, and all whose middles lie well inside.
            inside = (np.hypot(x, y) < 0.42 * shape.size) | (np.hypot(x, y) == np.hypot(x, y).min())
            kinds[inside], hues[inside] = 1 + KINDS.index(shape.kind), 1 + list(COLOURS).index(shape.colour)
    third = lambda count: np.minimum(2, (np.arange(count) + 0.5) * 3 // count).astype(np.int64)  # noqa: E731
    places = third(rows)[:, None] * 3 + third(columns)[None, :]
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
    labels = torch.where(weights > 0, ids, IGNORE)
    return TrainingBatch(
        patches, grid, ids, labels, weights, torch.from_numpy(positions), segments, kinds, hues, places
    )
