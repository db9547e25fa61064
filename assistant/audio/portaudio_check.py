"""Initialises PortAudio in a child process first, to find out whether it would abort or hang.

A broken ALSA or PulseAudio configuration aborts the process that initialises PortAudio, and a sound server that accepts
connections without answering blocks it for ever. The check runs in the background: call `start_check` early."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Literal

_CHECK_TIMEOUT_S = 8.0  # starting Python on a busy machine takes seconds; PortAudio itself answers at once
_RETRY_INTERVAL_S = 5.0  # a failed check is repeated after this time even if no configuration file changed
_EXIT_NO_LIBRARY = 3  # the child's exit code

CheckOutcome = Literal["", "broken", "silent"]
_Configuration = tuple[object, ...]


class PortAudioCheck:
    """Checks whether PortAudio can be initialised with the current configuration. Thread-safe; the result is cached."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._configuration: _Configuration = ()
        self._started_at = self._failed_at = 0.0
        self._outcome: CheckOutcome | None = None

    def start_check(self) -> None:
        """Starts the child process, unless the result is known."""
        with self._lock:
            self._start_child()

    def wait_for_outcome(self) -> CheckOutcome:
        """Waits for the check: "" if PortAudio can be initialised, "broken" if it aborts, "silent" if the server
        hangs."""
        with self._lock:
            self._start_child()
            if self._child:
                self._outcome = self._await_child(self._child)
                self._child, self._failed_at = None, time.monotonic()
            return self._outcome or ""

    def _start_child(self) -> None:
        if self._child or sys.platform != "linux":
            return
        configuration = _find_configuration()
        if configuration == self._configuration and (
            self._outcome == "" or time.monotonic() - self._failed_at < _RETRY_INTERVAL_S
        ):
            return
        self._configuration, self._started_at = configuration, time.monotonic()
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "assistant.audio.portaudio_check"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _await_child(self, child: subprocess.Popen[bytes]) -> CheckOutcome:
        try:
            code = child.wait(max(0.0, self._started_at + _CHECK_TIMEOUT_S - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            return "silent"
        return "" if code in (0, _EXIT_NO_LIBRARY) else "broken"


def _find_configuration() -> _Configuration:
    """The environment and the state of the files that ALSA and PulseAudio read, to notice changes."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(("ALSA_", "PULSE_"))}
    home, config = Path.home(), Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    paths = [
        Path("/etc/asound.conf"), home / ".asoundrc", config / "alsa" / "asoundrc",
        Path("/usr/share/alsa/alsa.conf"), Path("/usr/share/alsa/alsa.conf.d"), Path("/etc/alsa/conf.d"),
        Path("/etc/pulse/client.conf"), Path("/etc/pulse/client.conf.d"), config / "pulse" / "client.conf",
        *(Path(value) for name, value in environment.items() if name.endswith(("_PATH", "CONFIG", "_DIR"))),
    ]  # fmt: skip
    states = []
    for path in paths:
        with contextlib.suppress(OSError, ValueError):
            state = path.stat()
            states.append((str(path), state.st_ino, state.st_size, state.st_mtime_ns))
    return (tuple(sorted(environment.items())), tuple(states))


PORTAUDIO_CHECK = PortAudioCheck()


def main() -> int:
    """Child process: uses PortAudio as the parent will. Its exit code, signal or time-out is the result."""
    if sys.platform == "linux":
        signal.alarm(int(_CHECK_TIMEOUT_S) + 2)  # in case the parent is gone
    try:
        import sounddevice
    except OSError:
        return _EXIT_NO_LIBRARY
    for check in (sounddevice.check_input_settings, sounddevice.check_output_settings):
        with contextlib.suppress(sounddevice.PortAudioError, ValueError):  # no such device
            check(samplerate=48_000, channels=1, dtype="float32")
    return 0


if __name__ == "__main__":
    code = main()
    # Skip PortAudio's termination, which may wait for the server.
    os._exit(code)
