"""The engine as Qt objects see it: a named signal for every kind of event, in the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

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
        self.event_received.connect(self.handle_event)
        self._make_engine = make_engine

    @cached_property
    def engine(self) -> EngineApi:
        """The engine, made when it is first used, after the first paint."""
        return self._make_engine(self._emit_event)

    @Slot(object)
    def handle_event(self, event: Event) -> None:
        """Emits the signal of an event, unless it belongs to a conversation that was left."""
        if not self._is_late(event):
            self._emit_turn_event(event)

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

    def _emit_turn_event(self, event: Event) -> None:
        match event:
            case events.TurnStarted():
                self.turn_started.emit(event)
            case events.Heard():
                self.transcript_heard.emit(event)
            case events.PartialTranscript():
                self.partial_transcript.emit(event)
            case events.Wrote():
                self.answer_written.emit(event)
            case events.RegionPointed():
                self.region_pointed.emit(event)
            case events.TurnEnded():
                self.turn_ended.emit(event)
            case _:
                self._emit_state_event(event)

    def _emit_state_event(self, event: Event) -> None:
        match event:
            case events.StateChanged():
                self.state_changed.emit(event)
            case events.ModelLoading():
                self.model_loading.emit(event)
            case events.Notice():
                self.notice_received.emit(event)
            case events.ErrorOccurred():
                self.error_occurred.emit(event)
            case events.PictureAdded():
                self.picture_added.emit(event)
            case events.PictureCostEstimated():
                self.picture_cost_estimated.emit(event)
            case events.PictureRemoved():
                self.picture_removed.emit(event)
            case _:
                self._emit_device_event(event)

    def _emit_device_event(self, event: Event) -> None:
        match event:
            case events.InputLevel():
                self.input_level.emit(event)
            case events.MicrophoneState():
                self.microphone_state.emit(event)
            case events.MicrophoneTestResult():
                self.microphone_tested.emit(event)
            case events.VoicesAvailable():
                self.voices_available.emit(event)
            case events.AudioDevicesAvailable():
                self.audio_devices_available.emit(event)

    def _number_opening(self) -> int:
        self._last_opening += 1
        self._shown_opening = self._last_opening
        return self._last_opening

    def _is_late(self, event: Event) -> bool:
        """Whether it belongs to a conversation that was left."""
        match event:
            case events.StateChanged("restarting"):
                self._shown_opening = _NO_OPENING
            case events.ConversationOpened(opening_id=opening) if (
                self._shown_opening == _NO_OPENING or opening == self._last_opening
            ):
                self._shown_opening = opening
        return isinstance(event, events.ConversationEvent) and event.opening_id != self._shown_opening
