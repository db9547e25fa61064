"""`make bench`: prints every figure of the starter kit and keeps it in docs/starter-figures.md and .json.

`--quick` asks a fifth as much and keeps nothing."""

from __future__ import annotations

import argparse
import json
import platform
import time
from datetime import date
from itertools import chain
from pathlib import Path

from assistant import console
from benchmarks import spoken, starter

DOCS = Path(__file__).parents[1] / "docs"
HEAD = """# What the starter kit shows

Printed by `make bench` ({day}, {machine}, {seconds:.0f} s). An answer is right when it is word for word the one right
answer; "never trained" phrasings are those that the training grammar cannot draw (a test holds them against it).

| what | right | of | share | goal | |
| --- | ---: | ---: | ---: | ---: | --- |
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    console.quiet()
    started = time.monotonic()
    scores = []
    for score in chain(starter.run(quick), spoken.run()):
        scores.append(score)
        print(f"{score.name:45} {score.right:4}/{score.all:<4} {score.share:6.1%}  {score.verdict}", flush=True)
        for wrong in score.wrong[:2]:
            print(f"      {wrong}")
    if quick:
        return
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    lines = [f"| {s.name} | {s.right} | {s.all} | {s.share:.1%} | {s.goal:.0%} | {s.verdict} |\n" for s in scores]
    head = HEAD.format(day=date.today(), machine=machine, seconds=time.monotonic() - started)
    missed = [f"- {s.name}: {wrong}\n" for s in scores for wrong in s.wrong[:2]]
    text = head + "".join(lines) + "\n## Some that were wrong\n\n" + "".join(missed)
    (DOCS / "starter-figures.md").write_text(text, "utf-8")
    facts = [{"name": s.name, "right": s.right, "all": s.all, "goal": s.goal} for s in scores]
    (DOCS / "starter-figures.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
