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

from assistant.backends.qwen2_vl import cpu_linear, vision_tower
from assistant.bench import random_weights
from assistant.bench.comparison import Measurement, compare_pairs, measure_seconds, probe_machine, run_to_end
from assistant.messages import Message
from assistant.pictures import Picture

LARGE, SMALL = 896, 448  # pixels of a side: 1,024 and 256 tokens
_TOKENS = 8  # decoded at a time
_LONG, _SHORT = 4096, 128  # tokens of conversation
_QUESTION = "how many of the things in picture {} are large ?"


@dataclass
class BenchRun:
    """The two arms. `pairs` are wanted of each comparison."""

    size: str
    pairs: int
    stock: Any = None
    ours: Any = None
    hark: Any = None
    numbers: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.stock, self.ours = random_weights.make_model(self.size), random_weights.make_model(self.size)
        if cpu_linear.can_pack(self.ours):
            cpu_linear.pack_model(self.ours, four_bits=True)
        self.hark = random_weights.make_responder(self.ours, LARGE * LARGE, _TOKENS)
        self.hark._language.guessed = 0  # how often a guess is right, random weights cannot say

    def make_picture(self, side: int) -> Picture:
        """Another one each time: none is known."""
        chance = np.random.default_rng(next(self.numbers))
        return Picture(side, side, chance.integers(0, 256, side * side * 3, np.uint8).tobytes(), "noise")

    def make_question(self) -> str:
        """Another one each time, of the same length."""
        return _QUESTION.format(1000 + next(self.numbers))

    def make_chat(self, tokens: int) -> list[Message]:
        """A question and an answer, of so many tokens together."""
        one = [Message("user", "where ? " * 8), Message("assistant", "here")]
        short = len(self.hark._prompt_builder.build_prompt(one))
        two = [Message("user", "where ? " * 16), one[1]]
        each = (len(self.hark._prompt_builder.build_prompt(two)) - short) / 8
        return [Message("user", "where ? " * (8 + round((tokens - short) / each))), one[1]]

    def prepare_past(self, past: list[Message], *pictures: Picture) -> float:
        return measure_seconds(lambda: list(self.hark.prepare([*past, Message("user", "", pictures)])))

    def first_token(self, past: list[Message], *pictures: Picture) -> float:
        """From the question to the first token of its answer."""
        words = self.hark.words([*past, Message("user", self.make_question(), pictures)])
        with contextlib.closing(words):
            return measure_seconds(lambda: next(words))

    def few_rows(self, rows: int) -> None:
        """Up to how many rows are multiplied in four bits."""
        for layer in self.ours.modules():
            if isinstance(layer, cpu_linear.Int4Linear):
                layer.max_int4_rows = rows


