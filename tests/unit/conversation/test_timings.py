"""What the times of a turn count."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, cast

from assistant import backends
from assistant.backends.starter import StarterResponder
from assistant.conversation.session import Session
from assistant.conversation.turn_runner import TurnRequest, run_request
from assistant.events import TurnEnded
from assistant.interfaces import Backends, LoadOptions, Responder
from assistant.messages import Message
from assistant.paths import AppPaths
from assistant.settings import Settings


class LateLoadingResponder(Responder):
    """Loads for a tenth of a second when it answers."""

    model_name = "late"

    def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        start = time.monotonic()
        time.sleep(0.1)
        self.late_loading_seconds += time.monotonic() - start
        yield "Yes."


class UnloadedModels:
    """A model manager whose back ends load nothing before they are used."""

    def load_backends(self, _settings: Settings, _hears: bool) -> Generator[Any, None, Backends]:
        yield from ()
        silent = LoadOptions()
        return Backends(
            backends.load_transcriber("silent", silent), LateLoadingResponder(), backends.load_voice("silent", silent)
        )


def test_loading_during_an_answer_counts_as_loading(home: Path) -> None:
    events: list[Any] = []
    desk = Session(Settings(), AppPaths.locate(), None, cast("Any", UnloadedModels()))
    assert run_request(TurnRequest("Yes?"), desk, events.append) is None
    (ended,) = [event for event in events if isinstance(event, TurnEnded)]
    times = ended.timings
    assert times.load >= 0.1 and times.first_word is not None and times.total is not None
    assert times.total >= times.load + times.first_word - 0.001, "the first word counts from the end of loading"
    assert times.first_word < times.total - 0.099


def test_starter_kit_reports_how_long_it_loaded(circle: Path) -> None:
    from assistant.pictures import open_picture

    starter = StarterResponder()
    list(starter.reply([Message("user", "What colour is the circle?", (open_picture(circle),))]))
    first = starter.late_loading_seconds
    list(starter.reply([Message("user", "What colour is the circle?", (open_picture(circle),))]))
    assert 0 < first == starter.late_loading_seconds
