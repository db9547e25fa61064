"""`make bench`: prints all figures and writes them to docs/, as Markdown and JSON.

`--quick` asks the starter kit a fifth of the questions and writes nothing; `--only` measures only the starter kit or
only the desktop."""

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

_DOCS_FOLDER = Path(__file__).parents[1] / "docs"
_STARTER_HEAD = """# What the starter kit shows

Printed by `make bench` ({day}, {machine}, {seconds:.0f} s). An answer counts as right if it is, word for word, the
one right answer. "Never trained" phrasings are those that the training grammar cannot produce; a test checks that.

| what | right | of | share | goal | |
| --- | ---: | ---: | ---: | ---: | --- |
"""


_DESKTOP_HEAD = """# The window and the spoken turn

Printed by `make bench` ({day}, {machine}, {cores} cores), on a virtual screen with a virtual microphone and speaker.
Times are measured at the sink (first and last sample above -50 dBFS, in blocks of 5 ms). "Naive" waits for 0.7 s of
silence and then runs one stage after the other; Hark begins in the short pause before and holds the sound back until
the long one.

| what | figure | goal | |
| --- | ---: | ---: | --- |
"""


def _describe_machine() -> str:
    return f"{platform.machine()}, Python {platform.python_version()}"


def main() -> None:
    """Runs the benchmarks that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("starter", "desktop"))
    options = parser.parse_args()
    log.silence_warnings()
    if options.only != "desktop":
        _report_starter(options.quick)
    if options.only != "starter" and not options.quick:
        _report_desktop()


def _report_desktop() -> None:
    from benchmarks import desktop

    figures = []
    for figure in desktop.measure_desktop():
        figures.append(figure)
        print(f"{figure.name:75} {figure.value:8.3g} {figure.unit:5} {figure.verdict}", flush=True)
    rows = [
        f"| {figure.name} | {figure.value:.3g} {figure.unit} "
        f"| {f'{figure.goal:g} {figure.unit}' if figure.goal else ''} | {figure.verdict} |\n"
        for figure in figures
    ]
    head = _DESKTOP_HEAD.format(day=date.today(), machine=_describe_machine(), cores=os.cpu_count())
    (_DOCS_FOLDER / "desktop-figures.md").write_text(head + "".join(rows), "utf-8")
    figure_rows = [
        {"name": figure.name, "value": figure.value, "unit": figure.unit, "goal": figure.goal} for figure in figures
    ]
    (_DOCS_FOLDER / "desktop-figures.json").write_text(json.dumps(figure_rows, indent=1) + "\n", "utf-8")


def _report_starter(quick: bool) -> None:
    started = time.monotonic()
    scores = []
    for score in chain(starter.score_answers(quick), spoken.score_transcriber()):
        scores.append(score)
        print(f"{score.name:45} {score.right:4}/{score.total:<4} {score.share:6.1%}  {score.verdict}", flush=True)
        for example in score.wrong_examples[:2]:
            print(f"      {example}")
    if quick:
        return
    lines = [
        f"| {score.name} | {score.right} | {score.total} | {score.share:.1%} | {score.goal:.0%} | {score.verdict} |\n"
        for score in scores
    ]
    head = _STARTER_HEAD.format(day=date.today(), machine=_describe_machine(), seconds=time.monotonic() - started)
    missed = [f"- {score.name}: {example}\n" for score in scores for example in score.wrong_examples[:2]]
    text = head + "".join(lines) + "\n## Some that were wrong\n\n" + "".join(missed)
    (_DOCS_FOLDER / "starter-figures.md").write_text(text, "utf-8")
    score_rows = [
        {"name": score.name, "right": score.right, "all": score.total, "goal": score.goal} for score in scores
    ]
    (_DOCS_FOLDER / "starter-figures.json").write_text(json.dumps(score_rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
