"""Talking and listening: the talk button, captions, the level meter, what is read aloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from assistant import events
from ui import texts

if TYPE_CHECKING:
    from ui.engine_bridge import EngineBridge
    from ui.input_bar.input_bar import InputBar
    from ui.notifier import Notifier
    from ui.settings_store import SettingsStore

_STOPPABLE_STATES = ("thinking", "speaking", "working", "frozen")


class VoiceController(QObject):
    """Shows what the engine does in the input bar, and passes on what is done there with the voice.

    Signals:
        engine_ready: the engine is ready, after whatever it did.
        talk_started: the user begins to talk.
    """

    engine_ready, talk_started = Signal(), Signal()

    def __init__(self, bar: InputBar, bridge: EngineBridge, settings: SettingsStore, notifier: Notifier) -> None:
        super().__init__(bar)
        self._bar, self._bridge, self._settings, self._notifier = bar, bridge, settings, notifier
        bar.stop_requested.connect(self.stop)
        bar.talk_pressed.connect(self._on_talk_down)
        bar.talk_released.connect(self._on_talk_up)
        bridge.state_changed.connect(self._on_state)
        bridge.model_loading.connect(self._on_model_loading)
        bridge.input_level.connect(self._on_input_level)
        bridge.partial_transcript.connect(self._on_partial_transcript)
        bridge.microphone_state.connect(self._on_microphone_state)

    @Slot()
    def press_talk(self) -> None:
        """Presses the talk button, or says why there is nothing to talk into."""
        if self._can_talk():
            self._bar.press_talk_button()

    @Slot()
    def release_talk(self) -> None:
        if self._bar.can_talk:
            self._bar.release_talk_button()

    @Slot()
    def listen_once(self) -> None:
        """Listens to one question, whatever window has the focus."""
        if self._can_talk():
            self._bar.show_listening(True)
            self._bridge.engine.press_talk_key()
            self._bridge.engine.tap_talk_key()

    @Slot()
    def stop(self) -> None:
        """Stops speaking."""
        self._bridge.engine.interrupt()

    @Slot(bool)
    def set_hands_free(self, is_hands_free: bool) -> None:
        self._bridge.engine.set_hands_free(is_hands_free)

    @Slot()
    def test_microphone(self) -> None:
        """Records for a few seconds and plays it, or says why it cannot."""
        if self._can_talk():
            self._bridge.engine.test_microphone()

    @Slot(str)
    def read_aloud(self, text: str) -> None:
        """Reads a text in Hark's voice, or has the screen reader read it, as the settings say."""
        if self._settings.current.voice.speaker == "reader":
            from assistant.text.speech_text import to_speech_text

            self._notifier.read_text(to_speech_text(text))
        else:
            self._bridge.engine.read_aloud(text)

    @Slot()
    def previous_sentence(self) -> None:
        self._bridge.engine.skip_sentences(-1)

    @Slot()
    def repeat_sentence(self) -> None:
        self._bridge.engine.skip_sentences(0)

    @Slot()
    def next_sentence(self) -> None:
        self._bridge.engine.skip_sentences(1)

    @Slot()
    def clear_caption(self) -> None:
        self._bar.show_caption("")

    def _can_talk(self) -> bool:
        """Whether there is a microphone; says why not."""
        if not self._bar.can_talk:
            self._notifier.show_status(self._bar.talk_unavailable_reason)
        return self._bar.can_talk

    @Slot()
    def _on_talk_down(self) -> None:
        self.talk_started.emit()
        self._bridge.engine.press_talk_key()

    @Slot(bool)
    def _on_talk_up(self, was_tapped: bool) -> None:
        if was_tapped:
            self._bridge.engine.tap_talk_key()
        else:
            self._bridge.engine.release_talk_key()

    @Slot(object)
    def _on_state(self, event: events.StateChanged) -> None:
        state = event.state
        self._bar.set_stop_enabled(state in _STOPPABLE_STATES)
        self._notifier.show_state(state)
        if state == "ready":
            self.engine_ready.emit()
        if state != "loading":
            self._bar.show_listening(state == "hearing")
        if state in ("thinking", "speaking", "ready"):
            self.clear_caption()
        self._notifier.announce(texts.state_announcement(state))

    @Slot(object)
    def _on_model_loading(self, event: events.ModelLoading) -> None:
        if not event.is_loaded:
            self._notifier.set_status(texts.loading_text(event.role))

    @Slot(object)
    def _on_input_level(self, event: events.InputLevel) -> None:
        self._bar.add_level(event.value)

    @Slot(object)
    def _on_partial_transcript(self, event: events.PartialTranscript) -> None:
        self._bar.show_caption(event.text)

    @Slot(object)
    def _on_microphone_state(self, event: events.MicrophoneState) -> None:
        self._bar.set_talk_available(event.is_open, event.why_not)
        if event.why_not:
            self._notifier.show_notice(event.why_not)
