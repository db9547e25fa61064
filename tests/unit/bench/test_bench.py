"""How `hark bench` judges its rows and resumes. The measurements take minutes and are not run here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.backends.qwen2_vl import processor
from assistant.bench import comparison, kernels, random_weights
from assistant.bench.comparison import MachineProbe, Measurement
from assistant.cli.commands import bench
from tests.conftest import Ran


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "probe_machine", lambda: MachineProbe(10.0, 1.0))


def times(*taken: float) -> Callable[[], float]:
    left = iter(taken)
    return lambda: next(left)


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize(
    ("goal", "most", "first", "verdict", "figure"),
    [
        (2.0, False, (4.2, 4.4, 4.1), "met", 2.05),
        (2.0, False, (4.2, 4.4, 3.0), "short", 1.5),  # the best runs must pass too
        (2.5, True, (4.2, 4.4, 4.1), "met", 2.1),
        (1.5, True, (4.2, 4.4, 4.1), "short", 2.1),
    ],
)
def test_the_worse_of_median_and_best_counts(
    goal: float, most: bool, first: tuple[float, ...], verdict: str, figure: float
) -> None:
    row = comparison.compare_pairs(Measurement("x", "x", goal, most), times(*first), times(2.0, 2.0, 2.0), 3)
    assert (row.figure, row.verdict, row.pairs) == (pytest.approx(figure), verdict, 3)


def test_a_restless_machine_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = iter(MachineProbe(10.0 * 1.3**number, 1.0) for number in range(20))
    monkeypatch.setattr(comparison, "probe_machine", lambda: next(probes))
    row = comparison.compare_pairs(Measurement("x", "x", 1.0), lambda: 2.0, lambda: 1.0, 3)
    assert row.verdict == "inconclusive" and row.pairs == 0 and row.figure is None


def test_stopped_bench_resumes_with_the_missing_rows(
    cli: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def row(name: str) -> Measurement:
        measured.append(name)
        if name == "second" and len(measured) == 2:
            raise KeyboardInterrupt
        measurement = Measurement(name, "x", 2.0)
        measurement.judge(3.0)
        return measurement

    names = ("first", "second", "third")
    monkeypatch.setattr(bench, "select_rows", lambda *_: {name: lambda name=name: row(name) for name in names})
    assert cli("bench", "--quick", "--out", tmp_path).code == 130
    assert cli("bench", "--quick", "--out", tmp_path).code == 0
    assert measured == ["first", "second", "second", "third"]
    table = (tmp_path / "qwen2-vl-2b-quick.md").read_text()
    assert next(line for line in table.splitlines() if "met" in line).startswith("| first | 3 x | ≥ 2 x | met |")
    results_file = tmp_path / "qwen2-vl-2b-quick.json"
    results_file.write_text(json.dumps({**json.loads(results_file.read_text()), "machine": "another"}))
    assert cli("bench", "--quick", "--out", tmp_path).code == 0
    assert measured[4:] == list(names), "another machine's rows are measured anew"
    results_file.write_text("{")
    assert cli("bench", "--quick", "--out", tmp_path).code == 0


def test_an_unknown_size_is_refused(cli: Callable[..., Ran]) -> None:
    ran = cli("bench", "--size", "3b")
    assert ran.code == 2 and "2b and 7b" in ran.err


def test_random_weights_are_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same code with small numbers gives the same weights twice."""
    text, vision = random_weights.SIZES["2b"]
    small = {**text, "hidden_size": 192, "intermediate_size": 256, "num_attention_heads": 4, "vocab_size": 1024}
    monkeypatch.setitem(
        random_weights.SIZES, "2b", (small, {**vision, "depth": 2, "embed_dim": 64, "hidden_size": 192, "num_heads": 4})
    )
    monkeypatch.setattr(random_weights, "_MROPE_SECTIONS", [8, 8, 8])
    first, second = (random_weights.make_model("2b", layers=2) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_kernels_are_compared_on_a_processor_that_multiplies_no_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_OUT_FEATURES", 96), ("_IN_FEATURES", 64), ("_LAYERS", 1), ("_ROW_COUNTS", (1, 16))):
        monkeypatch.setattr(kernels, name, value)
    monkeypatch.setattr(processor, "supports_bfloat16", lambda: False)
    names = [row.name for row in kernels.measure_kernels()]
    assert "kernel: torch int4" in names and not [name for name in names if "oneDNN" in name]
