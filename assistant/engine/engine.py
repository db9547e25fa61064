"""The engine: microphone and speaker, a listener thread and one worker thread around a conversation.

Every call returns at once. The worker owns all models and takes one step at a time: what was called, then the turn.
Knows nothing of who shows what happens."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from assistant.audio.playback import AudioPlayback
from assistant.audio.segmenter import SpeechEvent, SpeechStarted
from assistant.conversation.turn_manager import TurnManager
from assistant.conversation.turn_runner import Session, TurnRequest
from assistant.engine.attachments import Attachments
from assistant.engine.audio_devices import AudioDevices
from assistant.engine.earcon_rules import EarconRules
from assistant.engine_api import EngineApi
from assistant.error_boundary import reporting_errors
from assistant.errors import AssistantError
from assistant.events import ConversationOpened, ErrorOccurred, Event, Notice, VoicesAvailable
from assistant.history import turn_recorder
from assistant.models import voices
from assistant.models.manager import ModelManager
from assistant.paths import AppPaths
from assistant.pictures import open_encoded
from assistant.progress import WorkerProgress
from assistant.safe_open import user_path
from assistant.settings import Settings
from assistant.text.i18n import tr

_PLAYBACK_POLL_S = 0.02  # seconds between looks at what is being played
_SHUTDOWN_TIMEOUT_S = 3.0  # seconds for a frozen sound server

OnEvent = Callable[[Event], None]


class Engine(EngineApi):
    """One conversation, spoken and typed. `on_event` is called from the engine's threads, never from two at once."""

    def __init__(
        self, settings: Settings, folders: AppPaths, on_event: OnEvent, progress: WorkerProgress | None = None
    ):
        self._paths, self._on_event, self._emit_lock = folders, on_event, threading.Lock()
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._is_closing, self._progress = False, progress or WorkerProgress()
        self._earcon_rules = EarconRules()
        self._session = Session(settings, folders, None, ModelManager(folders.data))
        self._turns: TurnManager
        self._devices = AudioDevices(settings.audio, self._emit_event, lambda: self._turns.sentence_start)
        self._turns = TurnManager(self._session, self._open_playback, self._emit_event)
        self._attachments = Attachments(self._session, self._turns, self._emit_event)
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
        self._calls.put(lambda: self._begin_session(conversation_id, is_private, opening_id))

    def stop(self) -> None:
        self.interrupt()
        self._is_closing = True
        self._calls.put(lambda: None)
        self._devices.close()
        for thread in self._threads:
            thread.join(_SHUTDOWN_TIMEOUT_S if thread.daemon else None)

    def ask(self, text: str, picture: str = "", box: Sequence[int] = (), request_id: str = "") -> None:
        self._silence_playback()
        self._calls.put(lambda: self._ask_typed(text, picture, tuple(box), request_id))

    def ask_again(self, turn_id: int, text: str, opening_id: int = 0, request_id: str = "") -> None:
        self._silence_playback()
        self._calls.put(lambda: self._ask_turn_again(turn_id, text, opening_id, request_id))

    def ask_audio_file(self, path: str, request_id: str = "") -> None:
        self._silence_playback()
        self._calls.put(lambda: self._turns.start_turn(TurnRequest(audio=user_path(path), request_id=request_id)))

    def read_aloud(self, text: str) -> None:
        self._silence_playback()
        self._calls.put(lambda: self._turns.start_turn(TurnRequest(read_aloud_text=text)))

    def skip_sentences(self, sentences: int) -> None:
        self._calls.put(lambda: self._turns.skip_sentences(sentences))

    def attach_file(self, path: str, request_id: str = "", is_restored: bool = False) -> None:
        """A restored picture was attached before, in an engine that crashed: a question may have been asked with it."""
        self._calls.put(
            lambda: self._attachments.add(self._session.open_picture(user_path(path)), request_id, is_restored)
        )

    def attach_image(self, data: bytes, name: str, request_id: str = "", is_restored: bool = False) -> None:
        self._calls.put(lambda: self._attachments.add(open_encoded(data, name), request_id, is_restored))

    def edit_picture(self, digest: str, quarter_turns: int = 0, box: Sequence[int] = (), request_id: str = "") -> None:
        self._calls.put(lambda: self._attachments.edit(digest, quarter_turns, tuple(box), request_id))

    def remove_picture(self, digest: str) -> None:
        self._calls.put(lambda: self._attachments.remove(digest))

    def interrupt(self) -> None:
        self._silence_playback()
        self._calls.put(self._interrupt_turn)

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
        self._calls.put(lambda: self._apply_settings(settings))

    def rescan_models(self) -> None:
        self._calls.put(self._rescan_models)

    def open_conversation(self, conversation_id: int | None, is_private: bool = False, opening_id: int = 0) -> None:
        self._calls.put(lambda: self._open_conversation(conversation_id, is_private, opening_id))

    def mark_command_taken(self, count: int) -> None:
        """Writes into the worker's progress, when the worker comes to it, that so many commands were taken up."""
        self._calls.put(lambda: self._progress.record_call_count(count))

    def _interrupt_turn(self) -> None:
        self._attachments.cancel_description()
        self._turns.interrupt_turn()

    def _emit_event(self, event: Event) -> None:
        earcons = self._earcon_rules.for_event(event)
        if earcons is not None and self._session.settings.audio.earcons:
            self._devices.play_earcons(*earcons)
        with self._emit_lock:
            self._on_event(event)

    def _emit_error(self, error: AssistantError) -> None:
        self._emit_event(ErrorOccurred.from_error(error))

    def _open_playback(self) -> AudioPlayback | None:
        """One speaks: None where the screen reader reads the answers."""
        return None if self._session.settings.voice.speaker == "reader" else self._devices.open_playback()

    def _silence_playback(self) -> None:
        """In the caller's thread: sound stops before the worker has finished its step."""
        playback = self._turns.audible_playback
        if playback:
            playback.stop()
        self._devices.stop_test_playback()

    def _run_worker(self) -> None:
        self._progress.watch_this_thread()
        while not self._is_closing:
            if not self._turns.is_ready:
                self._progress.mark_idle()
            call = self._next_command()
            self._progress.begin_step()
            with reporting_errors(self._emit_error, self._paths.logs):
                if call:
                    call()
                else:
                    self._turns.run_step()
                self._attachments.describe_new()
        self._turns.interrupt_turn()
        self._session.models.close()
        if self._session.history:
            self._session.history.close()

    def _next_command(self) -> Callable[[], None] | None:
        """What was called first; else None: at once while a turn can be stepped, after a while when it cannot."""
        idle = self._session.settings.memory.unload_after_minutes * 60 if self._session.models.responder else 0
        try:
            if self._turns.is_ready:
                return self._calls.get_nowait()
            return self._calls.get(timeout=_PLAYBACK_POLL_S if self._turns.is_busy else idle or None)
        except queue.Empty:
            if not self._turns.is_busy and not self._turns.is_ready:
                self._session.models.close()
            return None

    def _run_listener(self) -> None:
        while not self._is_closing:
            for event in self._devices.read_microphone(self._turns.audible_playback):
                playback = self._turns.audible_playback
                if playback and isinstance(event, SpeechStarted):
                    playback.hold_audio()
                self._calls.put(lambda event=event: self._handle_speech(event))  # type: ignore[misc]

    def _handle_speech(self, event: SpeechEvent) -> None:
        self._turns.handle_speech(event)
        if self._turns.false_interruptions > 1:
            self._devices.reset_echo_trust()

    def _begin_session(self, conversation_id: int | None, is_private: bool, opening_id: int) -> None:
        self._session.history = self._open_history()
        self._open_conversation(conversation_id, is_private, opening_id)
        self._warm_models()
        self._emit_voices()

    def _emit_voices(self) -> None:
        with reporting_errors(self._emit_error, self._paths.logs):
            found = voices.list_voices(self._paths.data)
            self._emit_event(VoicesAvailable(tuple(one.id for one in found), tuple(one.name for one in found)))

    def _open_history(self) -> turn_recorder.TurnRecorder | None:
        if not self._session.settings.history.save_conversations:
            return None
        opened, why = turn_recorder.open_recorder(self._paths.data)
        if why:
            self._emit_event(Notice(why))
        return opened

    def _warm_models(self) -> None:
        if not self._session.settings.memory.preload:
            return self._turns.emit_idle_state()
        self._turns.set_state("loading")
        with reporting_errors(self._emit_error, self._paths.logs):
            for event in self._session.models.warm_up(self._session.settings):
                self._emit_event(event)
        self._turns.emit_idle_state()

    def _open_conversation(
        self, conversation_id: int | None, is_private: bool, opening_id: int, keep_attachments: bool = False
    ) -> None:
        self._turns.interrupt_turn()
        self._session.opening_id = opening_id
        past = (
            turn_recorder.load_messages(self._session.history, conversation_id)
            if self._session.history and conversation_id
            else []
        )
        self._session.conversation, self._session.is_private = conversation_id, is_private
        pictures = [picture for message in past for picture in message.pictures]
        if not keep_attachments:
            self._attachments.retain_only(pictures)
        self._turns.load_history(past)
        self._emit_event(ConversationOpened(conversation_id, opening_id=opening_id))
        self._attachments.restore(pictures)

    def _ask_typed(self, text: str, picture: str, box: tuple[int, ...], request_id: str) -> None:
        if not text.strip() and not self._turns.attachments:
            raise AssistantError(
                "ask", tr("There is nothing to ask yet."), tr("Type or say a question, or drop a picture.")
            )
        pointed = next((one for one in self._turns.attachments if box and one.digest == picture), None)
        if pointed and len(box) == 4:
            # It is shown once more, last: the region belongs to the last picture.
            self._turns.start_turn(TurnRequest(text, pictures=(pointed,), regions=(box,), request_id=request_id))
        else:
            self._turns.start_turn(TurnRequest(text, request_id=request_id))

    def _ask_turn_again(self, turn_id: int, text: str, opening_id: int, request_id: str) -> None:
        asked = self._session.history.find_turn(turn_id) if self._session.history else None
        if not self._session.history or not asked:
            self._session.opening_id = opening_id  # the window waits for it: what is open stays open under this number
            raise AssistantError("ask", tr("This turn is not saved; it cannot be asked again."), tr("Ask it anew."))
        pictures = tuple(self._session.history.load_pictures(asked))
        branch_id = self._session.history.store.branch_before(turn_id)
        self._open_conversation(branch_id, is_private=False, opening_id=opening_id, keep_attachments=True)
        self._attachments.restore(pictures)
        regions = asked.regions if len(pictures) == len(asked.pictures) else ()
        self._turns.start_turn(
            TurnRequest(text or asked.question, None, pictures, regions, request_id, exclude_attachments=True)
        )

    def _apply_settings(self, settings: Settings) -> None:
        changed = replace(settings.audio, earcons=True) != replace(self._session.settings.audio, earcons=True)
        is_other_voice = settings.voice.id != self._session.settings.voice.id
        self._session.settings = settings
        if changed:
            self._turns.interrupt_turn()
            self._devices.change_devices(settings.audio)
        if not settings.audio.earcons:
            self._devices.play_earcons()
        self._reload_models()
        if is_other_voice:
            self._emit_voices()

    def _rescan_models(self) -> None:
        self._reload_models()
        self._emit_voices()

    def _reload_models(self) -> None:
        self._session.models.unload_fallbacks()
        self._warm_models()
        self._turns.start_prefill()
        with reporting_errors(self._emit_error, self._paths.logs):
            self._attachments.estimate_costs()
