"""The command `bench`: measures row by row, keeps each as it comes, prints a table. Knows nothing of how it is done."""

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

_QUICK_PAIRS, _FULL_PAIRS = 3, 7  # pairs
_TABLE_HEAD = """# How fast Qwen2-VL answers here

Printed by `hark bench{arguments}` ({date}, {machine}). The weights are random and of the real size ({size}): the
figures say nothing about answers, only about speed. "Stock" is transformers' own way, with the same weights in the
same process. Two ways are compared in pairs, one after the other; the figure is the worse of the median of the pairs'
ratios and the ratio of the best runs. Pairs during which the machine's speed changed by more than 15 % do not count;
if too few are left, the result is "inconclusive".

| what | figure | goal | | pairs | beside it |
| --- | ---: | ---: | --- | ---: | --- |
"""


def run_bench(options: Any, settings: Settings, folders: AppPaths, console: CommandConsole) -> int:
    """Goes on where an earlier run was stopped; `--again` begins anew."""
    console.end_reason = "measured"
    if options.size not in ("2b", "7b"):
        raise UsageError("usage", f"There is no size {options.size}.", "It knows 2b and 7b.")
    arguments = "".join(f" --{name}" for name in ("quick", "kernels") if getattr(options, name))
    folder = options.out or folders.data / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"qwen2-vl-{options.size}{arguments.replace(' --', '-')}.json"
    done = {} if options.again else _load_results(kept)
    todo = _select_rows(options, console)
    for name, measure in todo.items():
        if name not in done:
            measured = measure()
            done[name] = [asdict(row) for row in (measured if isinstance(measured, list) else [measured])]
            _save_results(kept, done)
        for row in done[name]:
            console.print_line(_format_row(row))
    arguments += f" --size {options.size}" if options.size != "2b" else ""
    about = {
        "arguments": arguments,
        "date": time.strftime("%Y-%m-%d"),
        "machine": _describe_machine(),
        "size": options.size,
    }
    lines = [f"{_format_row(row)}\n" for name in todo for row in done[name]]
    kept.with_suffix(".md").write_text(_TABLE_HEAD.format(**about) + "".join(lines), "utf-8")
    console.print_line(f"{kept.with_suffix('.md')}")
    return 0


def _load_results(path: Path) -> dict[str, list[Any]]:
    """The rows of an earlier run on this machine, if there was one that can be read."""
    try:
        found = read_as(dict[str, Any], parse_json(path.read_bytes()), "rows")
        return read_as(dict[str, list[Any]], found["rows"], "rows") if found["machine"] == _describe_machine() else {}
    except (OSError, ValueError, KeyError):
        return {}


def _save_results(path: Path, done: dict[str, list[Any]]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"machine": _describe_machine(), "rows": done}, indent=1), "utf-8")
    part.replace(path)


def _select_rows(options: Any, console: CommandConsole) -> dict[str, Callable[[], Measurement | list[Measurement]]]:
    from assistant.bench import accuracy, kernels, measurements

    if options.kernels:
        return {"kernels": kernels.measure_kernels}
    made: list[measurements.BenchRun] = []

    def at_size(row: Callable[[measurements.BenchRun], Measurement]) -> Measurement:
        if not made:
            console.print_notice("Making two models of random weights …")
            made.append(measurements.BenchRun(options.size, _QUICK_PAIRS if options.quick else _FULL_PAIRS))
        return row(made[0])

    gated: dict[str, Callable[[], Measurement]] = {
        "exact": accuracy.check_exact_logits,
        "agreement": lambda: accuracy.check_agreement(options.size),
        "rounded": accuracy.check_four_bits,
    }
    return {**gated, **{name: partial(at_size, row) for name, row in measurements.MEASUREMENTS.items()}}


def _format_row(row: dict[str, Any]) -> str:
    figure = "–" if row["figure"] is None else f"{row['figure']:.3g} {row['unit']}"
    goal = (
        "" if row["verdict"] == "reported" else f"{'≤' if row['is_upper_limit'] else '≥'} {row['goal']:g} {row['unit']}"
    )
    beside = ", ".join(f"{name} {value:.3g}" for name, value in row["details"].items())
    pairs = row["pairs"] or ""
    told = "; ".join(filter(None, (beside, row["note"])))
    return f"| {row['name']} | {figure} | {goal} | {row['verdict']} | {pairs} | {told} |"


def _describe_machine() -> str:
    import os

    import torch

    return ", ".join((*_processor_name(), f"{os.cpu_count()} cores", f"torch {torch.__version__}", platform.system()))


def _processor_name() -> Iterator[str]:
    from assistant.backends.qwen2_vl.processor import has_amx

    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    yield next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    yield "AMX" if has_amx() else "no AMX"
