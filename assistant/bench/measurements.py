"""The measurements in the table of docs/performance.md, on random weights of the published sizes.

"Stock" is transformers' own implementation with the same weights in the same process."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from assistant.backends.qwen2_vl import cpu_linear, vision_tower
from assistant.bench import random_weights
from assistant.bench.comparison import Measurement, compare_pairs, measure_seconds, probe_machine, run_to_end
from assistant.messages import Message
from assistant.pictures import Picture

LARGE_SIDE_PX, SMALL_SIDE_PX = 896, 448  # pictures of 1,024 and 256 tokens
_DECODED_TOKENS = 8  # in one timed run
_LONG_CHAT_TOKENS, _SHORT_CHAT_TOKENS = 4096, 128
_QUESTION = "how many of the things in picture {} are large ?"


class BenchRun:
    """The models that are compared: the stock one, and Hark's responder around the same weights.

    size: "2b" or "7b".
    pairs: how many pairs of runs each comparison needs."""

    def __init__(self, size: str, pairs: int) -> None:
        self.pairs, self._numbers = pairs, itertools.count()
        self.stock_model, self.packed_model = random_weights.make_model(size), random_weights.make_model(size)
        if cpu_linear.can_pack(self.packed_model):
            cpu_linear.pack_model(self.packed_model, four_bits=True)
        self.responder = random_weights.make_responder(
            self.packed_model, LARGE_SIDE_PX * LARGE_SIDE_PX, _DECODED_TOKENS
        )
        self.responder.inspect().generator.guessed_tokens = 0  # with random weights guesses are never right

    def make_picture(self, side: int) -> Picture:
        """A square picture of noise, a new one each time, so that none is cached. `side` is in pixels."""
        rng = np.random.default_rng(next(self._numbers))
        return Picture(side, side, rng.integers(0, 256, side * side * 3, np.uint8).tobytes(), "noise")

    def make_question(self) -> str:
        """A new question each time, always of the same length."""
        return _QUESTION.format(1000 + next(self._numbers))

    def make_chat(self, tokens: int) -> list[Message]:
        """A question and an answer of about so many tokens together."""
        short_chat = [Message("user", "where ? " * 8), Message("assistant", "here")]
        short_tokens = len(self.responder.inspect().prompt_builder.build_prompt(short_chat))
        long_chat = [Message("user", "where ? " * 16), short_chat[1]]
        tokens_per_word = (len(self.responder.inspect().prompt_builder.build_prompt(long_chat)) - short_tokens) / 8
        return [Message("user", "where ? " * (8 + round((tokens - short_tokens) / tokens_per_word))), short_chat[1]]

    def prepare_past(self, past: list[Message], *pictures: Picture) -> float:
        """Prepares a question with these pictures after a past conversation; returns the seconds that it took."""
        return measure_seconds(lambda: list(self.responder.prepare([*past, Message("user", "", pictures)])))

    def first_token(self, past: list[Message], *pictures: Picture) -> float:
        """Seconds from a question with these pictures to the first token of its answer."""
        words = self.responder.generate_words([*past, Message("user", self.make_question(), pictures)])
        with contextlib.closing(words):
            return measure_seconds(lambda: next(words))

    def set_int4_rows(self, rows: int) -> None:
        """Has at most so many rows multiplied with four-bit weights; 0 for none."""
        for layer in self.packed_model.modules():
            if isinstance(layer, cpu_linear.Int4Linear):
                layer.max_int4_rows = rows


def measure_vision(bench: BenchRun) -> Measurement:
    """G2: the vision tower at 1,024 tokens, against the stock tower."""
    grid = (1, LARGE_SIDE_PX // 14, LARGE_SIDE_PX // 14)
    patches = torch.randn(grid[1] * grid[2], 1176, generator=torch.Generator().manual_seed(0))
    row = Measurement("vision tower, 1,024 tokens: stock / ours", "x", 1.8)
    stock_tower, packed_tower = bench.stock_model.model.visual, bench.packed_model.model.visual
    run_stock = lambda: measure_seconds(lambda: vision_tower.encode_at_once(stock_tower, patches, grid))  # noqa: E731
    return compare_pairs(
        row,
        run_stock,
        lambda: measure_seconds(lambda: run_to_end(vision_tower.encode_stepwise(packed_tower, patches, grid))),
        bench.pairs,
    )


def measure_prepared_picture(bench: BenchRun) -> Measurement:
    """G2: a picture that was prepared costs no time when the question comes."""
    picture = bench.make_picture(LARGE_SIDE_PX)
    bench.prepare_past([], picture)
    bench.prepare_past([])
    row = Measurement("first token with a prepared 1,024-token picture / with none", "x", 1.15, is_upper_limit=True)
    return compare_pairs(row, lambda: bench.first_token([], picture), lambda: bench.first_token([]), bench.pairs)


def measure_cold_start(bench: BenchRun) -> Measurement:
    """G2: how much time preparing a picture saves when the question comes."""
    pictures: list[Picture] = []

    def first_token_cold() -> float:
        pictures[:] = [bench.make_picture(LARGE_SIDE_PX)]
        return bench.first_token([], pictures[0])

    row = Measurement("first token, 1,024-token picture: cold / prepared", "x", 40)
    return compare_pairs(row, first_token_cold, lambda: bench.first_token([], pictures[0]), bench.pairs)


def measure_cached_history(bench: BenchRun) -> Measurement:
    """G3: the first token after a long cached conversation, against a short one."""
    long_chat, short_chat = bench.make_chat(_LONG_CHAT_TOKENS), bench.make_chat(_SHORT_CHAT_TOKENS)
    bench.prepare_past(long_chat)
    bench.prepare_past(short_chat)
    row = Measurement("first token with 4,096 tokens cached / with 128", "x", 1.5, is_upper_limit=True)
    return compare_pairs(row, lambda: bench.first_token(long_chat), lambda: bench.first_token(short_chat), bench.pairs)


def measure_prefill(bench: BenchRun) -> Measurement:
    """G3: how much time the cache saves in a long conversation."""
    long_chat = bench.make_chat(_LONG_CHAT_TOKENS)

    def first_token_unfed() -> float:
        bench.responder.release_buffers()
        return bench.first_token(long_chat)

    row = Measurement("first token, 4,096 tokens: from nothing / cached", "x", 30)
    return compare_pairs(row, first_token_unfed, lambda: bench.first_token(long_chat), bench.pairs)


def measure_later_picture(bench: BenchRun) -> Measurement:
    """G4: preparing a picture in a later turn, where its slices attend to 512 tokens of conversation too."""
    past = [message for _ in range(8) for message in bench.make_chat(64)]

    def prepare_after(before: list[Message]) -> float:
        bench.prepare_past(before)
        return bench.prepare_past(before, bench.make_picture(SMALL_SIDE_PX))

    row = Measurement("a 256-token picture in turn 9 / in turn 1", "x", 1.1, is_upper_limit=True)
    return compare_pairs(row, lambda: prepare_after(past), lambda: prepare_after([]), bench.pairs)


def measure_roofline(bench: BenchRun) -> Measurement:
    """G8: decoding a token in bfloat16, against the time to read all weights once from memory."""
    language_model = bench.stock_model.model.language_model
    read_count = (
        sum(parameter.numel() for parameter in language_model.layers.parameters())
        + bench.stock_model.lm_head.weight.numel()
    )
    row = Measurement("decoding in bfloat16: floor / ours", "x", 0.85)
    bench.set_int4_rows(0)
    step = _make_stepper(bench)
    compare_pairs(row, lambda: _DECODED_TOKENS * 2 * read_count / probe_machine().read / 1e9, step, bench.pairs)
    bench.set_int4_rows(cpu_linear.Int4Linear.max_int4_rows)
    return _to_per_token(row)


def measure_four_bits(bench: BenchRun) -> Measurement:
    """G8: decoding a token with four-bit weights, against stock `generate`."""
    row = Measurement("decoding: stock generate in bfloat16 / ours in int4", "x", 2.3)
    if not any(isinstance(layer, cpu_linear.Int4Linear) for layer in bench.packed_model.modules()):
        row.note = "not measured: this processor multiplies no bfloat16"
        return row
    return _to_per_token(compare_pairs(row, _make_generator(bench), _make_stepper(bench), bench.pairs))


def measure_bfloat16(bench: BenchRun) -> Measurement:
    """Decoding a token with bfloat16 weights, against stock `generate`."""
    row = Measurement("decoding in bfloat16: stock generate / ours", "x", 1.0)
    bench.set_int4_rows(0)
    compare_pairs(row, _make_generator(bench), _make_stepper(bench), bench.pairs)
    bench.set_int4_rows(cpu_linear.Int4Linear.max_int4_rows)
    return _to_per_token(row)


def measure_memory(bench: BenchRun) -> Measurement:
    """G9: how much a prompt raises the process's peak memory, for each 1,000 tokens."""
    row = Measurement("memory of prefill, for each 1,000 tokens", "MB", 75, is_upper_limit=True)
    peak_reset, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    if sys.platform != "linux" or not peak_reset.exists():
        row.note = "only Linux reports the peak"
        return row
    bench.responder.release_buffers()
    bench.prepare_past(bench.make_chat(_SHORT_CHAT_TOKENS))
    bench.responder.release_buffers()
    ctypes.CDLL(None).malloc_trim(0)  # memory freed before would be reused, and not be counted
    peak_reset.write_text("5")
    kilobytes_before = _status_kilobytes(status, "VmRSS")
    bench.prepare_past(bench.make_chat(2000))
    row.judge((_status_kilobytes(status, "VmHWM") - kilobytes_before) / 1000 / 2.0)
    return row


