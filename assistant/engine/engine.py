"""The engine in this process: a worker thread that runs the turns, a listener thread, and one for the audio devices."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

from assistant.audio.playback import AudioPlayback
from assistant.audio.segmenter import SpeechEvent, SpeechStarted
from assistant.conversation.session import Session
from assistant.conversation.turn_manager import TurnManager
from assistant.conversation.turn_runner import TurnRequest
from assistant.engine.audio_devices import AudioDevices
from assistant.engine.command_runner import CommandRunner
from assistant.engine.earcon_rules import EarconRules
from assistant.engine_api import EngineApi
from assistant.error_boundary import reporting_errors
from assistant.errors import AssistantError
from assistant.events import ErrorOccurred, Event
from assistant.models.manager import ModelManager
from assistant.paths import AppPaths
from assistant.progress import WorkerProgress
from assistant.safe_open import user_path
from assistant.settings import Settings

_PLAYBACK_POLL_S = 0.02  # between checks whether an answer was played to its end
_SHUTDOWN_TIMEOUT_S = 3.0  # for audio devices to close: a frozen sound server hangs them


class Engine(EngineApi):
    """Puts calls into a queue, from which the worker takes them one by one, between two steps of a turn. The worker
    alone uses the models. Speech comes into the same queue from the listener.

    `on_event`: is called from the engine's threads, never from two at once.
    `progress`: where the worker marks its steps."""

    def __init__(
        self,
        settings: Settings,
        paths: AppPaths,
        on_event: Callable[[Event], None],
        progress: WorkerProgress | None = None,
    ) -> None:
        self._on_event, self._emit_lock = on_event, threading.Lock()
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._is_closing, self._progress = False, progress or WorkerProgress()
        self._earcon_rules = EarconRules()
        session = Session(settings, paths, None, ModelManager(paths.data))
        self._turns = TurnManager(session, self._open_playback, self._emit_event)
        self._devices = AudioDevices(settings.audio, self._emit_event, lambda: self._turns.sentence_start)
        self._runner = CommandRunner(self._turns, self._devices, self._emit_event)
        self._threads: list[threading.Thread] = []

    def start(self, conversation_id: int | None = None, is_private: bool = False, opening_id: int = 0) -> None:
        """The microphone is opened first, so that no word is lost while the models are loaded."""
        self._threads = [
            threading.Thread(target=self._run_worker, name="hark worker"),
            threading.Thread(target=self._run_listener, name="hark listener"),
            threading.Thread(target=self._devices.run, name="hark devices", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._calls.put(lambda: self._runner.begin_session(conversation_id, is_private, opening_id))

    def stop(self) -> None:
        self.interrupt()
        self._is_closing = True
        self._calls.put(lambda: None)
        self._devices.close()
        for thread in self._threads:
            thread.join(_SHUTDOWN_TIMEOUT_S if thread.daemon else None)

    def ask(self, text: str, picture: str = "", box: Sequence[int] = (), request_id: str = "") -> None:
        self._silence_playback()
        self._calls.put(lambda: self._runner.ask_typed(text, picture, tuple(box), request_id))

    def ask_again(self, turn_id: int, text: str, opening_id: int = 0, request_id: str = "") -> None:
        self._silence_playback()
        self._calls.put(lambda: self._runner.ask_turn_again(turn_id, text, opening_id, request_id))

    def ask_audio_file(self, path: str, request_id: str = "") -> None:
        self._silence_playback()
        self._calls.put(lambda: self._turns.start_turn(TurnRequest(audio=user_path(path), request_id=request_id)))

    def read_aloud(self, text: str) -> None:
        self._silence_playback()
        self._calls.put(lambda: self._turns.start_turn(TurnRequest(read_aloud_text=text)))

    def skip_sentences(self, sentences: int) -> None:
        self._calls.put(lambda: self._turns.skip_sentences(sentences))

    def attach_file(self, path: str, request_id: str = "", is_restored: bool = False) -> None:
        """`is_restored`: it was attached before, in an engine that crashed; a question may have been asked with it."""
        self._calls.put(lambda: self._runner.attach_file(user_path(path), request_id, is_restored))

    def attach_encoded_picture(self, data: bytes, name: str, request_id: str = "", is_restored: bool = False) -> None:
        """`is_restored`: it was attached before, in an engine that crashed; a question may have been asked with it."""
        self._calls.put(lambda: self._runner.attach_encoded_picture(data, name, request_id, is_restored))

    def edit_picture(self, digest: str, quarter_turns: int = 0, box: Sequence[int] = (), request_id: str = "") -> None:
        self._calls.put(lambda: self._turns.attachments.edit(digest, quarter_turns, tuple(box), request_id))

    def remove_picture(self, digest: str) -> None:
        self._calls.put(lambda: self._turns.remove_picture(digest))

    def interrupt(self) -> None:
        self._silence_playback()
        self._calls.put(self._runner.interrupt_turn)

    def set_hands_free(self, hands_free: bool) -> None:
        self._devices.set_hands_free(hands_free)

    def press_talk_key(self) -> None:
        self.interrupt()
        self._devices.press_talk_key()

    def tap_talk_key(self) -> None:
        self._devices.tap_talk_key()

    def release_talk_key(self) -> None:
        self._devices.release_talk_key()

    def test_microphone(self) -> None:
        self.interrupt()
        self._devices.test_microphone()

    def apply_settings(self, settings: Settings) -> None:
        self._calls.put(lambda: self._runner.apply_settings(settings))

    def rescan_models(self) -> None:
        self._calls.put(self._runner.rescan_models)

    def open_conversation(self, conversation_id: int | None, is_private: bool = False, opening_id: int = 0) -> None:
        self._calls.put(lambda: self._runner.open_conversation(conversation_id, is_private, opening_id))

    def mark_command_taken(self, count: int) -> None:
        """Writes into the worker's progress, when the worker comes to it, that so many commands were taken up."""
        self._calls.put(lambda: self._progress.record_call_count(count))

    def queue_speech(self, event: SpeechEvent) -> None:
        """The listener found this in what the microphone hears."""
        self._calls.put(lambda: self._handle_speech(event))

    def _emit_event(self, event: Event) -> None:
        earcons = self._earcon_rules.for_event(event)
        if earcons is not None and self._turns.session.settings.audio.earcons:
            self._devices.play_earcons(*earcons)
        with self._emit_lock:
            self._on_event(event)

    def _emit_error(self, error: AssistantError) -> None:
        self._emit_event(ErrorOccurred.from_error(error))

    def _open_playback(self) -> AudioPlayback | None:
        is_reader_speaking = self._turns.session.settings.voice.speaker == "reader"
        return None if is_reader_speaking else self._devices.open_playback()

    def _silence_playback(self) -> None:
        """Runs in the caller's thread: the sound stops before the worker has finished its step."""
        playback = self._turns.audible_playback
        if playback:
            playback.stop()
        self._devices.stop_test_playback()

    def _run_worker(self) -> None:
        self._progress.watch_this_thread()
        while not self._is_closing:
            if not self._turns.is_ready:
                self._progress.mark_idle()
            call = self._next_call()
            self._progress.begin_step()
            with reporting_errors(self._emit_error, self._turns.session.paths.logs):
                if call:
                    call()
                else:
                    self._turns.run_step()
                self._runner.describe_new_pictures()
        self._runner.end_session()

    def _next_call(self) -> Callable[[], None] | None:
        """The oldest call that waits; None when it is time for a step of the turn. Waits while there is nothing to do;
        models are unloaded when that takes long."""
        session = self._turns.session
        unload_after_s = session.settings.memory.unload_after_minutes * 60 if session.models.responder else 0
        try:
            if self._turns.is_ready:
                return self._calls.get_nowait()
            return self._calls.get(timeout=_PLAYBACK_POLL_S if self._turns.is_busy else unload_after_s or None)
        except queue.Empty:
            if not self._turns.is_busy and not self._turns.is_ready:
                session.models.close()
            return None

    def _run_listener(self) -> None:
        while not self._is_closing:
            for event in self._devices.read_microphone(self._turns.audible_playback):
                playback = self._turns.audible_playback
                if playback and isinstance(event, SpeechStarted):
                    playback.hold_audio()
                self.queue_speech(event)

    def _handle_speech(self, event: SpeechEvent) -> None:
        self._turns.handle_speech(event)
        if self._turns.false_interruptions > 1:
            self._devices.reset_echo_trust()
