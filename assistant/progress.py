"""What a worker thread is doing: marks by which a watchdog in another process tells slow from stuck."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

STEP_LIMIT_S = 120.0  # of a step that says nothing of its cost; those of a healthy model take about a second


@dataclass(frozen=True)
class WorkerMarks:
    """One moment of a worker. `step` grows with every step; the one under way began `seconds` ago and may take `limit`
    of them. `stage` is the part at work: "hear", "answer", "speak", or "" for none, as while one is loaded. `calls`: so
    many were taken up."""

    step_count: int = 0
    is_busy: bool = False
    stage: str = ""
    step_seconds: float = 0.0
    limit_s: float = STEP_LIMIT_S
    call_count: int = 0


class WorkerProgress:
    """The marks of one worker, which alone writes them; any thread may read them with `marks`."""

    def __init__(self) -> None:
        self._marks, self._step_started_at = WorkerMarks(), time.monotonic()

    def current_marks(self) -> WorkerMarks:
        """What the worker does at this moment."""
        marks, started_at = self._marks, self._step_started_at
        return replace(marks, step_seconds=time.monotonic() - started_at)

    def watch_this_thread(self) -> None:
        """The calling thread is the worker: what parts do in it is marked here from now on."""
        _watched.set(self)

    def begin_step(self, stage: str = "", limit: float = STEP_LIMIT_S) -> None:
        self._step_started_at = time.monotonic()
        self._marks = replace(
            self._marks, step_count=self._marks.step_count + 1, is_busy=True, stage=stage, limit_s=limit
        )

    def mark_idle(self) -> None:
        """Nothing is to be done."""
        self._marks = replace(self._marks, is_busy=False, stage="")

    def record_call_count(self, calls: int) -> None:
        """So many calls were taken up since the start."""
        self._marks = replace(self._marks, call_count=calls)

    def extend_limit(self, seconds: float) -> None:
        """The step under way takes so long from here on, at the most."""
        self._marks = replace(
            self._marks, limit_s=max(self._marks.limit_s, time.monotonic() - self._step_started_at + seconds)
        )


_watched: ContextVar[WorkerProgress | None] = ContextVar("watched", default=None)


@contextmanager
def watched_step(stage: str, limit: float) -> Iterator[None]:
    """The block is a step of its own, of the part `stage`, if this thread is watched. Steps may be nested."""
    progress = _watched.get()
    if progress is None:
        yield
        return
    outer = progress._marks
    progress.begin_step(stage, limit)
    try:
        yield
    finally:
        progress.begin_step(outer.stage, outer.limit_s)


def extend_step_limit(seconds: float) -> None:
    """The step under way takes up to so many seconds from here on, if this thread is watched."""
    progress = _watched.get()
    if progress is not None:
        progress.extend_limit(seconds)
