"""Nothing leaves the computer: window, engine and command line are used where there is no network, and observed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.conftest import missing
from tests.desktop.observed_day import NOT_INSTALLED
from tests.support.observed_process import ObservedActivity, strace_works, without_network
from tests.support.paths import ROOT

OBSERVER = "strace" if strace_works() else "stand-in"
# The test's name says how it was done on this machine.
HOW = f"{OBSERVER}, {'no network' if without_network() else 'the network as it is'}"


@pytest.mark.parametrize("observer", [OBSERVER], ids=[HOW])
def test_window_engine_and_commands_ask_no_network_and_write_only_to_harks_home(observer: str, tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("HOME", "HARK_HOME", "TMPDIR")}
    for folder in folders.values():
        folder.mkdir()
    picture = Image.new("RGB", (112, 112), "white")
    ImageDraw.Draw(picture).ellipse((30, 30, 80, 80), "red")
    picture.save(tmp_path / "picture.png")
    # Nothing else is inherited: neither CI, which makes libraries quiet, nor what this process told libraries.
    inherited = ("PATH", "LANG", "OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")
    environment = {name: os.environ[name] for name in inherited if name in os.environ}
    environment |= {name: str(folder) for name, folder in folders.items()} | {"PYTHONPATH": str(ROOT)}
    command = [*without_network(), sys.executable, "-P", "-m", "tests.desktop.observed_day", str(tmp_path), observer]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, cwd=tmp_path)
    if done.returncode == NOT_INSTALLED:
        missing(done.stderr)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    said, observation = result.pop("said"), ObservedActivity(**result)
    assert "Hark: " in said["window"] and "red" in said["ask"] and "ended" in said["listen"], said
    assert len(observation.written) > 10, "what is written is seen at all"
    assert observation.network == [] and observation.questions == []
    assert observation.outside(folders["HOME"], folders["HARK_HOME"], folders["TMPDIR"]) == []
