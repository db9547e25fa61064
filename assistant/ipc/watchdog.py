"""Tells a slow engine from a frozen or stuck one by the worker's own marks. It has no thread and no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from assistant.progress import STEP_LIMIT_S, WorkerMarks

Health = Literal["healthy", "working", "frozen", "stuck", "dead"]
_MAX_TICK_GAP_S = 2.0  # between two checks: this process itself stood still, so that what it did not see means nothing
_SILENCE_LIMIT_S = 1.0  # beats missed, after which the processor time is looked at
_MAX_KNOWN_STEP_S = 15.0  # of a healthy step that is taken as a measure for the next ones


@dataclass(frozen=True)
class WatchdogLimits:
    """In seconds. A busy step that gives nothing is told after `working`; a process that neither speaks nor computes
    is told after `frozen` and replaced after `dead`. Who says stop, or asks the next question, waits `stop` for a step
    of a model or voice that does not end; what Hark does itself, such as opening a picture, has its own limit alone. A
    step's own limit is multiplied by `factor`."""

    working_s: float = 3.0
    frozen_s: float = 3.5
    dead_s: float = 9.5
    stop_s: float = 8.0
    factor: float = 1.0


class EngineWatchdog:
    """Watches one child after another. `processor_s` gives the processor time that the child has used, in seconds: one
    that sends no marks but computes (a library may hold Python's lock for long) is busy, not frozen."""

    def __init__(self, limits: WatchdogLimits, processor_s: Callable[[], float]) -> None:
        self._limits, self._processor_s = limits, processor_s
        self._longest_steps: dict[str, float] = {}  # by stage, the longest step that came to an end
        self.watch_new_child(0.0)

    def watch_new_child(self, time_s: float) -> None:
        """A new child."""
        self.marks = WorkerMarks()
        self._last_sign = self._last_computed = self._last_shown = self._last_checked = time_s
        self._used_processor_s, self._is_working = -1.0, False
        self._awaited_calls: deque[tuple[int, float]] = deque()

    def record_sign(self, time_s: float, is_shown: bool = False) -> None:
        """Something came from the child. `shows`: the user sees or hears of it."""
        self._last_sign = time_s
        if is_shown:
            self._last_shown = time_s

    def record_marks(self, marks: WorkerMarks, time_s: float) -> None:
        previous_marks, self.marks = self.marks, marks
        self._last_sign = time_s
        if previous_marks.is_busy and marks.step_count != previous_marks.step_count:
            longest_s = max(self._longest_steps.get(previous_marks.stage, 0.0), previous_marks.step_seconds)
            self._longest_steps[previous_marks.stage] = min(longest_s, _MAX_KNOWN_STEP_S)
        while self._awaited_calls and self._awaited_calls[0][0] <= marks.call_count:
            self._awaited_calls.popleft()

    def await_call(self, number: int, time_s: float) -> None:
        """The user waits for the worker to take up this call, the child's `number`-th."""
        self._awaited_calls.append((number, time_s))

    def check_health(self, time_s: float, is_awaited: bool, is_loading: bool) -> Health:
        """How the child is. `awaited`: the user waits for what it does; `loading`: it loads its models."""
        if time_s - self._last_checked > _MAX_TICK_GAP_S:
            self._last_sign = self._last_computed = time_s
        self._last_checked = time_s
        self._check_processor_time(time_s)
        silent_s = time_s - self._last_sign
        inactive_s = time_s - max(self._last_sign, self._last_computed)
        busy_s = self.marks.step_seconds + silent_s if self.marks.is_busy else 0.0
        limits = self._limits
        if inactive_s > limits.dead_s or silent_s > max(STEP_LIMIT_S, self.marks.limit_s) * limits.factor:
            return "dead"
        if busy_s > self.marks.limit_s * limits.factor or (not is_loading and self._ignores_user(time_s, busy_s)):
            return "stuck"
        if inactive_s > limits.frozen_s:
            return "frozen"
        # Once told it holds until something comes: steps that follow one another are not each told anew.
        is_at_work = self.marks.is_busy or silent_s > _SILENCE_LIMIT_S
        is_user_waiting = is_awaited and is_at_work and not is_loading and time_s - self._last_shown > limits.working_s
        self._is_working = is_user_waiting and (self._is_working or max(busy_s, silent_s) > limits.working_s)
        return "working" if self._is_working else "healthy"

    def _check_processor_time(self, time_s: float) -> None:
        if time_s - self._last_sign < _SILENCE_LIMIT_S:
            self._used_processor_s = -1.0
            return
        used_s = self._processor_s()
        if self._used_processor_s >= 0 and used_s != self._used_processor_s:
            self._last_computed = time_s
        self._used_processor_s = used_s

    def _ignores_user(self, time_s: float, busy_s: float) -> bool:
        if not self.marks.stage:
            return False
        stop_limit_s = max(self._limits.stop_s, 2 * self._longest_steps.get(self.marks.stage, 0.0))
        return bool(self._awaited_calls) and min(time_s - self._awaited_calls[0][1], busy_s) > stop_limit_s
