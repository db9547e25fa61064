"""The engine in a process of its own, behind the same face: started, watched, started again."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from assistant import frames
from assistant.crashes import MOST_CRASHES, CrashRecord
from assistant.events import Event, Failed, Level, Loading, Noted, Shown, StateChanged, TurnEnded
from assistant.progress import Marks
from assistant.session_state import MAX_PAGES, Call, SessionState
from assistant.settings import Settings, table
from assistant.typed_reader import InvalidValueError, read_as
from assistant.watchdog import Health, Watchdog, WatchdogLimits
from assistant.words.tongue import tr

if TYPE_CHECKING:
    import subprocess

_LAST_WORDS = 1.8  # seconds that an engine has to end
_QUICK_CRASH_S = 24.0  # after its start: an engine that dies sooner, again and again, does not start at all
_CHECK_S = 0.25  # between looks at the child
_WAITED_FOR = {"interrupt", "press", "ask", "again", "hear", "say", "open"}  # calls that the worker is to take up soon


class EngineProcess:
    """`Engine`'s face. `on_event` is called from threads of its own, never from two at once.

    Beside the engine's events: `StateChanged` tells that it is still "working" at one step, or "frozen", or
    "restarting" after a crash; what it did before is told again when that has passed."""

    def __init__(
        self, settings: Settings, on_event: Callable[[Event], None], limits: WatchdogLimits | None = None
    ) -> None:
        self._settings, self._on_event, self._telling = settings, on_event, threading.RLock()
        self._child: subprocess.Popen[bytes] | None = None
        self._closing = False
        self._session, self._crashes = SessionState(), CrashRecord()
        self._watchdog = Watchdog(limits or WatchdogLimits(), self._processor_s)
        self._health: Health = "healthy"  # as it was told
        self._calls = self._quick = 0
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
        self._spawn()
        self._threads = [
            threading.Thread(target=self._read, name="hark events", daemon=True),
            threading.Thread(target=self._watch, name="hark watch", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the child, by force when it does not end by itself."""
        self._closing = True
        child = self._child
        if child:
            self._outgoing.put(None)
            end = time.monotonic() + _LAST_WORDS
            while child.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
            self._end(child)
        for thread in self._threads:
            thread.join()

    def ask(self, text: str, picture: str = "", box: Sequence[int] = ()) -> None:
        self._call(lambda session: session.question("ask", {"text": text, "picture": picture, "box": list(box)}))

    def again(self, turn: int, text: str) -> None:
        self._call(lambda session: session.question("again", {"turn": turn, "text": text}))

    def show(self, path: str) -> None:
        self._call(lambda session: session.show("show", {"path": path}))

    def show_image(self, data: bytes, name: str) -> None:
        self._call(lambda session: session.show("show_image", {"name": name}, data))

    def hear(self, path: str) -> None:
        self._call(lambda session: session.question("hear", {"path": path}))

    def rework(self, digest: str, quarters: int = 0, box: Sequence[int] = ()) -> None:
        self._call(lambda session: session.rework(digest, {"quarters": quarters, "box": list(box)}))

    def forget(self, digest: str) -> None:
        self._call(lambda session: session.forget(digest))

    def interrupt(self) -> None:
        self._stop_and_send("interrupt")

    def listen(self, hands_free: bool) -> None:
        self._session.hands_free = hands_free
        self._send("listen", {"hands_free": hands_free})

    def press(self) -> None:
        self._stop_and_send("press")

    def tap(self) -> None:
        self._send("tap")

    def release(self) -> None:
        self._send("release")

    def try_microphone(self) -> None:
        self._send("try_microphone")

    def say(self, text: str) -> None:
        self._send("say", {"text": text})

    def skip(self, sentences: int) -> None:
        self._send("skip", {"sentences": sentences})

    def configure(self, settings: Settings) -> None:
        self._settings = self._crashes.allowed(settings)
        self._send("configure", {"settings": table(self._settings)})

    def open(self, conversation: int | None, private: bool = False) -> None:
        with self._lock:
            self._session.open(conversation, private)
            self._send("open", {"conversation": conversation, "private": private})

    def _spawn(self) -> None:
        import subprocess  # here, because the window is shown before

        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "assistant.serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._child, self._calls, self._outgoing = child, 0, queue.SimpleQueue()
        self._born = time.monotonic()
        self._watchdog.start(self._born)
        self._session.state = self._session.loading = ""
        self._writer = threading.Thread(target=_write, args=(child, self._outgoing), name="hark calls", daemon=True)
        self._writer.start()
        self._send("start", {"settings": table(self._settings), "conversation": self._session.conversation})

    def _call(self, call: Callable[[SessionState], Call]) -> None:
        """Sends a call that a new child would have to be told again: to the one that lives now, and once."""
        with self._lock:
            self._send(*call(self._session))

    def _stop_and_send(self, name: str) -> None:
        with self._lock:
            self._session.stop()
            self._send(name)

    def _send(self, name: str, facts: dict[str, Any] | None = None, raw: bytes = b"") -> None:
        """Never waits: a frozen child does not read, and its pipe holds little."""
        frame = frames.pack(name, facts or {}, raw)
        with self._lock:
            self._outgoing.put(frame)
            self._calls += name != "start"
            if name in _WAITED_FOR:
                self._watchdog.await_call(self._calls, time.monotonic())

    def _tell(self, event: Event) -> None:
        with self._telling:
            self._on_event(event)

    def _read(self) -> None:
        while not self._closing:
            child = self._child
            assert child and child.stdout
            try:
                frame = frames.read(child.stdout)
                if frame and frame[0] == "alive":
                    self._on_marks(read_as(Marks, frame[1], "alive"))
                    continue
                event = frames.event_of(*frame) if frame else None
            except (frames.BadFrame, InvalidValueError):
                event = None
                child.kill()
            if event is None:
                self._on_death(child)
                continue
            self._follow(event)
            self._tell(event)

    def _on_marks(self, marks: Marks) -> None:
        with self._lock:
            self._watchdog.on_marks(marks, time.monotonic())

    def _watch(self) -> None:
        """A frozen engine, or one that is stuck, is as good as a dead one."""
        while not self._closing:
            time.sleep(_CHECK_S)
            child, session = self._child, self._session
            loading = bool(session.loading) or session.state in ("", "loading")
            with self._lock:
                health = self._watchdog.check(time.monotonic(), session.awaited, loading)
            if child and health in ("stuck", "dead"):
                child.kill()
            elif health != self._health:
                self._health = health
                self._tell(StateChanged((session.state or "loading") if health == "healthy" else health))

    def _processor_s(self) -> float:
        import psutil  # here, because the window is shown before

        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def _follow(self, event: Event) -> None:
        """Remembers what a new child would have to be told."""
        with self._lock:
            # How loud it is says nothing of the worker.
            self._watchdog.on_sign(time.monotonic(), shows=not isinstance(event, Level))
            pages = self._session.show_pages(event) if isinstance(event, Shown) else []
            self._session.follow(event)
        for call in pages:
            self._send(*call)
        if pages and isinstance(event, Shown) and event.pages > MAX_PAGES:
            note = tr("Only the first {n} pages of {name} were added.")
            self._tell(Noted(note.format(n=MAX_PAGES, name=event.name)))
        match event:
            case StateChanged():
                self._health = "healthy"  # it has told so itself
            case Loading(what, True):
                self._crashes.loaded(what)
            case TurnEnded("answered"):
                self._crashes.answered()

    def _on_death(self, child: subprocess.Popen[bytes]) -> None:
        self._end(child)
        if self._closing:
            return
        turn, self._session.turn = self._session.turn, None
        if turn:
            self._tell(turn)
        self._health = "healthy"
        self._tell(StateChanged("restarting"))
        stage = self._watchdog.marks.stage
        self._settings, sentence = self._crashes.blame(self._session.loading, stage, self._settings)
        self._tell(Noted(sentence or tr("Hark's engine stopped and starts again; nothing that was said is lost.")))
        self._quick = self._quick + 1 if time.monotonic() - self._born < _QUICK_CRASH_S else 0
        if self._quick > 2 * MOST_CRASHES:
            self._tell(Failed("engine", tr("Hark's engine does not start."), tr("Run hark doctor in a terminal.")))
            self._closing = True
            return
        assert child.stdout
        child.stdout.close()
        with self._lock:  # what the window calls meanwhile comes after this
            self._spawn()
            for call in self._session.repeat():
                self._send(*call)

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        child.kill()  # nothing, when it has ended
        child.wait()
        self._outgoing.put(None)
        if self._writer:
            self._writer.join()


def _write(child: subprocess.Popen[bytes], outgoing: queue.SimpleQueue[bytes | None]) -> None:
    """Sends the frames; None is the last. If the child dies the reader notices, and starts another one."""
    assert child.stdin
    with contextlib.suppress(OSError, ValueError), child.stdin:
        while (frame := outgoing.get()) is not None:
            child.stdin.write(frame)
            child.stdin.flush()
