"""`make bench`: prints every figure and keeps it in docs/, as Markdown and JSON: the starter kit's and the desktop's.

`--quick` asks the starter kit a fifth as much and keeps nothing; `--only` takes one of the two."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from datetime import date
from itertools import chain
from pathlib import Path

from assistant import log
from benchmarks import spoken, starter

DOCS = Path(__file__).parents[1] / "docs"
HEAD = """# What the starter kit shows

Printed by `make bench` ({day}, {machine}, {seconds:.0f} s). An answer counts as right if it is, word for word, the
one right answer. "Never trained" phrasings are those that the training grammar cannot produce; a test checks that.

| what | right | of | share | goal | |
| --- | ---: | ---: | ---: | ---: | --- |
"""


DESKTOP = """# The window and the spoken turn

Printed by `make bench` ({day}, {machine}, {cores} cores), on a virtual screen with a virtual microphone and speaker.
Times are measured at the sink (first and last sample above -50 dBFS, in blocks of 5 ms). "Naive" waits for 0.7 s of
silence and then runs one stage after the other; Hark begins in the short pause before and holds the sound back until
the long one.

| what | figure | goal | |
| --- | ---: | ---: | --- |
"""


def _machine() -> str:
    return f"{platform.machine()}, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("starter", "desktop"))
    options = parser.parse_args()
    log.silence_warnings()
    if options.only != "desktop":
        _starter(options.quick)
    if options.only != "starter" and not options.quick:
        _desktop()


def _desktop() -> None:
    from benchmarks import desktop

    figures = []
    for figure in desktop.run():
        figures.append(figure)
        print(f"{figure.name:75} {figure.value:8.3g} {figure.unit:5} {figure.verdict}", flush=True)
    rows = [
        f"| {f.name} | {f.value:.3g} {f.unit} | {f'{f.goal:g} {f.unit}' if f.goal else ''} | {f.verdict} |\n"
        for f in figures
    ]
    head = DESKTOP.format(day=date.today(), machine=_machine(), cores=os.cpu_count())
    (DOCS / "desktop-figures.md").write_text(head + "".join(rows), "utf-8")
    facts = [{"name": f.name, "value": f.value, "unit": f.unit, "goal": f.goal} for f in figures]
    (DOCS / "desktop-figures.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def _starter(quick: bool) -> None:
    started = time.monotonic()
    scores = []
    for score in chain(starter.run(quick), spoken.run()):
        scores.append(score)
        print(f"{score.name:45} {score.right:4}/{score.all:<4} {score.share:6.1%}  {score.verdict}", flush=True)
        for wrong in score.wrong[:2]:
            print(f"      {wrong}")
    if quick:
        return
    lines = [f"| {s.name} | {s.right} | {s.all} | {s.share:.1%} | {s.goal:.0%} | {s.verdict} |\n" for s in scores]
    head = HEAD.format(day=date.today(), machine=_machine(), seconds=time.monotonic() - started)
    missed = [f"- {s.name}: {wrong}\n" for s in scores for wrong in s.wrong[:2]]
    text = head + "".join(lines) + "\n## Some that were wrong\n\n" + "".join(missed)
    (DOCS / "starter-figures.md").write_text(text, "utf-8")
    facts = [{"name": s.name, "right": s.right, "all": s.all, "goal": s.goal} for s in scores]
    (DOCS / "starter-figures.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
