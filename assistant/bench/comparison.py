"""How two ways are compared on a noisy machine: in turn, between probes. Knows nothing of what is measured.

A pair counts when the machine was the same before and after it. Both the median of the pairs' ratios and the ratio of
the best runs must pass; too few steady pairs are "inconclusive", which is not "met"."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import torch

_MAX_PROBE_CHANGE = 0.15  # a probe may move by so much between the beginning and the end of a pair
_MAX_TRIES_PER_PAIR = 3  # as many pairs as were wanted, this often
_READ_BYTES = torch.ones(2**26)  # 256 MB
_MATRIX_SIDE = torch.ones(1024, 1024, dtype=torch.bfloat16)

Timed = Callable[[], float]  # runs once, returns seconds


@dataclass(frozen=True)
class MachineProbe:
    """What the machine can do now: reading memory, in GB/s, and bfloat16 products, in TFLOP/s."""

    read: float
    multiply: float

    def is_steady(self, later: MachineProbe) -> bool:
        """Whether the machine is still the same."""
        pairs = ((self.read, later.read), (self.multiply, later.multiply))
        return all(abs(one - other) <= _MAX_PROBE_CHANGE * max(one, other) for one, other in pairs)


@dataclass
class Measurement:
    """One line of the table. `goal` is a limit on `figure`: at least, or with `most` at most."""

    name: str
    unit: str
    goal: float
    most: bool = False
    figure: float | None = None
    pairs: int = 0
    details: dict[str, float] = field(default_factory=dict)
    verdict: str = "inconclusive"
    note: str = ""

    def judge(self, *figures: float) -> None:
        """The worse of the figures is the row's; it meets the goal or falls short of it."""
        self.figure = max(figures) if self.most else min(figures)
        good = self.figure <= self.goal if self.most else self.figure >= self.goal
        self.verdict = "met" if good else "short"


def probe_machine() -> MachineProbe:
    """Takes a quarter of a second."""
    read = min(measure_seconds(lambda: _READ_BYTES.sum()) for _ in range(5))
    multiply = min(measure_seconds(lambda: _MATRIX_SIDE @ _MATRIX_SIDE) for _ in range(5))
    return MachineProbe(_READ_BYTES.numel() * 4 / read / 1e9, 2 * 1024**3 / multiply / 1e12)


def compare_pairs(row: Measurement, first: Timed, second: Timed, pairs: int) -> Measurement:
    """Judges first/second, in interleaved pairs; `Row.details` has the medians."""
    ones: list[float] = []
    others: list[float] = []
    before = probe_machine()
    for _ in range(_MAX_TRIES_PER_PAIR * pairs):
        one, other = first(), second()
        after = probe_machine()
        if before.is_steady(after):
            ones.append(one)
            others.append(other)
        before = after
        if len(ones) == pairs:
            break
    row.pairs = len(ones)
    row.details = {"probe, GB/s": before.read, "probe, TFLOP/s": before.multiply}
    if ones:
        row.details = {"first, s": statistics.median(ones), "second, s": statistics.median(others), **row.details}
        ratios = [one / other for one, other in zip(ones, others, strict=True)]
        row.judge(statistics.median(ratios), min(ones) / min(others))
    if len(ones) < pairs:
        row.verdict = "inconclusive"
    return row


def run_to_end(steps: Generator[Any, None, Any]) -> Any:
    """What a generator returns at its end."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def measure_seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
