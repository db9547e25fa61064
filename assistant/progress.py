"""What a worker thread is doing: marks by which a watchdog in another process tells slow from stuck."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

STEP_LIMIT_S = 120.0  # of a step that says nothing of its cost; those of a healthy model take about a second


@dataclass(frozen=True)
class Marks:
    """One moment of a worker. `step` grows with every step; the one under way began `seconds` ago and may take `limit`
    of them. `stage` is the part at work: "hear", "answer", "speak", or "" for none, as while one is loaded. `calls`: so
    many were taken up."""

    step: int = 0
    busy: bool = False
    stage: str = ""
    seconds: float = 0.0
    limit: float = STEP_LIMIT_S
    calls: int = 0


class Progress:
    """The marks of one worker, which alone writes them; any thread may read them with `marks`."""

    def __init__(self) -> None:
        self._now, self._since = Marks(), time.monotonic()

    def marks(self) -> Marks:
        """What the worker does at this moment."""
        now, since = self._now, self._since
        return replace(now, seconds=time.monotonic() - since)

    def watch(self) -> None:
        """The calling thread is the worker: what parts do in it is marked here from now on."""
        _watched.set(self)

    def begin_step(self, stage: str = "", limit: float = STEP_LIMIT_S) -> None:
        self._since = time.monotonic()
        self._now = replace(self._now, step=self._now.step + 1, busy=True, stage=stage, limit=limit)

    def rest(self) -> None:
        """Nothing is to be done."""
        self._now = replace(self._now, busy=False, stage="")

    def note_calls(self, calls: int) -> None:
        """So many calls were taken up since the start."""
        self._now = replace(self._now, calls=calls)

    def allow(self, seconds: float) -> None:
        """The step under way takes so long from here on, at the most."""
        self._now = replace(self._now, limit=max(self._now.limit, time.monotonic() - self._since + seconds))


_watched: ContextVar[Progress | None] = ContextVar("watched", default=None)


@contextmanager
def step(stage: str, limit: float) -> Iterator[None]:
    """The block is a step of its own, of the part `stage`, if this thread is watched. Steps may be nested."""
    progress = _watched.get()
    if progress is None:
        yield
        return
    outer = progress._now
    progress.begin_step(stage, limit)
    try:
        yield
    finally:
        progress.begin_step(outer.stage, outer.limit)


def allow(seconds: float) -> None:
    """The step under way takes up to so many seconds from here on, if this thread is watched."""
    progress = _watched.get()
    if progress is not None:
        progress.allow(seconds)