def measure_cancel(bench: BenchRun) -> Measurement:
    """G15: a step of the vision tower must not take longer than a slice of 64 tokens of the prompt."""
    row = Measurement("longest step of the tower at 1,024 tokens / a 64-token slice", "x", 1.0, is_upper_limit=True)
    longest_steps, slice_times = [], []
    for _ in range(3):
        bench.responder.release_buffers()
        steps = bench.responder.prepare([Message("user", "", (bench.make_picture(LARGE_SIDE_PX),))])
        moments = [time.perf_counter(), *(time.perf_counter() for _ in steps)]
        durations = np.diff(moments).tolist()
        longest_steps.append(max(durations[:-17]))
        slice_times += durations[-17:-1]
    row.details = {"longest step, s": min(longest_steps), "slice, s": float(np.median(slice_times))}
    row.judge(min(longest_steps) / float(np.median(slice_times)))
    return row


MEASUREMENTS: dict[str, Callable[[BenchRun], Measurement]] = {
    measure.__name__: measure
    for measure in (
        measure_vision,
        measure_prepared_picture,
        measure_cold_start,
        measure_cached_history,
        measure_prefill,
        measure_later_picture,
        measure_roofline,
        measure_bfloat16,
        measure_four_bits,
        measure_memory,
        measure_cancel,
    )
}


