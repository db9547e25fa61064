"""The engine in a process of its own, behind the same face: started, watched, started again."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

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
from assistant.ipc import protocol
from assistant.ipc.crash_record import MAX_CRASHES, CrashRecord
from assistant.ipc.session_state import MAX_PAGES, EngineCall, SessionState
from assistant.ipc.watchdog import EngineWatchdog, Health, WatchdogLimits
from assistant.progress import WorkerMarks
from assistant.settings import Settings, to_table
from assistant.text.i18n import tr
from assistant.typed_reader import InvalidValueError, read_as

if TYPE_CHECKING:
    import subprocess

SHUTDOWN_GRACE_S = 1.8  # seconds that an engine has to end
_QUICK_CRASH_S = 24.0  # after its start: an engine that dies sooner, again and again, does not start at all
_CHECK_INTERVAL_S = 0.25  # between looks at the child
_AWAITED_CALLS = {
    "interrupt",
    "press_talk_key",
    "ask",
    "ask_again",
    "ask_audio_file",
    "read_aloud",
    "open_conversation",
}  # calls that the worker is to take up soon


class EngineClient:
    """`Engine`'s face. `on_event` is called from threads of its own, never from two at once.

    Beside the engine's events: `StateChanged` tells that it is still "working" at one step, or "frozen", or
    "restarting" after a crash; what it did before is told again when that has passed."""

    def __init__(
        self, settings: Settings, on_event: Callable[[Event], None], limits: WatchdogLimits | None = None
    ) -> None:
        self._settings, self._on_event, self._emit_lock = settings, on_event, threading.RLock()
        self._child: subprocess.Popen[bytes] | None = None
        self._is_closing = False
        self._session, self._crashes = SessionState(), CrashRecord()
        self._watchdog = EngineWatchdog(limits or WatchdogLimits(), self._processor_s)
        self._reported_health: Health = "healthy"  # as it was told
        self._sent_calls = self._quick_crashes = 0
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._threads: list[threading.Thread] = []
        self._lock = threading.RLock()  # of the session, the watchdog, and the order of calls

    @property
    def pid(self) -> int | None:
        """The child's process number."""
        return self._child.pid if self._child else None

    def start(self, conversation: int | None = None) -> None:
        self._session.conversation = conversation
        self._start_process()
        self._threads = [
            threading.Thread(target=self._read_events, name="hark events", daemon=True),
            threading.Thread(target=self._watch_heartbeat, name="hark watch", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the child, by force when it does not end by itself."""
        self._is_closing = True
        child = self._child
        if child:
            self._outgoing.put(None)
            end = time.monotonic() + SHUTDOWN_GRACE_S
            while child.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
            self._kill_child(child)
        for thread in self._threads:
            thread.join()

    def ask(self, text: str, picture: str = "", box: Sequence[int] = ()) -> None:
        self._send_tracked(
            lambda session: session.record_question("ask", {"text": text, "picture": picture, "box": list(box)})
        )

    def ask_again(self, turn: int, text: str, opening_id: int = 0) -> None:
        fields = {"turn": turn, "text": text, "opening_id": opening_id}
        self._send_tracked(lambda session: session.record_question("ask_again", fields))

    def attach_file(self, path: str) -> None:
        self._send_tracked(lambda session: session.record_attachment("attach_file", {"path": path}))

    def attach_image(self, data: bytes, name: str) -> None:
        self._send_tracked(lambda session: session.record_attachment("attach_image", {"name": name}, data))

    def ask_audio_file(self, path: str) -> None:
        self._send_tracked(lambda session: session.record_question("ask_audio_file", {"path": path}))

    def edit_picture(self, digest: str, quarters: int = 0, box: Sequence[int] = ()) -> None:
        self._send_tracked(lambda session: session.edit_picture(digest, {"quarters": quarters, "box": list(box)}))

    def remove_picture(self, digest: str) -> None:
        self._send_tracked(lambda session: session.remove_picture(digest))

    def interrupt(self) -> None:
        self._cancel_and_send("interrupt")

    def set_hands_free(self, hands_free: bool) -> None:
        self._session.is_hands_free = hands_free
        self._send_call("set_hands_free", {"hands_free": hands_free})

    def press_talk_key(self) -> None:
        self._cancel_and_send("press_talk_key")

    def tap_talk_key(self) -> None:
        self._send_call("tap_talk_key")

    def release_talk_key(self) -> None:
        self._send_call("release_talk_key")

    def test_microphone(self) -> None:
        self._send_call("test_microphone")

    def read_aloud(self, text: str) -> None:
        self._send_call("read_aloud", {"text": text})

    def skip_sentences(self, sentences: int) -> None:
        self._send_call("skip_sentences", {"sentences": sentences})

    def apply_settings(self, settings: Settings) -> None:
        self._settings = self._crashes.replace_disabled(settings)
        self._send_call("apply_settings", {"settings": to_table(self._settings)})

    def open_conversation(self, conversation: int | None, private: bool = False, opening_id: int = 0) -> None:
        with self._lock:
            self._session.open_conversation(conversation, private)
            self._send_call(
                "open_conversation", {"conversation": conversation, "private": private, "opening_id": opening_id}
            )

    def _start_process(self) -> None:
        import subprocess  # here, because the window is shown before

        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "assistant.ipc.server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._child, self._sent_calls, self._outgoing = child, 0, queue.SimpleQueue()
        self._started_at = time.monotonic()
        self._watchdog.watch_new_child(self._started_at)
        self._session.engine_state = self._session.loading_role = ""
        self._writer = threading.Thread(
            target=_write_frames, args=(child, self._outgoing), name="hark calls", daemon=True
        )
        self._writer.start()
        self._send_call("start", {"settings": to_table(self._settings), "conversation": self._session.conversation})

    def _send_tracked(self, call: Callable[[SessionState], EngineCall]) -> None:
        """Sends a call that a new child would have to be told again: to the one that lives now, and once."""
        with self._lock:
            self._send_call(*call(self._session))

    def _cancel_and_send(self, name: str) -> None:
        with self._lock:
            self._session.cancel_questions()
            self._send_call(name)

    def _send_call(self, name: str, facts: dict[str, Any] | None = None, raw: bytes = b"") -> None:
        """Never waits: a frozen child does not read, and its pipe holds little."""
        frame = protocol.encode(name, facts or {}, raw)
        with self._lock:
            self._outgoing.put(frame)
            self._sent_calls += name != "start"
            if name in _AWAITED_CALLS:
                self._watchdog.await_call(self._sent_calls, time.monotonic())

    def _emit_event(self, event: Event) -> None:
        with self._emit_lock:
            self._on_event(event)

    def _read_events(self) -> None:
        while not self._is_closing:
            child = self._child
            assert child and child.stdout
            try:
                frame = protocol.read_frame(child.stdout)
                if frame and frame[0] == "alive":
                    self._on_marks(read_as(WorkerMarks, frame[1], "alive"))
                    continue
                event = protocol.decode_event(*frame) if frame else None
            except (protocol.InvalidFrameError, InvalidValueError):
                event = None
                child.kill()
            if event is None:
                self._handle_exit(child)
                continue
            self._track_event(event)
            self._emit_event(event)

    def _on_marks(self, marks: WorkerMarks) -> None:
        with self._lock:
            self._watchdog.record_marks(marks, time.monotonic())

    def _watch_heartbeat(self) -> None:
        """A frozen engine, or one that is stuck, is as good as a dead one."""
        while not self._is_closing:
            time.sleep(_CHECK_INTERVAL_S)
            child, session = self._child, self._session
            loading = bool(session.loading_role) or session.engine_state in ("", "loading")
            with self._lock:
                health = self._watchdog.check_health(time.monotonic(), session.is_awaited, loading)
            if child and health in ("stuck", "dead"):
                child.kill()
            elif health != self._reported_health:
                self._reported_health = health
                self._emit_event(StateChanged((session.engine_state or "loading") if health == "healthy" else health))

    def _processor_s(self) -> float:
        import psutil  # here, because the window is shown before

        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def _track_event(self, event: Event) -> None:
        """Remembers what a new child would have to be told."""
        with self._lock:
            # How loud it is says nothing of the worker.
            self._watchdog.record_sign(time.monotonic(), is_shown=not isinstance(event, InputLevel))
            pages = self._session.attach_other_pages(event) if isinstance(event, PictureAdded) else []
            self._session.track_event(event)
        for call in pages:
            self._send_call(*call)
        if pages and isinstance(event, PictureAdded) and event.pages > MAX_PAGES:
            note = tr("Only the first {n} pages of {name} were added.")
            self._emit_event(Notice(note.format(n=MAX_PAGES, name=event.name)))
        match event:
            case StateChanged():
                self._reported_health = "healthy"  # it has told so itself
            case ModelLoading(what, True):
                self._crashes.record_loaded(what)
            case TurnEnded("answered"):
                self._crashes.record_answered()

    def _handle_exit(self, child: subprocess.Popen[bytes]) -> None:
        self._kill_child(child)
        if self._is_closing:
            return
        turn, self._session.current_turn = self._session.current_turn, None
        if turn:
            self._emit_event(turn)
        self._reported_health = "healthy"
        self._emit_event(StateChanged("restarting"))
        stage = self._watchdog.marks.stage
        self._settings, sentence = self._crashes.disable_crashing_model(
            self._session.loading_role, stage, self._settings
        )
        self._emit_event(
            Notice(sentence or tr("Hark's engine stopped and starts again; nothing that was said is lost."))
        )
        self._quick_crashes = self._quick_crashes + 1 if time.monotonic() - self._started_at < _QUICK_CRASH_S else 0
        if self._quick_crashes > 2 * MAX_CRASHES:
            self._emit_event(
                ErrorOccurred("engine", tr("Hark's engine does not start."), tr("Run hark doctor in a terminal."))
            )
            self._is_closing = True
            return
        assert child.stdout
        child.stdout.close()
        with self._lock:  # what the window calls meanwhile comes after this
            self._start_process()
            for call in self._session.replay_calls():
                self._send_call(*call)

    def _kill_child(self, child: subprocess.Popen[bytes]) -> None:
        child.kill()  # nothing, when it has ended
        child.wait()
        self._outgoing.put(None)
        if self._writer:
            self._writer.join()


def _write_frames(child: subprocess.Popen[bytes], outgoing: queue.SimpleQueue[bytes | None]) -> None:
    """Sends the frames; None is the last. If the child dies the reader notices, and starts another one."""
    assert child.stdin
    with contextlib.suppress(OSError, ValueError), child.stdin:
        while (frame := outgoing.get()) is not None:
            child.stdin.write(frame)
            child.stdin.flush()
