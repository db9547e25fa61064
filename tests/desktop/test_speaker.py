"""What Hark says, recorded at the (virtual) speaker."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assistant.audio import clip, decode, vad
from tests.conftest import missing
from tests.desktop.sound_server import SoundServer, started

pytestmark = pytest.mark.realtime


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundServer]:
    try:
        with started(tmp_path_factory.mktemp("sound")) as running:
            yield running
    except FileNotFoundError as error:
        missing(str(error))


def test_an_answer_is_heard_at_the_speaker(server: SoundServer, tmp_path: Path, home: Path) -> None:
    environment = {**server.environment, "HARK_HOME": str(home)}
    say = [sys.executable, "-m", "assistant.cli", "say", "The circle is red."]
    with server.recorded(tmp_path / "heard.wav"):
        done = subprocess.run(say, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    subprocess.run([*say, "--speak-to", str(tmp_path / "written.wav")], env=environment, check=True)
    # A recorder that is ended leaves a header without a length: read the samples behind it.
    heard = clip.to_mono(np.frombuffer((tmp_path / "heard.wav").read_bytes()[44:], "<i2"), 48_000)
    written = decode.read_audio(tmp_path / "written.wav")
    assert vad.has_speech(heard)
    loud = [np.flatnonzero(np.abs(sound.resample(48_000)) > 0.02) for sound in (heard, written)]
    lengths = [(at[-1] - at[0]) / 48_000 for at in loud]
    assert abs(lengths[0] - lengths[1]) < 0.1, "all of it was played, without gaps"
