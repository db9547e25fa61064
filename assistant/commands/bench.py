"""The command `bench`: measures row by row, keeps each as it comes, prints a table. Knows nothing of how it is done."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.console import Console
from assistant.errors import Missing, Usage
from assistant.settings import Folders, Settings

if TYPE_CHECKING:
    from assistant.bench.protocol import Row

_QUICK, _WHOLE = 3, 7  # pairs
_HEAD = """# How fast Qwen2-VL answers here

Printed by `hark bench{arguments}` ({date}, {machine}). Random weights of true size ({size}): they say nothing of what
is answered, only how fast. "Stock" is transformers' own way, same weights, same process. A comparison is made in turn,
in pairs; the figure is the worse of the median of the pairs' ratios and the ratio of the best runs; pairs during which
the machine changed by more than 15 % do not count, and too few that count are "inconclusive".

| what | figure | goal | | pairs | beside it |
| --- | ---: | ---: | --- | ---: | --- |
"""


def bench(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    """Goes on where an earlier run was stopped; `--again` begins anew."""
    console.reason = "measured"
    try:
        from assistant.bench import gates, rows
    except ImportError as error:
        raise Missing(
            "bench", f"There is nothing to measure with: {error}.", "Install Hark with its models."
        ) from error
    if options.size not in ("2b", "7b"):
        raise Usage("usage", f"There is no size {options.size}.", "It knows 2b and 7b.")
    folder = options.out or folders.data / "bench"
    kept = folder / f"qwen2-vl-{options.size}{'-quick' if options.quick else ''}.json"
    done: dict[str, Any] = {} if options.again or not kept.is_file() else json.loads(kept.read_text("utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    made: list[rows.Bench] = []

    def at_size(row: Callable[[rows.Bench], Row]) -> Row:
        if not made:
            console.note("Making two models of random weights …")
            made.append(rows.Bench(options.size, _QUICK if options.quick else _WHOLE))
        return row(made[0])

    todo: dict[str, Callable[[], Row]] = {
        "exact": gates.exact,
        "agreement": lambda: gates.agreement(options.size),
        "rounded": gates.four_bits,
        **{name: lambda row=row: at_size(row) for name, row in rows.ROWS.items()},  # type: ignore[misc]
    }
    for name, measure in todo.items():
        if name not in done:
            started = time.monotonic()
            done[name] = {**asdict(measure()), "seconds": round(time.monotonic() - started, 1)}
            kept.write_text(json.dumps(done, indent=1), "utf-8")
        console.say(_line(done[name]))
    arguments = (" --quick" if options.quick else "") + (f" --size {options.size}" if options.size != "2b" else "")
    about = {"arguments": arguments, "date": time.strftime("%Y-%m-%d"), "machine": _machine(), "size": options.size}
    text = _HEAD.format(**about) + "".join(f"{_line(done[name])}\n" for name in todo)
    kept.with_suffix(".md").write_text(text, "utf-8")
    console.say(f"{kept.with_suffix('.md')}")
    return 0


def _line(row: dict[str, Any]) -> str:
    figure = "–" if row["figure"] is None else f"{row['figure']:.3g} {row['unit']}"
    goal = "" if row["verdict"] == "reported" else f"{'≤' if row['most'] else '≥'} {row['goal']:g} {row['unit']}"
    beside = ", ".join(f"{name} {value:.3g}" for name, value in row["details"].items())
    pairs = row["pairs"] or ""
    told = "; ".join(filter(None, (beside, row["note"])))
    return f"| {row['name']} | {figure} | {goal} | {row['verdict']} | {pairs} | {told} |"


def _machine() -> str:
    import os

    import torch

    return ", ".join((*_processor(), f"{os.cpu_count()} cores", f"torch {torch.__version__}", platform.system()))


def _processor() -> Iterator[str]:
    import torch

    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    yield next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    yield "AMX" if torch.cpu._is_amx_tile_supported() else "no AMX"
