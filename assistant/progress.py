"""Marks a worker thread's progress, by which a watchdog in another process tells a slow worker from a stuck one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

STEP_LIMIT_S = 120.0  # of a step that sets no limit of its own; the steps of a healthy model take about a second


@dataclass(frozen=True)
class WorkerMarks:
    """What a worker does at one moment."""

    step_count: int = 0  # steps that were begun
    is_busy: bool = False
    stage: str = ""  # the backend at work: "hear", "answer" or "speak"; "" for none, as while one is loaded
    step_elapsed_s: float = 0.0  # since the step under way began
    limit_s: float = STEP_LIMIT_S  # how long it may take
    call_count: int = 0  # commands that the worker took up


class WorkerProgress:
    """The marks of one worker, which alone writes them. Any thread may read them by `current_marks`."""

    def __init__(self) -> None:
        self._marks, self._step_started_at_s = WorkerMarks(), time.monotonic()

    def current_marks(self) -> WorkerMarks:
        """The marks at this moment."""
        marks, started_at_s = self._marks, self._step_started_at_s
        return replace(marks, step_elapsed_s=time.monotonic() - started_at_s)

    def watch_this_thread(self) -> None:
        """Makes the calling thread the worker: `watched_step` in it writes here."""
        _watched.set(self)

    def begin_step(self, stage: str = "", limit_s: float = STEP_LIMIT_S) -> None:
        """A step of the backend `stage` begins, and ends the one before."""
        self._step_started_at_s = time.monotonic()
        self._marks = replace(
            self._marks, step_count=self._marks.step_count + 1, is_busy=True, stage=stage, limit_s=limit_s
        )

    def mark_idle(self) -> None:
        """The worker waits."""
        self._marks = replace(self._marks, is_busy=False, stage="")

    def record_call_count(self, count: int) -> None:
        """So many commands were taken up since the start."""
        self._marks = replace(self._marks, call_count=count)

    def extend_limit(self, duration_s: float) -> None:
        """The step under way may take so long from now on."""
        self._marks = replace(
            self._marks, limit_s=max(self._marks.limit_s, time.monotonic() - self._step_started_at_s + duration_s)
        )


_watched: ContextVar[WorkerProgress | None] = ContextVar("watched", default=None)


@contextmanager
def watched_step(stage: str, limit_s: float) -> Iterator[None]:
    """Marks its block as a step of the backend `stage`, if this thread is watched. Steps may be nested."""
    progress = _watched.get()
    if progress is None:
        yield
        return
    outer = progress._marks
    progress.begin_step(stage, limit_s)
    try:
        yield
    finally:
        progress.begin_step(outer.stage, outer.limit_s)


def extend_step_limit(duration_s: float) -> None:
    """The step under way may take so many seconds from now on, if this thread is watched."""
    progress = _watched.get()
    if progress is not None:
        progress.extend_limit(duration_s)
