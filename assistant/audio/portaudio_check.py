"""Initialises PortAudio in a child before this process does.

A broken configuration of ALSA or PulseAudio aborts the process that initialises PortAudio, and a sound server that
accepts and says nothing holds it for ever. The child may run beside whatever else there is to do: `begin` it early."""

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

_CHECK_TIMEOUT_S = 8.0  # a start on a busy machine takes seconds; where PortAudio answers at all it answers at once
_RETRY_INTERVAL_S = 5.0  # after which what failed is tried again, whether its files changed or not
_EXIT_NO_LIBRARY = 3  # the child's exit code

CheckOutcome = Literal["", "broken", "silent"]
_Configuration = tuple[object, ...]


class PortAudioCheck:
    """Whether PortAudio can be initialised with the configuration of now. May be asked from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._configuration: _Configuration = ()
        self._started_at = self._failed_at = 0.0
        self._outcome: CheckOutcome | None = None

    def start_check(self) -> None:
        """Starts the child, where there is something to find out."""
        with self._lock:
            self._start_child()

    def wait_for_outcome(self) -> CheckOutcome:
        """Why PortAudio is not to be initialised: its configuration is "broken", or its server "silent"; else ""."""
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
    """What ALSA and PulseAudio read: which files, and in which state."""
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
    """Does what the other process is going to do; whatever goes wrong is told by how this one ends."""
    if sys.platform == "linux":
        signal.alarm(int(_CHECK_TIMEOUT_S) + 2)  # who waits for it may be gone
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
    # PortAudio's own end may wait for a server; no other process has to wait for that.
    os._exit(code)
