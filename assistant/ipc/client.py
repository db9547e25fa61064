"""The engine in a process of its own: started, watched, and started again after a crash."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from assistant.engine_api import EngineApi
from assistant.engine_commands import (
    ApplySettings,
    Ask,
    AskAgain,
    AskAudioFile,
    AttachEncodedPicture,
    AttachFile,
    AttachmentCommand,
    EditPicture,
    EngineCommand,
    Interrupt,
    OpenConversation,
    PressTalkKey,
    QuestionCommand,
    ReadAloud,
    ReleaseTalkKey,
    RescanModels,
    SetHandsFree,
    SkipSentences,
    Start,
    TapTalkKey,
    TestMicrophone,
)
from assistant.events import (
    ErrorOccurred,
    Event,
    InputLevel,
    ModelLoading,
    Notice,
    PictureAdded,
    StateChanged,
    TurnEnded,
)
from assistant.ipc.crash_record import MAX_CRASHES, CrashRecord
from assistant.ipc.engine_child import SHUTDOWN_GRACE_S, EngineChild
from assistant.ipc.session_state import MAX_PAGES, SessionState
from assistant.ipc.watchdog import EngineWatchdog, Health, WatchdogLimits
from assistant.progress import WorkerMarks
from assistant.settings import Settings
from assistant.text.i18n import tr

_QUICK_CRASH_S = 24.0  # a process that crashes sooner after its start, again and again, does not start at all
_CHECK_INTERVAL_S = 0.25  # between checks of the process's health


class EngineClient(EngineApi):
    """`EngineApi` over a pipe. `on_event` is called from threads of the client, never from two at once.

    Beside the engine's events it gets `StateChanged` with "working", "frozen" or "restarting"; afterwards the engine's
    own state is told again. `limits`: when the process counts as such."""

    def __init__(
        self, settings: Settings, on_event: Callable[[Event], None], limits: WatchdogLimits | None = None
    ) -> None:
        self._settings, self._on_event, self._emit_lock = settings, on_event, threading.RLock()
        self._child: EngineChild | None = None
        self._is_closing = False
        self._state, self._crashes = SessionState(), CrashRecord()
        self._watchdog = EngineWatchdog(
            limits or WatchdogLimits(), lambda: self._child.processor_time_s() if self._child else 0.0
        )
        self._reported_health: Health = "healthy"
        self._sent_commands = self._quick_crashes = 0
        self._threads: list[threading.Thread] = []
        self._lock = threading.RLock()  # of the state, the watchdog, and the order of commands

    @property
    def pid(self) -> int | None:
        """The id of the engine's process."""
        return self._child.pid if self._child else None

    def start(self, conversation_id: int | None = None) -> None:
        self._state.opened = OpenConversation(conversation_id)
        self._start_child()
        self._threads = [
            threading.Thread(target=self._read_messages, name="hark events", daemon=True),
            threading.Thread(target=self._watch_health, name="hark watch", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_closing = True
        if self._child:
            self._child.shut_down(SHUTDOWN_GRACE_S)
        for thread in self._threads:
            thread.join()

    def ask(self, text: str, picture: str = "", box: Sequence[int] = ()) -> None:
        self._send_question(Ask(text, picture, tuple(box)))

    def ask_again(self, turn_id: int, text: str, opening_id: int = 0) -> None:
        self._send_question(AskAgain(turn_id, text, opening_id))

    def ask_audio_file(self, path: str) -> None:
        self._send_question(AskAudioFile(path))

    def read_aloud(self, text: str) -> None:
        self._send_command(ReadAloud(text))

    def skip_sentences(self, sentences: int) -> None:
        self._send_command(SkipSentences(sentences))

    def attach_file(self, path: str) -> None:
        self._send_attachment(AttachFile(path))

    def attach_encoded_picture(self, data: bytes, name: str) -> None:
        self._send_attachment(AttachEncodedPicture(data, name))

    def edit_picture(self, digest: str, quarter_turns: int = 0, box: Sequence[int] = ()) -> None:
        self._send_attachment(EditPicture(digest, quarter_turns, tuple(box)))

    def remove_picture(self, digest: str) -> None:
        with self._lock:
            self._send_command(self._state.record_removal(digest))

    def interrupt(self) -> None:
        self._cancel_and_send(Interrupt())

    def set_hands_free(self, hands_free: bool) -> None:
        self._state.is_hands_free = hands_free
        self._send_command(SetHandsFree(hands_free))

    def press_talk_key(self) -> None:
        self._cancel_and_send(PressTalkKey())

    def tap_talk_key(self) -> None:
        self._send_command(TapTalkKey())

    def release_talk_key(self) -> None:
        self._send_command(ReleaseTalkKey())

    def test_microphone(self) -> None:
        self._send_command(TestMicrophone())

    def apply_settings(self, settings: Settings) -> None:
        self._settings = self._crashes.replace_disabled(settings)
        self._send_command(ApplySettings(self._settings))

    def rescan_models(self) -> None:
        self._send_command(RescanModels())

    def open_conversation(self, conversation_id: int | None, is_private: bool = False, opening_id: int = 0) -> None:
        command = OpenConversation(conversation_id, is_private, opening_id)
        with self._lock:
            self._state.record_opening(command)
            self._send_command(command)

    def _send_question(self, question: QuestionCommand) -> None:
        with self._lock:
            self._send_command(self._state.record_question(question))

    def _send_attachment(self, command: AttachmentCommand) -> None:
        with self._lock:
            self._send_command(self._state.record_attachment(command))

    def _cancel_and_send(self, command: EngineCommand) -> None:
        with self._lock:
            self._state.cancel_questions()
            self._send_command(command)

    def _send_command(self, command: EngineCommand) -> None:
        with self._lock:
            if not self._child:
                return
            self._child.send(command)
            self._sent_commands += 1
            if command.is_awaited:
                self._watchdog.await_call(self._sent_commands, time.monotonic())

    def _start_child(self) -> None:
        self._child, self._sent_commands = EngineChild(), 0
        self._watchdog.watch_new_child(self._child.started_at)
        self._state.engine_state = self._state.loading_role = ""
        opened = self._state.opened
        self._child.send(Start(self._settings, opened.conversation_id, opened.is_private, opened.opening_id))

    def _emit_event(self, event: Event) -> None:
        with self._emit_lock:
            self._on_event(event)

    def _read_messages(self) -> None:
        while not self._is_closing:
            child = self._child
            assert child
            message = child.read_message()
            if message is None:
                self._handle_exit(child)
            elif isinstance(message, WorkerMarks):
                with self._lock:
                    self._watchdog.record_marks(message, time.monotonic())
            else:
                self._track_event(message)
                self._emit_event(message)

    def _watch_health(self) -> None:
        """Kills a process that is frozen or stuck for too long; `_read_messages` then starts the next one."""
        while not self._is_closing:
            time.sleep(_CHECK_INTERVAL_S)
            child, state = self._child, self._state
            is_loading = bool(state.loading_role) or state.engine_state in ("", "loading")
            with self._lock:
                health = self._watchdog.check_health(time.monotonic(), state.is_awaited, is_loading)
            if child and health in ("stuck", "dead"):
                child.kill()
            elif health != self._reported_health:
                self._reported_health = health
                self._emit_event(StateChanged((state.engine_state or "loading") if health == "healthy" else health))

    def _track_event(self, event: Event) -> None:
        with self._lock:
            # The microphone's level comes from another thread than the worker's.
            self._watchdog.record_sign(time.monotonic(), is_shown=not isinstance(event, InputLevel))
            pages = self._state.attach_other_pages(event) if isinstance(event, PictureAdded) else []
            self._state.track_event(event)
        for page in pages:
            self._send_command(page)
        if pages and isinstance(event, PictureAdded) and event.pages > MAX_PAGES:
            sentence = tr("Only the first {n} pages of {name} were added.")
            self._emit_event(Notice(sentence.format(n=MAX_PAGES, name=event.name)))
        match event:
            case StateChanged():
                self._reported_health = "healthy"  # the engine itself has told its state
            case ModelLoading(role, True):
                self._crashes.record_loaded(role)
            case TurnEnded("answered"):
                self._crashes.record_answered()

    def _handle_exit(self, child: EngineChild) -> None:
        child.shut_down()
        if self._is_closing:
            return
        turn_end, self._state.current_turn = self._state.current_turn, None
        if turn_end:
            self._emit_event(turn_end)
        self._reported_health = "healthy"
        self._emit_event(StateChanged("restarting"))
        self._settings, sentence = self._crashes.disable_crashing_model(
            self._state.loading_role, self._watchdog.marks.stage, self._settings
        )
        self._emit_event(
            Notice(sentence or tr("Hark's engine stopped and starts again; nothing that was said is lost."))
        )
        self._quick_crashes = self._quick_crashes + 1 if time.monotonic() - child.started_at < _QUICK_CRASH_S else 0
        if self._quick_crashes > 2 * MAX_CRASHES:
            self._emit_event(
                ErrorOccurred("engine", tr("Hark's engine does not start."), tr("Run hark doctor in a terminal."))
            )
            self._is_closing = True
            return
        child.close_output()
        with self._lock:  # so that the window's next commands come after these
            self._start_child()
            for command in self._state.replay_commands():
                self._send_command(command)
