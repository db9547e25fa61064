"""The table of docs/performance.md, row by row, on random weights of true size. Knows no printing.

"Stock" is transformers' own way with the same weights in the same process."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assistant.backends.qwen2_vl import tower, weights
from assistant.bench import truesize
from assistant.bench.protocol import Row, compare, finished, probe, seconds
from assistant.pictures import Picture
from assistant.roles import Message

LARGE, SMALL = 896, 448  # pixels of a side: 1,024 and 256 tokens
_TOKENS = 8  # decoded at a time
_LONG, _SHORT = 4096, 128  # tokens of conversation
_QUESTION = "how many of the things in picture {} are large ?"


@dataclass
class Bench:
    """The two arms. `pairs` are wanted of each comparison."""

    size: str
    pairs: int
    stock: Any = None
    ours: Any = None
    hark: Any = None
    numbers: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.stock, self.ours = truesize.model(self.size), truesize.model(self.size)
        if weights.can_pack(self.ours):
            weights.pack_model(self.ours, four_bits=True)
        self.hark = truesize.responder(self.ours, LARGE * LARGE, _TOKENS)
        self.hark._language.guessed = 0  # how often a guess is right, random weights cannot say

    def picture(self, side: int) -> Picture:
        """Another one each time: none is known."""
        chance = np.random.default_rng(next(self.numbers))
        return Picture(side, side, chance.integers(0, 256, side * side * 3, np.uint8).tobytes(), "noise")

    def question(self) -> str:
        """Another one each time, of the same length."""
        return _QUESTION.format(1000 + next(self.numbers))

    def chat(self, tokens: int) -> list[Message]:
        """A question and an answer, of so many tokens together."""
        one = [Message("user", "where ? " * 8), Message("assistant", "here")]
        short = len(self.hark._chat.prompt(one))
        two = [Message("user", "where ? " * 16), one[1]]
        each = (len(self.hark._chat.prompt(two)) - short) / 8
        return [Message("user", "where ? " * (8 + round((tokens - short) / each))), one[1]]

    def prepare(self, past: list[Message], *pictures: Picture) -> float:
        return seconds(lambda: list(self.hark.prepare([*past, Message("user", "", pictures)])))

    def first_token(self, past: list[Message], *pictures: Picture) -> float:
        """From the question to the first token of its answer."""
        words = self.hark.words([*past, Message("user", self.question(), pictures)])
        with contextlib.closing(words):
            return seconds(lambda: next(words))

    def few(self, rows: int) -> None:
        """Up to how many rows are multiplied in four bits."""
        for layer in self.ours.modules():
            if isinstance(layer, weights.Int4Linear):
                layer.few = rows


def vision(bench: Bench) -> Row:
    """G2: the tower at 1,024 tokens."""
    grid = (1, LARGE // 14, LARGE // 14)
    patches = torch.randn(grid[1] * grid[2], 1176, generator=torch.Generator().manual_seed(0))
    row = Row("vision tower, 1,024 tokens: stock / ours", "x", 1.8)
    theirs, ours = bench.stock.model.visual, bench.ours.model.visual
    once = lambda: seconds(lambda: tower.encode_at_once(theirs, patches, grid))  # noqa: E731
    return compare(
        row, once, lambda: seconds(lambda: finished(tower.encode_stepwise(ours, patches, grid))), bench.pairs
    )


def ready(bench: Bench) -> Row:
    """G2: a picture that was prepared costs its question nothing."""
    shown = bench.picture(LARGE)
    bench.prepare([], shown)
    bench.prepare([])
    row = Row("first token with a prepared 1,024-token picture / with none", "x", 1.15, most=True)
    return compare(row, lambda: bench.first_token([], shown), lambda: bench.first_token([]), bench.pairs)


def cold(bench: Bench) -> Row:
    """G2: what preparing saves."""
    kept: list[Picture] = []

    def first() -> float:
        kept[:] = [bench.picture(LARGE)]
        return bench.first_token([], kept[0])

    row = Row("first token, 1,024-token picture: cold / prepared", "x", 40)
    return compare(row, first, lambda: bench.first_token([], kept[0]), bench.pairs)


def cached(bench: Bench) -> Row:
    """G3: a long conversation."""
    long, short = bench.chat(_LONG), bench.chat(_SHORT)
    bench.prepare(long)
    bench.prepare(short)
    row = Row("first token with 4,096 tokens cached / with 128", "x", 1.5, most=True)
    return compare(row, lambda: bench.first_token(long), lambda: bench.first_token(short), bench.pairs)


def fed(bench: Bench) -> Row:
    """G3: what the cache saves."""
    long = bench.chat(_LONG)

    def first() -> float:
        bench.hark.release()
        return bench.first_token(long)

    row = Row("first token, 4,096 tokens: from nothing / cached", "x", 30)
    return compare(row, first, lambda: bench.first_token(long), bench.pairs)


def later(bench: Bench) -> Row:
    """G4: a picture in a later turn. Its slices look back on the conversation: 512 tokens of it."""
    past = [message for _ in range(8) for message in bench.chat(64)]

    def shown(before: list[Message]) -> float:
        bench.prepare(before)
        return bench.prepare(before, bench.picture(SMALL))

    row = Row("a 256-token picture in turn 9 / in turn 1", "x", 1.1, most=True)
    return compare(row, lambda: shown(past), lambda: shown([]), bench.pairs)


def roofline(bench: Bench) -> Row:
    """G8: a token in bfloat16 against reading its weights once."""
    text = bench.stock.model.language_model
    read = sum(one.numel() for one in text.layers.parameters()) + bench.stock.lm_head.weight.numel()
    row = Row("decoding in bfloat16: floor / ours", "x", 0.85)
    bench.few(0)
    step = _stepper(bench)
    compare(row, lambda: _TOKENS * 2 * read / probe().read / 1e9, step, bench.pairs)
    bench.few(weights.Int4Linear.few)
    return _per_token(row)


def four_bits(bench: Bench) -> Row:
    """G8: a token with four-bit weights against stock `generate`."""
    row = Row("decoding: stock generate in bfloat16 / ours in int4", "x", 2.3)
    if not any(isinstance(layer, weights.Int4Linear) for layer in bench.ours.modules()):
        row.note = "not measured: this processor multiplies no bfloat16"
        return row
    return _per_token(compare(row, _generator(bench), _stepper(bench), bench.pairs))


def whole(bench: Bench) -> Row:
    """A token with the weights as they are against stock `generate`."""
    row = Row("decoding in bfloat16: stock generate / ours", "x", 1.0)
    bench.few(0)
    compare(row, _generator(bench), _stepper(bench), bench.pairs)
    bench.few(weights.Int4Linear.few)
    return _per_token(row)


def memory(bench: Bench) -> Row:
    """G9: what a prompt adds to the process at its highest, for each 1,000 tokens."""
    row = Row("memory of prefill, for each 1,000 tokens", "MB", 75, most=True)
    peak, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    if sys.platform != "linux" or not peak.exists():
        row.note = "only Linux tells the highest use"
        return row
    bench.hark.release()
    bench.prepare(bench.chat(_SHORT))
    bench.hark.release()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before would be used again, and not be counted
    peak.write_text("5")
    before = _kilobytes(status, "VmRSS")
    bench.prepare(bench.chat(2000))
    row.judge((_kilobytes(status, "VmHWM") - before) / 1000 / 2.0)
    return row


def cancel(bench: Bench) -> Row:
    """G15: a picture is prepared in slices of 64 tokens; a step of the tower must not take longer than one."""
    row = Row("longest step of the tower at 1,024 tokens / a 64-token slice", "x", 1.0, most=True)
    longest, slices = [], []
    for _ in range(3):
        bench.hark.release()
        steps = bench.hark.prepare([Message("user", "", (bench.picture(LARGE),))])
        moments = [time.perf_counter(), *(time.perf_counter() for _ in steps)]
        taken = np.diff(moments).tolist()
        longest.append(max(taken[:-17]))
        slices += taken[-17:-1]
    row.details = {"longest step, s": min(longest), "slice, s": float(np.median(slices))}
    row.judge(min(longest) / float(np.median(slices)))
    return row


ROWS: dict[str, Callable[[Bench], Row]] = {
    one.__name__: one for one in (vision, ready, cold, cached, fed, later, roofline, whole, four_bits, memory, cancel)
}


def _stepper(bench: Bench) -> Callable[[], float]:
    """Decodes a few tokens after 128 others."""
    past = bench.chat(_SHORT)

    def step() -> float:
        words = bench.hark.words([*past, Message("user", bench.question())])
        with contextlib.closing(words):
            next(words)  # the first token comes with the prompt
            return seconds(lambda: [next(words) for _ in range(_TOKENS - 1)]) * _TOKENS / (_TOKENS - 1)

    return step


class _Times:
    """A streamer that notes when each token came."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def put(self, tokens: torch.Tensor) -> None:
        self.at.append(time.perf_counter())

    def end(self) -> None:
        pass


def _generator(bench: Bench) -> Callable[[], float]:
    """The same by `generate`."""
    ids = torch.tensor([bench.hark._chat.prompt(bench.chat(_SHORT)).ids])
    bench.stock.generation_config.eos_token_id = None

    def run() -> float:
        times = _Times()
        with torch.inference_mode():
            bench.stock.generate(input_ids=ids, max_new_tokens=_TOKENS + 1, do_sample=False, streamer=times)
        _, first, *_, last = times.at  # the prompt comes too
        return last - first

    return run


def _per_token(row: Row) -> Row:
    for name, told in (("first, s", "first, ms a token"), ("second, s", "second, ms a token")):
        if name in row.details:
            row.details = {told: row.details.pop(name) / _TOKENS * 1e3, **row.details}
    return row


def _kilobytes(status: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name))
