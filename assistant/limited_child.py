"""A child process that decodes one file from outside: its parent's side, and the limits that it sets itself.

The child has little memory, few seconds and no name of the file, only its bytes on standard input. Its parent takes
nothing on trust: neither that it ends, nor that it sends what it announces."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from typing import IO, BinaryIO


class LimitedChild:
    """Runs `python -m module arguments` with `source`, an open file or bytes, as its standard input.

    After `timeout_s` seconds it is killed, so that whoever reads its `output` always comes to an end. Bytes are written
    at once: the child reads all of them before it answers."""

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
        """What the child sends; limit how much of it is read."""
        assert self._process.stdout
        return self._process.stdout

    @property
    def has_timed_out(self) -> bool:
        """Whether it was killed for taking too long."""
        return self._timeout_event.is_set()

    def wait(self) -> int:
        """The exit code, once the child has ended: negative where it was killed."""
        return self._process.wait()

    def kill(self) -> None:
        """Ends the child, if it still runs."""
        self._timer.cancel()
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Ends the child; nobody reads its output any more."""
        self.kill()
        self.output_stream.close()

    def _kill_on_timeout(self) -> None:
        self._timeout_event.set()
        self._process.kill()


def limit_resources(memory_bytes: int, cpu_seconds: int) -> None:
    """Caps this process's memory and processor time where the system can: Windows has no setrlimit."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