def _make_stepper(bench: BenchRun) -> Callable[[], float]:
    """A run that decodes `_DECODED_TOKENS` after 128 others with Hark's responder; returns the seconds."""
    past = bench.make_chat(_SHORT_CHAT_TOKENS)

    def time_steps() -> float:
        words = bench.responder.generate_words([*past, Message("user", bench.make_question())])
        with contextlib.closing(words):
            next(words)  # the first token comes with the prompt
            return (
                measure_seconds(lambda: [next(words) for _ in range(_DECODED_TOKENS - 1)])
                * _DECODED_TOKENS
                / (_DECODED_TOKENS - 1)
            )

    return time_steps


class _TokenTimes:
    """A streamer for transformers' `generate` that records when each token came."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def put(self, tokens: torch.Tensor) -> None:
        self.moments.append(time.perf_counter())

    def end(self) -> None:
        pass


def _make_generator(bench: BenchRun) -> Callable[[], float]:
    """A run that does the same with stock `generate`."""
    ids = torch.tensor([bench.responder.inspect().prompt_builder.build_prompt(bench.make_chat(_SHORT_CHAT_TOKENS)).ids])
    bench.stock_model.generation_config.eos_token_id = None

    def time_generate() -> float:
        times = _TokenTimes()
        with torch.inference_mode():
            bench.stock_model.generate(
                input_ids=ids, max_new_tokens=_DECODED_TOKENS + 1, do_sample=False, streamer=times
            )
        _, first, *_, last = times.moments  # the prompt comes too
        return last - first

    return time_generate


def _to_per_token(row: Measurement) -> Measurement:
    for run_name, token_name in (("first, s", "first, ms a token"), ("second, s", "second, ms a token")):
        if run_name in row.details:
            row.details = {token_name: row.details.pop(run_name) / _DECODED_TOKENS * 1e3, **row.details}
    return row


def _status_kilobytes(status: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name))
