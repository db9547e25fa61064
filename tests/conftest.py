"""Fixtures for all tests: a fresh home, generated checkpoints, and a log in which any warning is a failure."""

from __future__ import annotations

import assistant  # noqa: F401 - first of all, as in every program: what the tests import reports nothing either

# isort: split
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from assistant import log
from assistant.audio.clip import AudioClip
from tests.support.paths import SAMPLES, STARTER_MODEL

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from tests.support.engine_harness import InProcessEngine
    from tests.support.patient_qtbot import PatientQtBot

log.silence_warnings()
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


pytest_plugins = ["tests.support.retries"]


@dataclass(frozen=True)
class Ran:
    """The exit code and output of a finished command."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def ended(self) -> dict[str, object]:
        assert self.events[-1]["event"] == "ended"
        return self.events[-1]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh HARK_HOME for every test, and no hub."""
    folder = tmp_path / "home"
    monkeypatch.setenv("HARK_HOME", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture
def hark(home: Path) -> Callable[..., Ran]:
    """Runs the real command in a process of its own."""

    def run(*arguments: str | Path, seconds: float = 60) -> Ran:
        command = [sys.executable, "-m", "assistant.cli", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, timeout=seconds, env=os.environ)
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ran.err, ran.err
        return ran

    return run


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs the command in this process, which saves the second that the imports take."""
    for name in ("TMPDIR", "TEMP", "TMP"):  # the command sets them: to be as they were after the test
        monkeypatch.setenv(name, tempfile.gettempdir())
    from assistant.cli.main import main

    def run(*arguments: str | Path) -> Ran:
        capfd.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        output = capfd.readouterr()
        assert "Traceback" not in output.err, output.err
        return Ran(code, output.out, output.err)

    return run


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of generated checkpoints with random weights."""
    from tests.support import checkpoints as make

    folder = tmp_path_factory.mktemp("checkpoints")
    make.whisper(folder)
    make.vits(folder)
    make.vits(folder, speakers=3)
    make.vits(folder, pickled=False)
    make.piper(folder)
    return folder


@pytest.fixture(scope="session")
def tiny() -> Path:
    """The starter kit's checkpoint: a real, trained, tiny Qwen2-VL."""
    return STARTER_MODEL


@pytest.fixture
def samples() -> Path:
    return SAMPLES


@pytest.fixture
def circle(tmp_path: Path) -> Path:
    image = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(image).ellipse((100, 100, 200, 200), "red")
    image.save(tmp_path / "circle.png")
    return tmp_path / "circle.png"


@pytest.fixture
def red_circle(tmp_path: Path) -> Path:
    """A picture of the kind that the starter kit's model was trained on."""
    from assistant.starter.scene import Scene, SceneShape, draw_scene

    pale = (240, 240, 250)
    scene = Scene(300, 300, (pale, pale), (SceneShape("circle", "red", (220, 20, 20), 150, 150, 120),))
    draw_scene(scene).save(tmp_path / "red.png")
    return tmp_path / "red.png"


@pytest.fixture
def sign(tmp_path: Path) -> Path:
    image = Image.new("RGB", (640, 220), "white")
    pen = ImageDraw.Draw(image)
    pen.text((40, 30), "PLATFORM 4", "black", ImageFont.load_default(60))
    pen.text((40, 120), "Leeds 14:05", "black", ImageFont.load_default(60))
    image.save(tmp_path / "sign.png")
    return tmp_path / "sign.png"


@pytest.fixture
def harness(home: Path, no_thread_left: None) -> Iterator[InProcessEngine]:
    """An engine that runs in this process, has no voice and leaves nothing behind."""
    from tests.support.engine_harness import InProcessEngine, children

    before = children()
    engine_harness = InProcessEngine()
    yield engine_harness
    engine_harness.engine.stop()
    assert children() <= before, "no process is left"


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> PatientQtBot:
    """Replaces pytest-qt's fixture by one that waits longer."""
    from tests.support.patient_qtbot import PatientQtBot

    return PatientQtBot(request)


@pytest.fixture(autouse=True)
def no_warning_in_the_log(home: Path, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails a test that leaves a warning in Hark's log or in its processes' log file, unless it clears both."""
    yield
    ours = [r for r in caplog.get_records("call") if r.levelno >= logging.WARNING and r.name.startswith("assistant")]
    assert not ours, [record.getMessage() for record in ours]
    log = home / "logs" / "hark.log"
    lines = log.read_text("utf-8").splitlines() if log.is_file() else []
    assert not [line for line in lines if " assistant" in line], lines


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    """Fails when a thread started in the test outlives it."""
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and t.is_alive()]
    # Native pools of torch, CTranslate2 and onnxruntime are no Python threads; tqdm's monitor is, and is a daemon.
    assert not [t.name for t in left if "tqdm" not in type(t).__module__]


def missing(reason: str) -> None:
    """Skips a test whose optional part is not installed; in CI, where all must be, the test fails."""
    assert not os.environ.get("HARK_CI"), reason
    pytest.skip(reason)


def tone(seconds: float, rate: int = 16_000, hertz: float = 440.0, level: float = 0.3) -> AudioClip:
    """Return a sine tone."""
    time = np.arange(int(seconds * rate)) / rate
    return AudioClip((level * np.sin(2 * np.pi * hertz * time)).astype(np.float32), rate)


def heard_again(wav: Path) -> float:
    """Return the length of a mono WAV file in seconds."""
    with wave.open(str(wav)) as file:
        assert (file.getsampwidth(), file.getnchannels()) == (2, 1)
        return file.getnframes() / file.getframerate()
