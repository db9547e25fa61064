"""Watches which PulseAudio source this program records from, in a child process.

When a microphone is unplugged, PulseAudio (and PipeWire) silently move the stream to another source, at worst to the
speaker's monitor, so that the program hears itself. PortAudio does not report that, so a child process asks the sound
server, which may hang. See docs/decisions/0007-moved-microphone.md."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from typing import Any

from assistant.typed_reader import InvalidValueError, parse_json, read_as

_POLL_INTERVAL_S = 0.3
_INVALID_INDEX = 0xFFFFFFFF  # PulseAudio's PA_INVALID_INDEX: the source is no monitor


class SourceMonitor:
    """Starts the watching child process; without PulseAudio or pulsectl all answers are False."""

    def __init__(self) -> None:
        self._state: dict[str, bool] = {}
        self._partial_line = b""
        self._child: subprocess.Popen[bytes] | None = None
        if sys.platform == "linux" and importlib.util.find_spec("pulsectl"):
            command = [sys.executable, "-P", "-m", "assistant.audio.source_monitor", str(os.getpid())]
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert self._child.stdout
            os.set_blocking(self._child.stdout.fileno(), False)

    @property
    def is_on_monitor(self) -> bool:
        """Whether this program records a speaker's monitor, that is, what the speaker plays."""
        self._read_state()
        return self._state.get("on_monitor", False)

    @property
    def has_no_microphone(self) -> bool:
        """Whether all sources are monitors."""
        self._read_state()
        return self._state.get("no_microphone", False)

    def close(self) -> None:
        """Ends the child process."""
        if self._child:
            with self._child:  # closes the pipes and waits for the process
                self._child.kill()
            self._child = None

    def _read_state(self) -> None:
        while self._child and self._child.stdout and (data := self._child.stdout.read(4096)):
            *lines, self._partial_line = (self._partial_line + data).split(b"\n")
            if lines:
                with contextlib.suppress(InvalidValueError):
                    self._state = read_as(dict[str, bool], parse_json(lines[-1]), "sources")


def _pulse_state(pulse: Any, pid: str) -> dict[str, bool]:
    monitors = {source.index: source.monitor_of_sink != _INVALID_INDEX for source in pulse.source_list()}
    own_outputs = [
        output for output in pulse.source_output_list() if output.proplist.get("application.process.id") == pid
    ]
    return {
        "on_monitor": any(monitors.get(output.source, False) for output in own_outputs),
        "no_microphone": all(monitors.values()),
    }


def main(pid: str) -> None:
    """Child process: prints the state as JSON whenever it changes, until process `pid`, its parent, is gone."""
    import pulsectl

    printed_state: dict[str, bool] = {}
    while os.getppid() == int(pid):
        try:
            with pulsectl.Pulse("hark-watch", threading_lock=False) as pulse:
                while os.getppid() == int(pid):
                    state = _pulse_state(pulse, pid)
                    if state != printed_state:
                        print(json.dumps(state), flush=True)
                        printed_state = state
                    time.sleep(_POLL_INTERVAL_S)
        except pulsectl.PulseError:
            time.sleep(_POLL_INTERVAL_S)  # no sound server, or it went away


if __name__ == "__main__":
    main(sys.argv[1])
