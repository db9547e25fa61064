"""The engine as Qt objects see it: a named signal for every kind of event, in the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, SignalInstance, Slot

from assistant import events
from assistant.events import Event

if TYPE_CHECKING:
    from assistant.engine_api import EngineApi
    from assistant.settings import Settings

_NO_OPENING = -1  # until a new engine has opened the conversation


class EngineBridge(QObject):
    """`engine` takes the calls, each of which returns at once; those that open a conversation go through the bridge,
    which drops events of the conversation that was left. Every signal carries its event.

    `event_received` carries all events, as they come from the engine's threads. `make_engine` makes the engine, given
    the function that it reports events to."""

    event_received = Signal(object)

    state_changed, model_loading = Signal(object), Signal(object)
    turn_started, transcript_heard, answer_written = Signal(object), Signal(object), Signal(object)
    region_pointed, turn_ended, partial_transcript = Signal(object), Signal(object), Signal(object)
    notice_received, error_occurred = Signal(object), Signal(object)
    picture_added, picture_cost_estimated, picture_removed = Signal(object), Signal(object), Signal(object)
    input_level, microphone_state, microphone_tested = Signal(object), Signal(object), Signal(object)
    voices_available, audio_devices_available = Signal(object), Signal(object)

    def __init__(self, make_engine: Callable[[Callable[[Event], None]], EngineApi]) -> None:
        super().__init__()
        self._last_opening = self._shown_opening = 0  # of conversations, numbered as they are opened
        self._signals: dict[type, SignalInstance] = {
            events.TurnStarted: self.turn_started,
            events.Heard: self.transcript_heard,
            events.PartialTranscript: self.partial_transcript,
            events.Wrote: self.answer_written,
            events.RegionPointed: self.region_pointed,
            events.TurnEnded: self.turn_ended,
            events.StateChanged: self.state_changed,
            events.ModelLoading: self.model_loading,
            events.Notice: self.notice_received,
            events.ErrorOccurred: self.error_occurred,
            events.PictureAdded: self.picture_added,
            events.PictureCostEstimated: self.picture_cost_estimated,
            events.PictureRemoved: self.picture_removed,
            events.InputLevel: self.input_level,
            events.MicrophoneState: self.microphone_state,
            events.MicrophoneTestResult: self.microphone_tested,
            events.VoicesAvailable: self.voices_available,
            events.AudioDevicesAvailable: self.audio_devices_available,
        }
        self.event_received.connect(self.handle_event)
        self._make_engine = make_engine

    @cached_property
    def engine(self) -> EngineApi:
        """The engine, made when it is first used, after the first paint."""
        return self._make_engine(self._emit_event)

    @Slot(object)
    def handle_event(self, event: Event) -> None:
        """Emits the signal of an event, unless it belongs to a conversation that was left."""
        self._track_opening(event)
        is_late = isinstance(event, events.ConversationEvent) and event.opening_id != self._shown_opening
        signal = self._signals.get(type(event))
        if signal and not is_late:
            signal.emit(event)

    def open_conversation(self, conversation: int | None, is_private: bool = False) -> None:
        """Opens a conversation of the history, or a new one for None; events of the one before are dropped from now
        on."""
        self.engine.open_conversation(conversation, is_private, self._number_opening())

    def ask_again(self, turn: int, text: str) -> None:
        """Asks a turn of the history again in a branch, which is another conversation, with other words if `text`
        differs."""
        self.engine.ask_again(turn, text, self._number_opening())

    @Slot(object, object)
    def apply_settings(self, old: Settings, new: Settings) -> None:
        """Gives the engine its settings, if any that concern it have changed."""
        if replace(old, window=new.window) != new:  # how the window looks is not the engine's
            self.engine.apply_settings(new)

    def _emit_event(self, event: Event) -> None:
        self.event_received.emit(event)

    def _number_opening(self) -> int:
        self._last_opening += 1
        self._shown_opening = self._last_opening
        return self._last_opening

    def _track_opening(self, event: Event) -> None:
        """Notes which opening the next events of a conversation have to belong to in order to be shown."""
        match event:
            case events.StateChanged("restarting"):
                self._shown_opening = _NO_OPENING
            case events.ConversationOpened(opening_id=opening) if (
                self._shown_opening == _NO_OPENING or opening == self._last_opening
            ):
                self._shown_opening = opening
