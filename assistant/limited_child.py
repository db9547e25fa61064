"""Runs a child process that decodes one untrusted file: the parent's side, and the limits that the child sets itself.

The child has little memory and few seconds, and gets no file name, only bytes on standard input. The parent must not
rely on it: it may hang, and it may send less or more than it announced."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from typing import IO, BinaryIO


class LimitedChild:
    """Runs `python -m module arguments` with `source`, an open file or bytes, as its standard input.

    After `timeout_s` seconds the child is killed, so that reading `output_stream` always comes to an end. A `source` of
    bytes is written at once, so the child has to read all of it before it answers."""

    def __init__(self, module: str, arguments: list[str], source: BinaryIO | bytes, timeout_s: float) -> None:
        self._timeout_event = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE if isinstance(source, bytes) else source,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._timer = threading.Timer(timeout_s, self._kill_on_timeout)
        self._timer.daemon = True
        self._timer.start()
        if isinstance(source, bytes) and self._process.stdin:
            with contextlib.suppress(OSError), self._process.stdin:  # it may end before it has read all
                self._process.stdin.write(source)

    @property
    def output_stream(self) -> IO[bytes]:
        """The child's standard output. The reader has to limit how much of it is read."""
        assert self._process.stdout
        return self._process.stdout

    @property
    def has_timed_out(self) -> bool:
        """Whether the child was killed because it took too long."""
        return self._timeout_event.is_set()

    def wait(self) -> int:
        """Waits for the child's end and returns its exit code, which is negative where it was killed."""
        return self._process.wait()

    def kill(self) -> None:
        """Kills the child if it still runs."""
        self._timer.cancel()
        self._timer.join()  # it ends at once: no thread outlives the child
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Kills the child and closes its output."""
        self.kill()
        self.output_stream.close()

    def _kill_on_timeout(self) -> None:
        self._timeout_event.set()
        self._process.kill()


def limit_resources(memory_bytes: int, cpu_seconds: int) -> None:
    """Limits this process's address space and processor time, and turns core dumps off. No effect on Windows, which has
    no setrlimit."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
