"""One process of the engine: started, written to and read from through its pipes, ended."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time

from assistant.engine_commands import EngineCommand
from assistant.events import Event
from assistant.ipc import protocol
from assistant.progress import WorkerMarks

SHUTDOWN_GRACE_S = 1.8  # for the process to end by itself
_POLL_INTERVAL_S = 0.01


class EngineChild:
    """Starts the process. A thread writes the commands, because a frozen process does not read and a pipe holds little.

    `started_at`: when, by the monotonic clock."""

    def __init__(self) -> None:
        import subprocess  # here, because the window is shown before

        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "assistant.ipc.server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.started_at = time.monotonic()
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_frames, name="hark commands", daemon=True)
        self._writer.start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def send(self, command: EngineCommand) -> None:
        """Never waits. Raises `InvalidFrameError` when the command is too long."""
        self._outgoing.put(protocol.encode(command))

    def read_message(self) -> Event | WorkerMarks | None:
        """Waits for the next one; None when the process has ended, or sent nonsense, for which it is killed."""
        assert self._process.stdout
        try:
            frame = protocol.read_frame(self._process.stdout)
            return protocol.decode_event(frame) if frame else None
        except protocol.InvalidFrameError:
            self._process.kill()
            return None

    def processor_time_s(self) -> float:
        """The processor time that the process has used, in seconds."""
        import psutil  # here, because the window is shown before

        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def kill(self) -> None:
        """Kills the process without waiting for its end, after which `read_message` returns None."""
        self._process.kill()

    def shut_down(self, grace_s: float = 0.0) -> None:
        """Waits up to `grace_s` seconds for the process to end by itself, then kills it.

        Closes its pipes, but not the one that another thread may be reading."""
        self._outgoing.put(None)
        end = time.monotonic() + grace_s
        while self._process.poll() is None and time.monotonic() < end:
            time.sleep(_POLL_INTERVAL_S)
        self._process.kill()  # does nothing when it has ended
        self._process.wait()
        self._writer.join()

    def close_output(self) -> None:
        """Closes the pipe that events come from; called by the reading thread after `shut_down`."""
        assert self._process.stdout
        self._process.stdout.close()

    def _write_frames(self) -> None:
        stdin = self._process.stdin
        assert stdin
        # If the process dies, its reader notices.
        with contextlib.suppress(OSError, ValueError), stdin:
            while (frame := self._outgoing.get()) is not None:
                stdin.write(frame)
                stdin.flush()
