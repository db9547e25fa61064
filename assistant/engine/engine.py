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


class Engine:
    """One conversation, spoken and typed. `on_event` is called from the engine's threads, never from two at once."""

    def __init__(
        self, settings: Settings, folders: AppPaths, on_event: OnEvent, progress: WorkerProgress | None = None
    ):
        self._paths, self._on_event, self._emit_lock = folders, on_event, threading.Lock()
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._is_closing, self._progress = False, progress or WorkerProgress()
        self._earcon_rules = EarconRules()
        self._session = Session(settings, folders, None, ModelManager(folders.data))
        self._turns: TurnManager
        self._devices = AudioDevices(settings.audio, self._emit_event, lambda: self._turns.sentence_start)
        self._turns = TurnManager(self._session, self._open_playback, self._emit_event)
        self._attachments = Attachments(self._session, self._turns, self._emit_event)
        self._threads: list[threading.Thread] = []

    def start(self, conversation: int | None = None) -> None:
        """Opens devices, then loads what the settings name. The microphone comes first: no word is lost."""
        self._threads = [
            threading.Thread(target=self._run_worker, name="hark worker"),
            threading.Thread(target=self._run_listener, name="hark listener"),
            threading.Thread(target=self._devices.run, name="hark devices", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._commands.put(lambda: self._begin_session(conversation))

    def stop(self) -> None:
        """Ends the turn, closes devices and models, and waits for the threads."""
        self.interrupt()
        self._is_closing = True
        self._commands.put(lambda: None)
        self._devices.close()
        for thread in self._threads:
            thread.join(_SHUTDOWN_TIMEOUT_S if thread.daemon else None)

    def ask(self, text: str, ticket: str = "", picture: str = "", box: Sequence[int] = ()) -> None:
        """Asks what was typed, about the pictures in the tray; with no words a picture is described.

        `picture` with `box` (left, top, right, bottom in its pixels) asks about a part of the one with this digest."""
        self._silence_playback()
        self._commands.put(lambda: self._ask_typed(text, ticket, picture, tuple(box)))

    def ask_again(self, turn: int, text: str, ticket: str = "", opening_id: int = 0) -> None:
        """Asks a turn of the history again, with other words if the text differs, in a branch that begins before it."""
        self._silence_playback()
        self._commands.put(lambda: self._ask_turn_again(turn, text, ticket, opening_id))

    def attach_file(self, path: str, ticket: str = "", again: bool = False) -> None:
        """Lays a picture file in the tray: `Shown`, or `Failed` with the reason. `again`: it was there before."""
        self._commands.put(lambda: self._attachments.add(self._session.open_picture(user_path(path)), ticket, again))

    def attach_image(self, data: bytes, name: str, ticket: str = "", again: bool = False) -> None:
        """The same with an encoded picture, as it comes from the clipboard."""
        self._commands.put(lambda: self._attachments.add(open_encoded(data, name), ticket, again))

    def ask_audio_file(self, path: str, ticket: str = "") -> None:
        """Asks what is said in a sound file."""
        self._silence_playback()
        self._commands.put(lambda: self._turns.start_turn(TurnRequest(audio=user_path(path), request_id=ticket)))

    def edit_picture(self, digest: str, quarters: int = 0, box: Sequence[int] = (), ticket: str = "") -> None:
        """Puts a picture of the tray there anew: turned by quarters of a circle, clockwise, then only what is in `box`
        (left, top, right, bottom in its pixels)."""
        self._commands.put(lambda: self._attachments.edit(digest, quarters, tuple(box), ticket))

    def remove_picture(self, digest: str) -> None:
        """Lets a picture go."""
        self._commands.put(lambda: self._attachments.remove(digest))

    def interrupt(self) -> None:
        """Stops speaking, at once."""
        self._silence_playback()
        self._commands.put(self._interrupt_turn)

    def set_hands_free(self, hands_free: bool) -> None:
        """Whether speech itself begins a question; the talk key always does."""
        self._devices.set_hands_free(hands_free)

    def press_talk_key(self) -> None:
        """The talk key goes down. An answer that sounds is stopped."""
        self.interrupt()
        self._devices.press_talk_key()

    def release_talk_key(self) -> None:
        """The talk key comes up: what was said is the question."""
        self._devices.release_talk_key()

    def tap_talk_key(self) -> None:
        """The talk key was only tapped: the question ends with the speech, or at the next press."""
        self._devices.tap_talk_key()

    def test_microphone(self) -> None:
        """Records a few seconds and plays them: `MicrophoneTried`."""
        self.interrupt()
        self._devices.test_microphone()

    def read_aloud(self, text: str) -> None:
        """Reads a text aloud, as it was written."""
        self._silence_playback()
        self._commands.put(lambda: self._turns.start_turn(TurnRequest(read_aloud_text=text)))

    def skip_sentences(self, sentences: int) -> None:
        """Goes so many sentences on, or back, in what is being spoken."""
        self._commands.put(lambda: self._turns.skip_sentences(sentences))

    def apply_settings(self, settings: Settings) -> None:
        """Other settings, from the next turn on; devices at once. What does not open leaves the old one in place."""
        self._commands.put(lambda: self._apply_settings(settings))

    def open_conversation(self, conversation: int | None, private: bool = False, opening_id: int = 0) -> None:
        """Goes on with a conversation of the history, its pictures in the tray, or begins a new one; a `private` one
        is not saved. Its events carry the `opening_id`."""
        self._commands.put(lambda: self._open_conversation(conversation, private, opening_id=opening_id))

    def note_calls(self, calls: int) -> None:
        """Marks, when the worker comes to it, that so many calls were made."""
        self._commands.put(lambda: self._progress.record_call_count(calls))

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
                return self._commands.get_nowait()
            return self._commands.get(timeout=_PLAYBACK_POLL_S if self._turns.is_busy else idle or None)
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
                self._commands.put(lambda event=event: self._handle_speech(event))  # type: ignore[misc]

    def _handle_speech(self, event: SpeechEvent) -> None:
        self._turns.handle_speech(event)
        if self._turns.false_interruptions > 1:
            self._devices.reset_echo_trust()

    def _begin_session(self, conversation: int | None) -> None:
        self._session.history = self._open_history()
        self._open_conversation(conversation)
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
        self, conversation: int | None, private: bool = False, keep: bool = False, opening_id: int = 0
    ) -> None:
        """`keep`: what lies in the tray stays there, whether the conversation knows it or not."""
        self._turns.interrupt_turn()
        self._session.opening_id = opening_id
        past = (
            turn_recorder.load_messages(self._session.history, conversation)
            if self._session.history and conversation
            else []
        )
        self._session.conversation, self._session.is_private = conversation, private
        pictures = [picture for message in past for picture in message.pictures]
        if not keep:
            self._attachments.retain_only(pictures)
        self._turns.load_history(past)
        self._emit_event(ConversationOpened(conversation, opening_id=opening_id))
        self._attachments.restore(pictures)

    def _ask_typed(self, text: str, ticket: str, picture: str, box: tuple[int, ...]) -> None:
        if not text.strip() and not self._turns.attachments:
            raise AssistantError(
                "ask", tr("There is nothing to ask yet."), tr("Type or say a question, or drop a picture.")
            )
        pointed = next((one for one in self._turns.attachments if box and one.digest == picture), None)
        if pointed and len(box) == 4:
            # It is shown once more, last: the region belongs to the last picture.
            self._turns.start_turn(TurnRequest(text, pictures=(pointed,), regions=(box,), request_id=ticket))
        else:
            self._turns.start_turn(TurnRequest(text, request_id=ticket))

    def _ask_turn_again(self, turn: int, text: str, ticket: str, opening_id: int) -> None:
        asked = self._session.history.find_turn(turn) if self._session.history else None
        if not self._session.history or not asked:
            self._session.opening_id = opening_id  # the window waits for it: what is open stays open under this number
            raise AssistantError("ask", tr("This turn is not saved; it cannot be asked again."), tr("Ask it anew."))
        pictures = tuple(self._session.history.load_pictures(asked))
        self._open_conversation(self._session.history.store.branch_before(turn), keep=True, opening_id=opening_id)
        self._attachments.restore(pictures)
        regions = asked.regions if len(pictures) == len(asked.pictures) else ()
        self._turns.start_turn(
            TurnRequest(text or asked.question, None, pictures, regions, ticket, exclude_attachments=True)
        )

    def _apply_settings(self, settings: Settings) -> None:
        changed = replace(settings.audio, earcons=True) != replace(self._session.settings.audio, earcons=True)
        looked = settings.voice.id != self._session.settings.voice.id or settings == self._session.settings
        self._session.settings = settings
        if changed:
            self._turns.interrupt_turn()
            self._devices.change_devices(settings.audio)
        if not settings.audio.earcons:
            self._devices.play_earcons()
        self._session.models.unload_fallbacks()
        self._warm_models()
        if looked:
            self._emit_voices()  # one may have come or gone
        self._turns.start_prefill()
        with reporting_errors(self._emit_error, self._paths.logs):
            self._attachments.estimate_costs()
