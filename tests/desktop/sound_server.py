"""A sound server for tests: PulseAudio with a virtual microphone and a virtual speaker that is recorded.

What is played into the sink `mic` is heard by the microphone; what Hark plays goes to the sink `ear`, whose monitor is
recorded. ALSA's default is pointed at it, so that PortAudio takes the same way as on a desktop."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ASOUND = """</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
"""
SETUP = """load-module module-native-protocol-unix socket={folder}/native auth-anonymous=1
load-module module-null-sink sink_name=ear rate=48000 channels=1 norewinds=1
load-module module-null-sink sink_name=mic rate=48000 channels={channels} norewinds=1
load-module module-remap-source source_name=microphone master=mic.monitor
set-default-sink ear
set-default-source microphone
"""


@dataclass
class SoundServer:
    """`environment` is what a program needs to find it."""

    environment: dict[str, str]
    folder: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def restart(self) -> None:
        """Starts it, and waits until it answers."""
        command = [
            "pulseaudio", "-n", f"--file={self.folder}/setup.pa", "--exit-idle-time=-1", "--disallow-exit",
            "--daemonize=no",
        ]  # fmt: skip
        self._process = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while subprocess.run(["pactl", "info"], env=self.environment, capture_output=True).returncode != 0:
            assert self._process.poll() is None and time.monotonic() < until, "PulseAudio did not start"
            time.sleep(0.1)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
        for left in ("native", "pid"):
            (self.folder / left).unlink(missing_ok=True)

    @contextlib.contextmanager
    def recorded(self, wav: Path) -> Iterator[None]:
        """Records the virtual speaker while the context is open."""
        command = ["parec", "--device=ear.monitor", "--file-format=wav", "--rate=48000", "--channels=1", str(wav)]
        recorder = subprocess.Popen(command, env=self.environment)
        time.sleep(0.5)
        try:
            yield
        finally:
            time.sleep(0.3)
            recorder.terminate()
            recorder.wait()


@contextlib.contextmanager
def started(folder: Path, microphone_channels: int = 1) -> Iterator[SoundServer]:
    """A running server, or `FileNotFoundError` where PulseAudio is not installed."""
    if not shutil.which("pulseaudio") or not shutil.which("parec"):
        raise FileNotFoundError("pulseaudio, pulseaudio-utils and libasound2-plugins are needed")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "asound.conf").write_text(ASOUND)
    (folder / "setup.pa").write_text(SETUP.format(folder=folder, channels=microphone_channels))
    environment = {
        **os.environ,
        "PULSE_RUNTIME_PATH": str(folder),
        "PULSE_STATE_PATH": str(folder),
        "PULSE_SERVER": f"unix:{folder}/native",
        "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        "XDG_RUNTIME_DIR": str(folder),
    }
    server = SoundServer(environment, folder)
    server.restart()
    try:
        yield server
    finally:
        server.kill()
