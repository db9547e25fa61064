"""Records when there is sound at a (virtual) speaker or microphone."""

from __future__ import annotations

import subprocess
import threading
import time

import numpy as np

_RATE_HZ, _BLOCK_SAMPLES = 48_000, 240  # 5 ms
LOUD_LEVEL = 10 ** (-50 / 20)  # -50 dBFS


class LoudnessMonitor:
    """Records a source of the sound server.

    levels: the end of each block of 5 ms, in seconds of the monotonic clock, and its peak, from 0 to 1."""

    def __init__(self, source: str, environment: dict[str, str]) -> None:
        command = ["parec", f"--device={source}", "--raw", "--format=s16le", f"--rate={_RATE_HZ}", "--channels=1"]
        self._recorder = subprocess.Popen([*command, "--latency-msec=5"], env=environment, stdout=subprocess.PIPE)
        self.levels: list[tuple[float, float]] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def first_loud_time(self, after: float) -> float | None:
        """When the first loud block after this moment came."""
        return next((moment for moment, peak in self.levels if peak > LOUD_LEVEL and moment > after), None)

    def first_time_below(self, after: float, level: float) -> float | None:
        """When the first block after this moment came whose peak was below a level."""
        return next((moment for moment, peak in self.levels if peak < level and moment > after), None)

    def last_loud_time(self) -> float:
        """When the last loud block so far came."""
        return next((moment for moment, peak in reversed(self.levels) if peak > LOUD_LEVEL), 0.0)

    def close(self) -> None:
        """Stops recording."""
        self._recorder.terminate()
        self._recorder.wait()
        self._thread.join()

    def _read(self) -> None:
        assert self._recorder.stdout
        while block := self._recorder.stdout.read(_BLOCK_SAMPLES * 2):
            peak = np.abs(np.frombuffer(block[: len(block) // 2 * 2], "<i2").astype(np.int32)).max(initial=0)
            self.levels.append((time.monotonic(), float(peak) / 32768))
