"""Compares the speed of two implementations on a noisy machine: in alternating pairs, between probes of the machine.

A pair counts when the machine's speed was the same before and after it. Both the median of the pairs' ratios and the
ratio of the fastest runs must meet the goal. With too few steady pairs the verdict is "inconclusive", not "met"."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import torch

_MAX_PROBE_CHANGE = 0.15  # relative change between the start and the end of a pair that counts
_TRIES_PER_PAIR = 3  # so many pairs are run for each that is wanted
_READ_MATRIX = torch.ones(2**26)  # 256 MB
_SQUARE_MATRIX = torch.ones(1024, 1024, dtype=torch.bfloat16)

TimedRun = Callable[[], float]  # runs once and returns the seconds that it took


@dataclass(frozen=True)
class MachineProbe:
    """The machine's speed at one moment."""

    read: float  # reading memory, in GB/s
    multiply: float  # products of bfloat16 matrices, in TFLOP/s

    def is_steady(self, later: MachineProbe) -> bool:
        """Whether both speeds are the same, within 15 %, in a later probe."""
        pairs = ((self.read, later.read), (self.multiply, later.multiply))
        return all(
            abs(earlier_speed - later_speed) <= _MAX_PROBE_CHANGE * max(earlier_speed, later_speed)
            for earlier_speed, later_speed in pairs
        )


@dataclass
class Measurement:
    """One line of the table."""

    name: str  # what is measured
    unit: str  # of the figure and the goal
    goal: float  # the figure has to be at least as large, or with `is_upper_limit` at most
    is_upper_limit: bool = False
    figure: float | None = None  # the result; None before it is measured
    pairs: int = 0  # that counted
    details: dict[str, float] = field(default_factory=dict)  # further figures, by name and unit
    verdict: str = "inconclusive"  # or "met", "short" or "reported"
    note: str = ""  # for the table, such as why it was not measured

    def judge(self, *figures: float) -> None:
        """Sets the figure to the worst of these, and the verdict to whether it meets the goal."""
        self.figure = max(figures) if self.is_upper_limit else min(figures)
        is_met = self.figure <= self.goal if self.is_upper_limit else self.figure >= self.goal
        self.verdict = "met" if is_met else "short"


def probe_machine() -> MachineProbe:
    """Measures the machine's speed, which takes a quarter of a second."""
    read = min(measure_seconds(lambda: _READ_MATRIX.sum()) for _ in range(5))
    multiply = min(measure_seconds(lambda: _SQUARE_MATRIX @ _SQUARE_MATRIX) for _ in range(5))
    return MachineProbe(_READ_MATRIX.numel() * 4 / read / 1e9, 2 * 1024**3 / multiply / 1e12)


def compare_pairs(row: Measurement, first: TimedRun, second: TimedRun, pairs: int) -> Measurement:
    """Runs both in alternating pairs and judges the ratio first/second; the row's details get the medians."""
    first_times: list[float] = []
    second_times: list[float] = []
    before = probe_machine()
    for _ in range(_TRIES_PER_PAIR * pairs):
        first_time, second_time = first(), second()
        after = probe_machine()
        if before.is_steady(after):
            first_times.append(first_time)
            second_times.append(second_time)
        before = after
        if len(first_times) == pairs:
            break
    row.pairs = len(first_times)
    row.details = {"probe, GB/s": before.read, "probe, TFLOP/s": before.multiply}
    if first_times:
        row.details = {
            "first, s": statistics.median(first_times),
            "second, s": statistics.median(second_times),
            **row.details,
        }
        ratios = [first_time / second_time for first_time, second_time in zip(first_times, second_times, strict=True)]
        row.judge(statistics.median(ratios), min(first_times) / min(second_times))
    if len(first_times) < pairs:
        row.verdict = "inconclusive"
    return row


def run_to_end(steps: Generator[Any, None, Any]) -> Any:
    """Runs a generator to its end and returns its return value."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def measure_seconds(work: Callable[[], object]) -> float:
    """Runs `work` once and returns the seconds that it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
