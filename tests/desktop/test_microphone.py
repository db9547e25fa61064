"""A live microphone of two channels that cancel each other, as some built-in ones do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from assistant.audio import clip
from tests.conftest import missing, tone
from tests.desktop.sound_server import started

LISTENING = """
import numpy as np, sys, time
from assistant.audio.microphone import open_microphone
microphone = open_microphone()
print("open", flush=True)
end, loudest = time.monotonic() + 60, 0.0
while time.monotonic() < end and loudest < 0.2:
    block = microphone.read_block(0.05)
    loudest = max(loudest, 0.0 if block is None else float(np.abs(block).max()))
print(loudest)
"""


def test_microphone_of_opposite_channels_is_heard(tmp_path: Path) -> None:
    heard = tone(2, 48_000).samples
    (tmp_path / "opposite.raw").write_bytes(clip.to_pcm16(np.stack([heard, -heard], axis=1).reshape(-1)))
    command = [
        "pacat",
        "--device=mic",
        "--rate=48000",
        "--channels=2",
        "--format=s16le",
        str(tmp_path / "opposite.raw"),
    ]
    try:
        with started(tmp_path / "pulse", microphone_channels=2) as server:
            listening = subprocess.Popen(
                [sys.executable, "-c", LISTENING], env=server.environment, stdout=subprocess.PIPE, text=True
            )
            with listening:
                assert listening.stdout and listening.stdout.readline() == "open\n"
                subprocess.run(command, env=server.environment, check=True)
                assert float(listening.stdout.readline()) > 0.2
    except FileNotFoundError as error:
        missing(str(error))
