"""A pytest plugin that retries realtime tests and reports why."""

from __future__ import annotations

import hypothesis
import pytest

# Hypothesis' own limit of 200 ms an example, and of how long it may draw, is one of a quiet machine.
hypothesis.settings.register_profile(
    "hark", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("hark")

RETRIES = 2
_retried: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On a busy machine sound and screen can be late; a real defect fails every time."""
    for item in items:
        if item.get_closest_marker("realtime"):
            item.add_marker(pytest.mark.flaky(reruns=RETRIES))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if str(report.outcome) == "rerun":  # of pytest-rerunfailures
        crash = getattr(report.longrepr, "reprcrash", None)
        reason = crash.message if crash else str(report.longrepr)
        _retried.append(f"tried again: {report.nodeid}: {reason.splitlines()[0][:300]}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _retried:
        terminalreporter.write_line(line)