def measure_vision(bench: BenchRun) -> Measurement:
    """G2: the tower at 1,024 tokens."""
    grid = (1, LARGE // 14, LARGE // 14)
    patches = torch.randn(grid[1] * grid[2], 1176, generator=torch.Generator().manual_seed(0))
    row = Measurement("vision tower, 1,024 tokens: stock / ours", "x", 1.8)
    theirs, ours = bench.stock.model.visual, bench.ours.model.visual
    once = lambda: measure_seconds(lambda: vision_tower.encode_at_once(theirs, patches, grid))  # noqa: E731
    return compare_pairs(
        row,
        once,
        lambda: measure_seconds(lambda: run_to_end(vision_tower.encode_stepwise(ours, patches, grid))),
        bench.pairs,
    )


def measure_prepared_picture(bench: BenchRun) -> Measurement:
    """G2: a picture that was prepared costs its question nothing."""
    shown = bench.make_picture(LARGE)
    bench.prepare_past([], shown)
    bench.prepare_past([])
    row = Measurement("first token with a prepared 1,024-token picture / with none", "x", 1.15, most=True)
    return compare_pairs(row, lambda: bench.first_token([], shown), lambda: bench.first_token([]), bench.pairs)


def measure_cold_start(bench: BenchRun) -> Measurement:
    """G2: what preparing saves."""
    kept: list[Picture] = []

    def first_token_cold() -> float:
        kept[:] = [bench.make_picture(LARGE)]
        return bench.first_token([], kept[0])

    row = Measurement("first token, 1,024-token picture: cold / prepared", "x", 40)
    return compare_pairs(row, first_token_cold, lambda: bench.first_token([], kept[0]), bench.pairs)


def measure_cached_history(bench: BenchRun) -> Measurement:
    """G3: a long conversation."""
    long, short = bench.make_chat(_LONG), bench.make_chat(_SHORT)
    bench.prepare_past(long)
    bench.prepare_past(short)
    row = Measurement("first token with 4,096 tokens cached / with 128", "x", 1.5, most=True)
    return compare_pairs(row, lambda: bench.first_token(long), lambda: bench.first_token(short), bench.pairs)


def measure_prefill(bench: BenchRun) -> Measurement:
    """G3: what the cache saves."""
    long = bench.make_chat(_LONG)

    def first_token_unfed() -> float:
        bench.hark.release()
        return bench.first_token(long)

    row = Measurement("first token, 4,096 tokens: from nothing / cached", "x", 30)
    return compare_pairs(row, first_token_unfed, lambda: bench.first_token(long), bench.pairs)


def measure_later_picture(bench: BenchRun) -> Measurement:
    """G4: a picture in a later turn. Its slices look back on the conversation: 512 tokens of it."""
    past = [message for _ in range(8) for message in bench.make_chat(64)]

    def prepare_after(before: list[Message]) -> float:
        bench.prepare_past(before)
        return bench.prepare_past(before, bench.make_picture(SMALL))

    row = Measurement("a 256-token picture in turn 9 / in turn 1", "x", 1.1, most=True)
    return compare_pairs(row, lambda: prepare_after(past), lambda: prepare_after([]), bench.pairs)


def measure_roofline(bench: BenchRun) -> Measurement:
    """G8: a token in bfloat16 against reading its weights once."""
    text = bench.stock.model.language_model
    read = sum(one.numel() for one in text.layers.parameters()) + bench.stock.lm_head.weight.numel()
    row = Measurement("decoding in bfloat16: floor / ours", "x", 0.85)
    bench.few_rows(0)
    step = _make_stepper(bench)
    compare_pairs(row, lambda: _TOKENS * 2 * read / probe_machine().read / 1e9, step, bench.pairs)
    bench.few_rows(cpu_linear.Int4Linear.max_int4_rows)
    return _to_per_token(row)


def measure_four_bits(bench: BenchRun) -> Measurement:
    """G8: a token with four-bit weights against stock `generate`."""
    row = Measurement("decoding: stock generate in bfloat16 / ours in int4", "x", 2.3)
    if not any(isinstance(layer, cpu_linear.Int4Linear) for layer in bench.ours.modules()):
        row.note = "not measured: this processor multiplies no bfloat16"
        return row
    return _to_per_token(compare_pairs(row, _make_generator(bench), _make_stepper(bench), bench.pairs))


def measure_whole_turn(bench: BenchRun) -> Measurement:
    """A token with the weights as they are against stock `generate`."""
    row = Measurement("decoding in bfloat16: stock generate / ours", "x", 1.0)
    bench.few_rows(0)
    compare_pairs(row, _make_generator(bench), _make_stepper(bench), bench.pairs)
    bench.few_rows(cpu_linear.Int4Linear.max_int4_rows)
    return _to_per_token(row)


def measure_memory(bench: BenchRun) -> Measurement:
    """G9: what a prompt adds to the process at its highest, for each 1,000 tokens."""
    row = Measurement("memory of prefill, for each 1,000 tokens", "MB", 75, most=True)
    peak, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    if sys.platform != "linux" or not peak.exists():
        row.note = "only Linux tells the highest use"
        return row
    bench.hark.release()
    bench.prepare_past(bench.make_chat(_SHORT))
    bench.hark.release()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before would be used again, and not be counted
    peak.write_text("5")
    before = _status_kilobytes(status, "VmRSS")
    bench.prepare_past(bench.make_chat(2000))
    row.judge((_status_kilobytes(status, "VmHWM") - before) / 1000 / 2.0)
    return row


def measure_cancel(bench: BenchRun) -> Measurement:
    """G15: a picture is prepared in slices of 64 tokens; a step of the tower must not take longer than one."""
    row = Measurement("longest step of the tower at 1,024 tokens / a 64-token slice", "x", 1.0, most=True)
    longest, slices = [], []
    for _ in range(3):
        bench.hark.release()
        steps = bench.hark.prepare([Message("user", "", (bench.make_picture(LARGE),))])
        moments = [time.perf_counter(), *(time.perf_counter() for _ in steps)]
        taken = np.diff(moments).tolist()
        longest.append(max(taken[:-17]))
        slices += taken[-17:-1]
    row.details = {"longest step, s": min(longest), "slice, s": float(np.median(slices))}
    row.judge(min(longest) / float(np.median(slices)))
    return row


ROWS: dict[str, Callable[[BenchRun], Measurement]] = {
    one.__name__: one
    for one in (
        measure_vision,
        measure_prepared_picture,
        measure_cold_start,
        measure_cached_history,
        measure_prefill,
        measure_later_picture,
        measure_roofline,
        measure_whole_turn,
        measure_four_bits,
        measure_memory,
        measure_cancel,
    )
}


def _make_stepper(bench: BenchRun) -> Callable[[], float]:
    """Decodes a few tokens after 128 others."""
    past = bench.make_chat(_SHORT)

    def time_steps() -> float:
        words = bench.hark.words([*past, Message("user", bench.make_question())])
        with contextlib.closing(words):
            next(words)  # the first token comes with the prompt
            return measure_seconds(lambda: [next(words) for _ in range(_TOKENS - 1)]) * _TOKENS / (_TOKENS - 1)

    return time_steps


class _TokenTimes:
    """A streamer that notes when each token came."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def put(self, tokens: torch.Tensor) -> None:
        self.at.append(time.perf_counter())

    def end(self) -> None:
        pass


def _make_generator(bench: BenchRun) -> Callable[[], float]:
    """The same by `generate`."""
    ids = torch.tensor([bench.hark._prompt_builder.build_prompt(bench.make_chat(_SHORT)).ids])
    bench.stock.generation_config.eos_token_id = None

    def time_generate() -> float:
        times = _TokenTimes()
        with torch.inference_mode():
            bench.stock.generate(input_ids=ids, max_new_tokens=_TOKENS + 1, do_sample=False, streamer=times)
        _, first, *_, last = times.at  # the prompt comes too
        return last - first

    return time_generate


def _to_per_token(row: Measurement) -> Measurement:
    for name, told in (("first, s", "first, ms a token"), ("second, s", "second, ms a token")):
        if name in row.details:
            row.details = {told: row.details.pop(name) / _TOKENS * 1e3, **row.details}
    return row


def _status_kilobytes(status: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name))
