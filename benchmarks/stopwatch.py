"""When there is sound at a (virtual) speaker or microphone: blocks with the time at which they came. Knows no Hark."""

from __future__ import annotations

import subprocess
import threading
import time

import numpy as np

_RATE, _BLOCK = 48_000, 240  # 5 ms
LOUD = 10 ** (-50 / 20)  # -50 dBFS


class Monitor:
    """Records a source; `marks` are (monotonic seconds, whether the 5 ms before it were loud)."""

    def __init__(self, source: str, environment: dict[str, str]) -> None:
        command = ["parec", f"--device={source}", "--raw", "--format=s16le", f"--rate={_RATE}", "--channels=1"]
        self._recorder = subprocess.Popen([*command, "--latency-msec=5"], env=environment, stdout=subprocess.PIPE)
        self.marks: list[tuple[float, bool]] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def first_loud(self, after: float) -> float | None:
        """When the first loud block after this moment came."""
        return next((at for at, loud in self.marks if loud and at > after), None)

    def last_loud(self) -> float:
        """When the last loud block so far came."""
        return next((at for at, loud in reversed(self.marks) if loud), 0.0)

    def close(self) -> None:
        self._recorder.terminate()
        self._recorder.wait()
        self._thread.join()

    def _read(self) -> None:
        assert self._recorder.stdout
        while block := self._recorder.stdout.read(_BLOCK * 2):
            peak = np.abs(np.frombuffer(block[: len(block) // 2 * 2], "<i2")).max(initial=0) / 32768
            self.marks.append((time.monotonic(), bool(peak > LOUD)))
