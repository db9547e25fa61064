"""The command `bench`: runs the measurements, saves each result at once, and prints a table."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.cli.console import CommandConsole
from assistant.errors import UsageError
from assistant.paths import AppPaths
from assistant.settings import Settings
from assistant.typed_reader import parse_json, read_as

if TYPE_CHECKING:
    from assistant.bench.comparison import Measurement

_QUICK_PAIRS, _FULL_PAIRS = 3, 7  # of runs for each comparison
_TABLE_HEAD = """# How fast Qwen2-VL answers here

Printed by `hark bench{arguments}` ({date}, {machine}). The weights are random and of the real size ({size}): the
figures say nothing about answers, only about speed. "Stock" is transformers' own way, with the same weights in the
same process. Two ways are compared in pairs, one after the other; the figure is the worse of the median of the pairs'
ratios and the ratio of the best runs. Pairs during which the machine's speed changed by more than 15 % do not count;
if too few are left, the result is "inconclusive".

| what | figure | goal | | pairs | beside it |
| --- | ---: | ---: | --- | ---: | --- |
"""


def run_bench(options: Any, settings: Settings, paths: AppPaths, console: CommandConsole) -> int:
    """Runs `hark bench`. Continues where an earlier run was stopped; `--again` starts anew."""
    console.end_reason = "measured"
    if options.size not in ("2b", "7b"):
        raise UsageError("usage", f"There is no size {options.size}.", "It knows 2b and 7b.")
    arguments = "".join(f" --{name}" for name in ("quick", "kernels") if getattr(options, name))
    folder = options.out or paths.data / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    results_path = folder / f"qwen2-vl-{options.size}{arguments.replace(' --', '-')}.json"
    results = {} if options.again else load_results(results_path)
    measurers = select_rows(options, console)
    for name, measure in measurers.items():
        if name not in results:
            measurement = measure()
            rows = measurement if isinstance(measurement, list) else [measurement]
            results[name] = [_row_to_json(row) for row in rows]
            _save_results(results_path, results)
        for row in results[name]:
            console.print_line(_format_row(row))
    arguments += f" --size {options.size}" if options.size != "2b" else ""
    table_facts = {
        "arguments": arguments,
        "date": time.strftime("%Y-%m-%d"),
        "machine": describe_machine(),
        "size": options.size,
    }
    lines = [f"{_format_row(row)}\n" for name in measurers for row in results[name]]
    results_path.with_suffix(".md").write_text(_TABLE_HEAD.format(**table_facts) + "".join(lines), "utf-8")
    console.print_line(f"{results_path.with_suffix('.md')}")
    return 0


def load_results(path: Path) -> dict[str, list[Any]]:
    """The results of an earlier run on this machine; none if there was none, or its file cannot be read."""
    try:
        stored = read_as(dict[str, Any], parse_json(path.read_bytes()), "rows")
        return read_as(dict[str, list[Any]], stored["rows"], "rows") if stored["machine"] == describe_machine() else {}
    except (OSError, ValueError, KeyError):
        return {}


def _save_results(path: Path, results: dict[str, list[Any]]) -> None:
    part_path = path.with_suffix(".part")
    part_path.write_text(json.dumps({"machine": describe_machine(), "rows": results}, indent=1), "utf-8")
    part_path.replace(path)


def _row_to_json(row: Measurement) -> dict[str, Any]:
    """A row as it is stored: `most` says whether its goal is an upper limit."""
    fields = asdict(row)
    fields["most"] = fields.pop("is_upper_limit")
    return fields


def select_rows(options: Any, console: CommandConsole) -> dict[str, Callable[[], Measurement | list[Measurement]]]:
    """What measures each row of the table that the options ask for, by the name of the row."""
    from assistant.bench import accuracy, kernels, measurements

    if options.kernels:
        return {"kernels": kernels.measure_kernels}
    runs: list[measurements.BenchRun] = []

    def at_size(measure: Callable[[measurements.BenchRun], Measurement]) -> Measurement:
        if not runs:
            console.print_notice("Making two models of random weights …")
            runs.append(measurements.BenchRun(options.size, _QUICK_PAIRS if options.quick else _FULL_PAIRS))
        return measure(runs[0])

    checks: dict[str, Callable[[], Measurement]] = {
        "exact": accuracy.check_exact_logits,
        "agreement": lambda: accuracy.check_agreement(options.size),
        "rounded": accuracy.check_four_bits,
    }
    return {**checks, **{name: partial(at_size, measure) for name, measure in measurements.MEASUREMENTS.items()}}


def _format_row(row: dict[str, Any]) -> str:
    figure = "–" if row["figure"] is None else f"{row['figure']:.3g} {row['unit']}"
    goal = "" if row["verdict"] == "reported" else f"{'≤' if row['most'] else '≥'} {row['goal']:g} {row['unit']}"
    details = ", ".join(f"{name} {value:.3g}" for name, value in row["details"].items())
    pairs = row["pairs"] or ""
    remarks = "; ".join(filter(None, (details, row["note"])))
    return f"| {row['name']} | {figure} | {goal} | {row['verdict']} | {pairs} | {remarks} |"


def describe_machine() -> str:
    """The processor and the versions that a measurement depends on."""
    import os

    import torch

    return ", ".join((*_processor_name(), f"{os.cpu_count()} cores", f"torch {torch.__version__}", platform.system()))


def _processor_name() -> Iterator[str]:
    from assistant.backends.qwen2_vl.processor import has_amx

    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    yield next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    yield "AMX" if has_amx() else "no AMX"
