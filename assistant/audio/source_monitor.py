"""Watches from which source this program records, in a process of its own. Knows nothing of what is recorded.

When a microphone is unplugged PulseAudio (and PipeWire) silently move the stream to another source, at worst to the
speaker's monitor, and the program hears itself. PortAudio cannot see that, so the sound server is asked; it may be
frozen, so a child asks. Where there is no such server, nothing is known and nothing is moved."""

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

_EVERY = 0.3  # seconds
_INVALID = 0xFFFFFFFF


class SourceMonitor:
    """`on_monitor`: this program records what a speaker plays. `no_microphone`: all sources are such."""

    def __init__(self) -> None:
        self._facts: dict[str, bool] = {}
        self._rest = b""
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
        self._read_state()
        return self._facts.get("on_monitor", False)

    @property
    def has_no_microphone(self) -> bool:
        self._read_state()
        return self._facts.get("no_microphone", False)

    def close(self) -> None:
        if self._child:
            with self._child:  # its end closes the pipes, and waits
                self._child.kill()
            self._child = None

    def _read_state(self) -> None:
        while self._child and self._child.stdout and (data := self._child.stdout.read(4096)):
            *lines, self._rest = (self._rest + data).split(b"\n")
            if lines:
                with contextlib.suppress(InvalidValueError):
                    self._facts = read_as(dict[str, bool], parse_json(lines[-1]), "sources")


def _pulse_state(pulse: Any, pid: str) -> dict[str, bool]:
    monitors = {source.index: source.monitor_of_sink != _INVALID for source in pulse.source_list()}
    ours = [out for out in pulse.source_output_list() if out.proplist.get("application.process.id") == pid]
    return {
        "on_monitor": any(monitors.get(out.source, False) for out in ours),
        "no_microphone": all(monitors.values()),
    }


def main(pid: str) -> None:
    """Prints the facts whenever they change, until the program that started this is gone."""
    import pulsectl

    last: dict[str, bool] = {}
    while os.getppid() == int(pid):
        try:
            with pulsectl.Pulse("hark-watch", threading_lock=False) as pulse:
                while os.getppid() == int(pid):
                    facts = _pulse_state(pulse, pid)
                    if facts != last:
                        print(json.dumps(facts), flush=True)
                        last = facts
                    time.sleep(_EVERY)
        except pulsectl.PulseError:
            time.sleep(_EVERY)  # no such server, or it went away


if __name__ == "__main__":
    main(sys.argv[1])
