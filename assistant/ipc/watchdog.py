"""Tells a slow engine from a frozen or stuck one by the worker's marks. It has no thread and no clock of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from assistant.progress import STEP_LIMIT_S, WorkerMarks

Health = Literal["healthy", "working", "frozen", "stuck", "dead"]
_MAX_CHECK_GAP_S = 2.0  # after a longer gap between two checks this process itself stood still, and saw no signs
_SILENCE_LIMIT_S = 1.0  # without a sign; the processor time of the child is looked at after that
_MAX_KNOWN_STEP_S = 15.0  # steps that took longer are no measure for the next ones


@dataclass(frozen=True)
class WatchdogLimits:
    """When a process counts as what. A process is silent while it sends neither marks nor events."""

    working_s: float = 3.0  # "working": so long busy with one step that emits nothing, while the user waits
    frozen_s: float = 3.5  # "frozen": so long silent without using the processor
    dead_s: float = 9.5  # "dead": the same for longer; it is to be replaced
    stop_s: float = 8.0  # "stuck": so long in a backend's step while the user waits for a command to be taken up
    factor: float = 1.0  # "stuck" too: in a step that takes longer than this multiple of its own limit


class EngineWatchdog:
    """Watches one process after another. All times are of one clock, in seconds.

    `processor_s`: gives the processor time that the process has used. One that is silent but computes is busy, not
    frozen: a library may hold Python's lock for long."""

    def __init__(self, limits: WatchdogLimits, processor_s: Callable[[], float]) -> None:
        self._limits, self._processor_s = limits, processor_s
        self._longest_steps: dict[str, float] = {}  # by stage, the longest step that came to an end
        self.watch_new_child(0.0)

    def watch_new_child(self, time_s: float) -> None:
        """A new process was started."""
        self.marks = WorkerMarks()
        self._last_sign = self._last_computed = self._last_shown = self._last_checked = time_s
        self._used_processor_s, self._is_working = -1.0, False
        self._awaited_calls: deque[tuple[int, float]] = deque()

    def record_sign(self, time_s: float, is_shown: bool = False) -> None:
        """Something came from the process. `is_shown`: the user sees or hears it."""
        self._last_sign = time_s
        if is_shown:
            self._last_shown = time_s

    def record_marks(self, marks: WorkerMarks, time_s: float) -> None:
        """Marks came from the process."""
        previous_marks, self.marks = self.marks, marks
        self._last_sign = time_s
        if previous_marks.is_busy and marks.step_count != previous_marks.step_count:
            longest_s = max(self._longest_steps.get(previous_marks.stage, 0.0), previous_marks.step_elapsed_s)
            self._longest_steps[previous_marks.stage] = min(longest_s, _MAX_KNOWN_STEP_S)
        while self._awaited_calls and self._awaited_calls[0][0] <= marks.call_count:
            self._awaited_calls.popleft()

    def await_call(self, number: int, time_s: float) -> None:
        """The user waits for the worker to take up a command, the process's `number`-th."""
        self._awaited_calls.append((number, time_s))

    def check_health(self, time_s: float, is_awaited: bool, is_loading: bool) -> Health:
        """How the process is. `is_awaited`: the user waits for what it does; `is_loading`: it loads its models."""
        if time_s - self._last_checked > _MAX_CHECK_GAP_S:
            self._last_sign = self._last_computed = time_s
        self._last_checked = time_s
        self._check_processor_time(time_s)
        silent_s = time_s - self._last_sign
        inactive_s = time_s - max(self._last_sign, self._last_computed)
        busy_s = self.marks.step_elapsed_s + silent_s if self.marks.is_busy else 0.0
        limits = self._limits
        if inactive_s > limits.dead_s or silent_s > max(STEP_LIMIT_S, self.marks.limit_s) * limits.factor:
            return "dead"
        if busy_s > self.marks.limit_s * limits.factor or (not is_loading and self._ignores_user(time_s, busy_s)):
            return "stuck"
        if inactive_s > limits.frozen_s:
            return "frozen"
        # Until something is shown it stays "working", also when the next step begins.
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
