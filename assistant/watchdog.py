"""Tells a slow engine from a frozen or stuck one by the worker's own marks. It has no thread and no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from assistant.progress import STEP_LIMIT_S, Marks

Health = Literal["healthy", "working", "frozen", "stuck", "dead"]
_LOST_TICK_S = 2.0  # between two checks: this process itself stood still, so that what it did not see means nothing
_SILENT_S = 1.0  # beats missed, after which the processor time is looked at
_MOST_KNOWN_S = 15.0  # of a healthy step that is taken as a measure for the next ones


@dataclass(frozen=True)
class WatchdogLimits:
    """In seconds. A busy step that gives nothing is told after `working`; a process that neither speaks nor computes
    is told after `frozen` and replaced after `dead`. Who says stop, or asks the next question, waits `stop` for a step
    of a model or voice that does not end; what Hark does itself, such as opening a picture, has its own limit alone. A
    step's own limit is multiplied by `factor`."""

    working: float = 3.0
    frozen: float = 3.5
    dead: float = 9.5
    stop: float = 8.0
    factor: float = 1.0


class Watchdog:
    """Watches one child after another. `processor_s` gives the processor time that the child has used, in seconds: one
    that sends no marks but computes (a library may hold Python's lock for long) is busy, not frozen."""

    def __init__(self, limits: WatchdogLimits, processor_s: Callable[[], float]) -> None:
        self._limits, self._processor_s = limits, processor_s
        self._known: dict[str, float] = {}  # by stage, the longest step that came to an end
        self.start(0.0)

    def start(self, now: float) -> None:
        """A new child."""
        self.marks = Marks()
        self._sign = self._computed = self._shown = self._checked = now
        self._used, self._working = -1.0, False
        self._awaited: deque[tuple[int, float]] = deque()

    def on_sign(self, now: float, shows: bool = False) -> None:
        """Something came from the child. `shows`: the user sees or hears of it."""
        self._sign = now
        if shows:
            self._shown = now

    def on_marks(self, marks: Marks, now: float) -> None:
        before, self.marks = self.marks, marks
        self._sign = now
        if before.busy and marks.step != before.step:
            known = max(self._known.get(before.stage, 0.0), before.seconds)
            self._known[before.stage] = min(known, _MOST_KNOWN_S)
        while self._awaited and self._awaited[0][0] <= marks.calls:
            self._awaited.popleft()

    def await_call(self, number: int, now: float) -> None:
        """The user waits for the worker to take up this call, the child's `number`-th."""
        self._awaited.append((number, now))

    def check(self, now: float, awaited: bool, loading: bool) -> Health:
        """How the child is. `awaited`: the user waits for what it does; `loading`: it loads its models."""
        if now - self._checked > _LOST_TICK_S:
            self._sign = self._computed = now
        self._checked = now
        self._look_at_processor(now)
        silent = now - self._sign
        still = now - max(self._sign, self._computed)
        busy = self.marks.seconds + silent if self.marks.busy else 0.0
        limits = self._limits
        if still > limits.dead or silent > max(STEP_LIMIT_S, self.marks.limit) * limits.factor:
            return "dead"
        if busy > self.marks.limit * limits.factor or (not loading and self._ignores_user(now, busy)):
            return "stuck"
        if still > limits.frozen:
            return "frozen"
        # Once told it holds until something comes: steps that follow one another are not each told anew.
        at_work = self.marks.busy or silent > _SILENT_S
        waits = awaited and at_work and not loading and now - self._shown > limits.working
        self._working = waits and (self._working or max(busy, silent) > limits.working)
        return "working" if self._working else "healthy"

    def _look_at_processor(self, now: float) -> None:
        if now - self._sign < _SILENT_S:
            self._used = -1.0
            return
        used = self._processor_s()
        if self._used >= 0 and used != self._used:
            self._computed = now
        self._used = used

    def _ignores_user(self, now: float, busy: float) -> bool:
        if not self.marks.stage:
            return False
        patience = max(self._limits.stop, 2 * self._known.get(self.marks.stage, 0.0))
        return bool(self._awaited) and min(now - self._awaited[0][1], busy) > patience
