"""Realtime tests are tried again and the reason is reported; all others are tried once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

from tests.support.paths import ROOT

TESTS = """
import pytest
tries = []

@pytest.mark.realtime
def test_sound():
    tries.append(1)
    assert len(tries) >= WANTED, "the sound came late"

def test_sum():
    assert "sound" not in __name__
"""


def run(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(tests)
    options = ["-c", "/dev/null", "-o", "markers=realtime", "-p", "tests.support.retries", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, str(folder / "test_it.py")]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)


@pytest.mark.parametrize(("wanted", "passed"), [(3, True), (4, False)])
def test_a_realtime_test_has_three_tries_and_each_failure_is_told(tmp_path: Path, wanted: int, passed: bool) -> None:
    done = run(tmp_path, TESTS.replace("WANTED", str(wanted)))
    assert (done.returncode == 0) is passed, done.stdout
    retries = [line for line in done.stdout.splitlines() if line.startswith("tried again: ")]
    assert len(retries) == 2 and all("test_sound" in line and "the sound came late" in line for line in retries)


def test_another_test_is_tried_once(tmp_path: Path) -> None:
    done = run(tmp_path, TESTS.replace("@pytest.mark.realtime\n", "").replace("WANTED", "2"))
    assert done.returncode == 1 and "tried again" not in done.stdout


def test_no_drawn_test_has_a_deadline() -> None:
    assert hypothesis.settings().deadline is None
