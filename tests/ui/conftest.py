"""The window fixtures: a window over a history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from assistant.settings import Settings, WindowSettings
from tests.support.window_harness import Past, WindowHarness
from ui.accessibility.announcer import Announcer


@pytest.fixture
def past() -> Past:
    """The conversations in the history: none. Files of tests that are about them have a fixture of their own."""
    return ()


@pytest.fixture
def harness(qtbot: QtBot, home: Path, past: Past) -> Iterator[WindowHarness]:
    """Yield a window whose first run is done."""
    harness = WindowHarness(qtbot, home, Settings(window=WindowSettings(first_run_done=True)), past)
    yield harness
    harness.close()


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of texts that the screen reader is given from now on."""
    announced: list[str] = []
    monkeypatch.setattr(Announcer, "read_text", lambda _, text: announced.append(text))
    return announced
