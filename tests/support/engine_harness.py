"""Harnesses for an engine in this process or in a child, whose events can be awaited."""

from __future__ import annotations

import os
import queue
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from assistant import events
from assistant.engine.engine import Engine
from assistant.events import Event
from assistant.ipc.client import EngineClient
from assistant.ipc.watchdog import WatchdogLimits
from assistant.paths import AppPaths
from assistant.progress import WorkerProgress
from assistant.settings import ResponderSettings, Settings, VoiceSettings

QUIET = replace(Settings(), responder=ResponderSettings(backend="silent"), voice=VoiceSettings("silent/none"))
Kind = TypeVar("Kind", bound=Event)


class EventCollector:
    """Collects an engine's events in `seen`; `until` waits for one of a kind."""

    engine: Engine | EngineClient

    def __init__(self) -> None:
        self.queue: queue.Queue[Event] = queue.Queue()
        self.seen: list[Event] = []
        self.listening: events.MicrophoneState | None = None

    def until(self, kind: type[Kind], seconds: float = 120, **fields: object) -> Kind:
        end = time.monotonic() + seconds
        while True:
            try:
                event = self.queue.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                came = [seen_event for seen_event in self.seen if not isinstance(seen_event, events.InputLevel)]
                raise AssertionError(f"no {kind.__name__} with {fields} in {seconds} s, but {came}") from None
            self._saw(event)
            if isinstance(event, kind) and all(getattr(event, key) == value for key, value in fields.items()):
                return event

    def drain(self) -> None:
        """Collect the events that have arrived so far."""
        while not self.queue.empty():
            self._saw(self.queue.get())

    def _saw(self, event: Event) -> None:
        self.seen.append(event)
        if isinstance(event, events.MicrophoneState):
            self.listening = event


class InProcessEngine(EventCollector):
    """An engine in this process."""

    engine: Engine

    def __init__(self, settings: Settings = QUIET) -> None:
        super().__init__()
        self._progress, self._call_count = WorkerProgress(), 0
        self.engine = Engine(settings, AppPaths.locate(), self.queue.put, self._progress)
        self.engine.start()

    def wait_for_worker(self) -> None:
        """Wait until the worker has carried out all calls so far."""
        self._call_count += 1
        self.engine.mark_command_taken(self._call_count)
        wait_for(lambda: self._progress.current_marks().call_count == self._call_count)


class ChildProcessEngine(EventCollector):
    """An engine in a process of its own."""

    engine: EngineClient

    def __init__(self, settings: Settings = QUIET, limits: WatchdogLimits | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.engine = EngineClient(settings, self.queue.put, limits)
        self.engine.start()


def wait_for(met: Callable[[], object]) -> None:
    """Wait until the condition holds, at most two minutes because the machine may be busy."""
    end = time.monotonic() + 120
    while not met():
        assert time.monotonic() < end
        time.sleep(0.02)


def children() -> set[int]:
    """Return the ids of this process's living children."""
    listing = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True)
    return {int(pid) for pid in listing.stdout.split() if Path(f"/proc/{pid}").exists()}
