"""When there is sound at a (virtual) speaker or microphone: blocks with the time at which they came. Knows no Hark."""

from __future__ import annotations

import subprocess
import threading
import time

import numpy as np

_RATE, _BLOCK = 48_000, 240  # 5 ms
LOUD = 10 ** (-50 / 20)  # -50 dBFS


class Monitor:
    """Records a source; `marks` are (monotonic seconds, peak of the 5 ms before it, 0 to 1)."""

    def __init__(self, source: str, environment: dict[str, str]) -> None:
        command = ["parec", f"--device={source}", "--raw", "--format=s16le", f"--rate={_RATE}", "--channels=1"]
        self._recorder = subprocess.Popen([*command, "--latency-msec=5"], env=environment, stdout=subprocess.PIPE)
        self.marks: list[tuple[float, float]] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def first_loud(self, after: float) -> float | None:
        """When the first loud block after this moment came."""
        return next((at for at, peak in self.marks if peak > LOUD and at > after), None)

    def first_below(self, after: float, level: float) -> float | None:
        """When the first block after this moment came whose peak was below a level."""
        return next((at for at, peak in self.marks if peak < level and at > after), None)

    def last_loud(self) -> float:
        """When the last loud block so far came."""
        return next((at for at, peak in reversed(self.marks) if peak > LOUD), 0.0)

    def close(self) -> None:
        self._recorder.terminate()
        self._recorder.wait()
        self._thread.join()

    def _read(self) -> None:
        assert self._recorder.stdout
        while block := self._recorder.stdout.read(_BLOCK * 2):
            peak = np.abs(np.frombuffer(block[: len(block) // 2 * 2], "<i2").astype(np.int32)).max(initial=0)
            self.marks.append((time.monotonic(), float(peak) / 32768))
