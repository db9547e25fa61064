"""The bridge between engine and window: a signal for every kind of event, none for a conversation that was left."""

from __future__ import annotations

from typing import cast, get_args

import pytest
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QApplication

from assistant import events
from assistant.engine_api import EngineApi
from tests.support.window_harness import RecordingEngine
from ui.engine_bridge import EngineBridge

SHOWN = (
    events.TurnStarted(1), events.Heard("q"), events.PartialTranscript("q"), events.Wrote("a"),
    events.RegionPointed("cat", "d" * 64, 1, 1, 2, 2), events.TurnEnded("answered"), events.StateChanged("ready"),
    events.ModelLoading("voice", False), events.Notice("n"), events.ErrorOccurred("look", "m", "h"),
    events.PictureAdded("d" * 64, "p.png", 9, 6, 9, 6, bytes(162)), events.PictureRemoved("d" * 64),
    events.PictureCostEstimated("d" * 64, 9, 6, 1, 1.0, 1.0), events.InputLevel(0.5),
    events.MicrophoneState(True, False), events.MicrophoneTestResult("speech", True),
    events.VoicesAvailable((), ()), events.AudioDevicesAvailable((), ()),
)  # fmt: skip
NOT_SHOWN = {events.Said, events.AudioProduced, events.ConversationOpened}


class BridgeRecorder:
    """A bridge that records which of its signals were emitted with which arguments."""

    def __init__(self) -> None:
        self.bridge = EngineBridge(lambda _: cast(EngineApi, RecordingEngine()))
        self.signals: list[tuple[str, events.Event]] = []
        for name, value in vars(EngineBridge).items():
            if isinstance(value, Signal) and name != "event_received":
                getattr(self.bridge, name).connect(lambda event, name=name: self.signals.append((name, event)))

    def names(self, *received: events.Event) -> list[str]:
        self.signals.clear()
        for event in received:
            self.bridge.handle_event(event)
        return [name for name, _ in self.signals]


@pytest.fixture
def emitted(qapp: QApplication) -> BridgeRecorder:
    return BridgeRecorder()


def test_every_kind_of_event_has_a_signal_of_its_own(emitted: BridgeRecorder) -> None:
    assert {type(event) for event in SHOWN} | NOT_SHOWN == set(get_args(events.Event))
    names = emitted.names(*SHOWN)
    assert [event for _, event in emitted.signals] == list(SHOWN) and len(set(names)) == len(SHOWN)


def test_engine_is_made_once_when_it_is_first_used(qapp: QApplication) -> None:
    engines: list[RecordingEngine] = []

    def make_engine(_: object) -> EngineApi:
        engines.append(RecordingEngine())
        return cast(EngineApi, engines[-1])

    bridge = EngineBridge(make_engine)
    assert not engines
    assert bridge.engine is bridge.engine and len(engines) == 1


def test_events_of_a_conversation_that_was_left_are_dropped(emitted: BridgeRecorder) -> None:
    emitted.bridge.open_conversation(7)
    emitted.bridge.ask_again(3, "q")
    late = (events.Wrote("a"), events.ConversationOpened(7, opening_id=1), events.Wrote("b", opening_id=1))
    assert not emitted.names(*late)
    assert emitted.names(events.StateChanged("ready")) == ["state_changed"], "it belongs to no conversation"
    assert emitted.names(events.Wrote("c", opening_id=2)) == ["answer_written"]


@pytest.mark.parametrize("opening", [0, 1])
def test_a_new_engine_opens_the_conversation_under_any_number(emitted: BridgeRecorder, opening: int) -> None:
    emitted.bridge.open_conversation(7)
    assert emitted.names(events.StateChanged("restarting"), events.Wrote("a", opening_id=1)) == ["state_changed"]
    opened = events.ConversationOpened(7, opening_id=opening)
    assert emitted.names(opened, events.Wrote("b", opening_id=opening)) == ["answer_written"]
