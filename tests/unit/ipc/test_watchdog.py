"""The watchdog's rules, by a clock of the test's own: slow is not stuck, and frozen is not slow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.ipc.watchdog import EngineWatchdog, Health, WatchdogLimits
from assistant.progress import WorkerMarks, WorkerProgress, extend_step_limit, watched_step

STEP = WorkerMarks(step_count=1, is_busy=True, stage="answer", limit_s=60.0)


class ScriptedProcess:
    """An engine process as the watchdog sees it; it sends its marks twice a second."""

    def __init__(self, **limits: float) -> None:
        self.time_s, self.processor = 100.0, 0.0
        self.watchdog = EngineWatchdog(WatchdogLimits(**limits), lambda: self.processor)
        self.watchdog.watch_new_child(self.time_s)
        self.findings: list[tuple[float, Health]] = []  # seconds of the script, and the health from then on

    def live(
        self, seconds: float, marks: WorkerMarks | None, awaited: bool = True, loading: bool = False, work: float = 0.0
    ) -> Health:
        """`marks`: those of its step, None for a process that sends nothing; `work`: its share of a processor."""
        health: Health = "healthy"
        for tick in range(round(seconds * 4)):
            self.time_s += 0.25
            self.processor += work / 4
            if marks and tick % 2:
                marks = replace(marks, step_elapsed_s=marks.step_elapsed_s + 0.5) if marks.is_busy else marks
                self.watchdog.record_marks(marks, self.time_s)
            health = self.watchdog.check_health(self.time_s, awaited, loading)
            if not self.findings or self.findings[-1][1] != health:
                self.findings.append((self.time_s - 100.0, health))
        return health

    def when(self, finding: Health) -> float:
        return next((time_s for time_s, health in self.findings if health == finding), float("inf"))


def test_silent_process_is_frozen_within_5_s_and_dead_within_10_s() -> None:
    child = ScriptedProcess()
    child.live(12, None)
    assert 2 < child.when("frozen") <= 5 and 5 < child.when("dead") <= 10


def test_process_that_computes_without_marks_is_not_frozen() -> None:
    child = ScriptedProcess()
    assert child.live(60, None, awaited=False, work=0.5) == "healthy"
    assert child.live(90, None, awaited=False, work=0.5) == "dead", "but not for ever"


def test_busy_step_is_working_after_3_s_and_stuck_only_at_its_limit() -> None:
    child = ScriptedProcess()
    assert child.live(59, STEP) == "working"
    assert 3 <= child.when("working") <= 4 and child.when("stuck") == float("inf")
    assert child.live(2, replace(STEP, step_elapsed_s=59.5)) == "stuck"


@pytest.mark.parametrize("seconds", [1, 10, 50])
def test_slow_steps_that_end_are_never_stuck(seconds: float) -> None:
    child = ScriptedProcess()
    for number in range(20):
        child.live(seconds, replace(STEP, step_count=number))
    assert {health for _, health in child.findings} <= {"healthy", "working"}
    assert len(child.findings) <= 2, "told once, not for each"


def test_step_that_nobody_waits_for_is_healthy() -> None:
    child = ScriptedProcess()
    assert child.live(30, STEP, awaited=False) == "healthy"


def test_step_that_ignores_an_interruption_is_stuck() -> None:
    child = ScriptedProcess()
    child.live(10, STEP)
    child.watchdog.await_call(7, child.time_s)
    assert child.live(7, replace(STEP, step_elapsed_s=10)) == "working"
    assert child.live(2, replace(STEP, step_elapsed_s=17)) == "stuck"


def test_step_that_ends_after_an_interruption_is_healthy() -> None:
    child = ScriptedProcess()
    child.live(10, STEP)
    child.watchdog.await_call(7, child.time_s)
    child.live(2, replace(STEP, step_elapsed_s=10))
    assert child.live(60, WorkerMarks(step_count=2, call_count=7)) == "healthy"


def test_step_may_take_twice_as_long_as_the_last_ones() -> None:
    child = ScriptedProcess()
    child.live(12, STEP)
    child.watchdog.record_marks(replace(STEP, step_count=2), child.time_s)
    child.watchdog.await_call(1, child.time_s)
    assert child.live(20, replace(STEP, step_count=2)) == "working"
    assert child.live(5, replace(STEP, step_count=2, step_elapsed_s=20)) == "stuck"


def test_question_during_loading_makes_nothing_stuck() -> None:
    child = ScriptedProcess()
    child.watchdog.await_call(1, child.time_s)
    assert child.live(50, STEP, loading=True) == "healthy"
    assert child.live(20, replace(STEP, step_elapsed_s=50), loading=True) == "stuck"


def test_process_is_healthy_after_the_window_itself_stood_still() -> None:
    child = ScriptedProcess()
    child.live(1, STEP)
    child.time_s += 3600
    assert child.live(0.25, None) == "healthy"


def test_nested_steps_have_limits_of_their_own() -> None:
    progress = WorkerProgress()
    progress.watch_this_thread()
    progress.begin_step(limit_s=100)
    with watched_step("answer", 5):
        inner = progress.current_marks()
        with watched_step("hear", 7):
            assert (progress.current_marks().stage, progress.current_marks().limit_s) == ("hear", 7)
        extend_step_limit(50)
        assert progress.current_marks().limit_s >= 50
    outer = progress.current_marks()
    assert (inner.stage, inner.limit_s, inner.is_busy) == ("answer", 5, True)
    assert (outer.stage, outer.limit_s) == ("", 100) and outer.step_count > inner.step_count
    progress.mark_idle()
    assert not progress.current_marks().is_busy


def test_slices_of_a_prompt_are_sized_by_the_time_they_take() -> None:
    from assistant.backends.qwen2_vl.generation import TextGenerator
    from tests.support import qwen2_vl_models

    language = TextGenerator(qwen2_vl_models.stock_model(), 64)
    language.note_slice(64, 4.0)
    assert language.slice_tokens == 16
    language.note_slice(16, 30.0)
    assert language.slice_tokens == 8, "but never of single tokens"
    language.note_slice(8, 0.05)
    assert language.slice_tokens == 64
    language.note_slice(64, 0.001)
    assert language.slice_tokens == 64, "and no larger than a turn may have to wait for"


def test_question_that_waits_for_a_picture_to_open_makes_nothing_stuck() -> None:
    child = ScriptedProcess()
    opening = replace(STEP, stage="")
    child.live(1, opening)
    child.watchdog.await_call(7, child.time_s)
    assert child.live(40, replace(opening, step_elapsed_s=1)) == "working"
    assert child.when("stuck") == float("inf")


def test_library_that_holds_pythons_lock_is_not_stuck() -> None:
    child = ScriptedProcess()
    child.watchdog.record_marks(replace(STEP, stage=""), child.time_s)
    child.watchdog.await_call(7, child.time_s)
    assert child.live(30, None, work=0.5) == "working"
