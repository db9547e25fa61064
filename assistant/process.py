"""The engine in a process of its own, behind the same face: started, watched, started again. Knows no window."""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assistant import frames
from assistant.events import (
    Event,
    Failed,
    Forgotten,
    Heard,
    Loading,
    Noted,
    Said,
    Shown,
    StateChanged,
    TurnEnded,
    TurnStarted,
    Wrote,
)
from assistant.settings import Hear, Look, Settings, Speak, table
from assistant.words.tongue import mark, tr

if TYPE_CHECKING:
    import subprocess

_FROZEN = 12.0  # seconds without a sign of life
_LAST_WORDS = 1.8  # seconds that an engine has to end
_CRASHES = 3
_KIT: dict[str, tuple[str, Any]] = {"ear": ("hear", Hear()), "eye": ("look", Look()), "voice": ("speak", Speak())}
_PARTS = {"ear": mark("speech model"), "eye": mark("model"), "voice": mark("voice")}


class EngineProcess:
    """`Engine`'s face. `on_event` is called from a thread of its own; `StateChanged("restarting")` tells of a crash."""

    def __init__(self, settings: Settings, on_event: Callable[[Event], None]) -> None:
        self._settings, self._on_event = settings, on_event
        self._child: subprocess.Popen[bytes] | None = None
        self._conversation: int | None = None
        self._hands_free = self._closing = self._private = False
        self._last_sign = 0.0
        self._tickets = itertools.count(1)
        self._asked: dict[str, tuple[str, dict[str, Any]]] = {}  # ticket to question, until it is acknowledged
        self._showing: dict[str, list[tuple[str, dict[str, Any], bytes]]] = {}  # ticket to the calls that led to it
        self._tray: dict[str, str] = {}  # digest to ticket
        self._leaving: set[str] = set()  # digests of what is to be let go
        self._turn: TurnEnded | None = None  # what is known of the turn under way
        self._loading, self._quick = "", 0
        self._crashes: Counter[str] = Counter()  # while a part was being loaded
        self._refused: dict[str, Any] = {}  # by section, what crashed too often
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The child's process number."""
        return self._child.pid if self._child else None

    def start(self, conversation: int | None = None) -> None:
        self._conversation = conversation
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
            self._hang_up(child)
            end = time.monotonic() + _LAST_WORDS
            while child.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
            child.kill()  # nothing, when it has ended
            child.wait()
        for thread in self._threads:
            thread.join()

    def ask(self, text: str, picture: str = "", box: Sequence[int] = ()) -> None:
        self._question("ask", {"text": text, "picture": picture, "box": list(box)})

    def again(self, turn: int, text: str) -> None:
        self._question("again", {"turn": turn, "text": text})

    def _question(self, call: str, facts: dict[str, Any]) -> None:
        ticket = str(next(self._tickets))
        self._asked[ticket] = call, facts
        self._send(call, {**facts, "ticket": ticket})

    def show(self, path: str) -> None:
        self._show("show", {"path": path})

    def show_image(self, data: bytes, name: str) -> None:
        self._show("show_image", {"name": name}, data)

    def hear(self, path: str) -> None:
        self._question("hear", {"path": path})

    def rework(self, digest: str, quarters: int = 0, box: Sequence[int] = ()) -> None:
        before = self._showing.get(self._tray.get(digest, ""), [])
        self._show("rework", {"digest": digest, "quarters": quarters, "box": list(box)}, before=before)

    def forget(self, digest: str) -> None:
        self._leaving.add(digest)
        self._send("forget", {"digest": digest})

    def interrupt(self) -> None:
        self._send("interrupt")

    def listen(self, hands_free: bool) -> None:
        self._hands_free = hands_free
        self._send("listen", {"hands_free": hands_free})

    def press(self) -> None:
        self._send("press")

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
        for section, refused in list(self._refused.items()):
            if getattr(settings, section) == refused:
                settings = replace(settings, **{section: type(refused)()})
            else:
                del self._refused[section]  # something of it was changed: it may be tried again
        self._settings = settings
        self._send("configure", {"settings": table(settings)})

    def open(self, conversation: int | None, private: bool = False) -> None:
        self._conversation, self._private = conversation, private
        self._send("open", {"conversation": conversation, "private": private})

    def _show(self, call: str, facts: dict[str, Any], raw: bytes = b"", before: Sequence[Any] = ()) -> None:
        ticket = str(next(self._tickets))
        facts = {**facts, "ticket": ticket}
        self._showing[ticket] = [*before, (call, facts, raw)]
        self._send(call, facts, raw)

    def _spawn(self) -> None:
        import subprocess  # here, because the window is shown before

        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "assistant.serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._born = self._last_sign = time.monotonic()
        self._send("start", {"settings": table(self._settings), "conversation": self._conversation})

    def _send(self, name: str, facts: dict[str, Any] | None = None, raw: bytes = b"") -> None:
        frame = frames.pack(name, facts or {}, raw)
        child = self._child
        # If it died the reader notices, and starts another one.
        with self._lock, contextlib.suppress(OSError, ValueError):
            assert child and child.stdin
            child.stdin.write(frame)
            child.stdin.flush()

    def _hang_up(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock, contextlib.suppress(OSError):
            assert child.stdin
            child.stdin.close()

    def _read(self) -> None:
        while not self._closing:
            child = self._child
            assert child and child.stdout
            try:
                frame = frames.read(child.stdout)
                event = frames.event_of(*frame) if frame and frame[0] != "alive" else None
            except frames.BadFrame:
                frame, event = None, None
                child.kill()
            if frame is None:
                self._on_death(child)
            self._last_sign = time.monotonic()
            if event:
                self._follow(event)
                self._on_event(event)

    def _watch(self) -> None:
        """A frozen engine is as good as a dead one."""
        while not self._closing:
            time.sleep(0.25)
            child = self._child
            if child and time.monotonic() - self._last_sign > _FROZEN:
                self._last_sign = time.monotonic()
                child.kill()

    def _follow(self, event: Event) -> None:
        """Remembers what a new child would have to be told."""
        match event:
            case TurnStarted(id_, ticket, conversation, _):
                for older in [one for one in self._asked if ticket and int(one) <= int(ticket)]:
                    del self._asked[older]  # what was asked before it was interrupted before it began
                self._conversation = conversation
                self._turn = TurnEnded("interrupted", id=id_)
            case Heard(text) if self._turn:
                self._turn = replace(self._turn, heard=text)
            case Wrote(text) if self._turn:
                self._turn = replace(self._turn, answer=self._turn.answer + text)
            case Said(_, until) if self._turn:
                self._turn = replace(self._turn, heard_until=until)
            case TurnEnded():
                self._turn = None
            case Failed():
                self._asked.clear()
            case _:
                self._follow_things(event)

    def _follow_things(self, event: Event) -> None:
        match event:
            case Shown() if event.ticket in self._showing:
                self._showing.pop(self._tray.pop(event.instead, ""), None)
                self._tray[event.digest] = event.ticket
            case Forgotten(digest):
                self._leaving.discard(digest)
                self._showing.pop(self._tray.pop(digest, ""), None)
            case Loading(what, done):
                self._loading = "" if done else what
                if done:
                    self._crashes[what] = 0

    def _on_death(self, child: subprocess.Popen[bytes]) -> None:
        child.wait()
        if self._closing:
            return
        if self._turn:
            self._on_event(self._turn)
            self._turn = None
        self._on_event(StateChanged("restarting"))
        self._blame()
        self._quick = self._quick + 1 if time.monotonic() - self._born < 2 * _FROZEN else 0
        if self._quick > 2 * _CRASHES:
            self._on_event(Failed("engine", tr("Hark's engine does not start."), tr("Run hark doctor in a terminal.")))
            self._closing = True
            return
        with contextlib.suppress(OSError), child:  # a call that did not get through would still be written
            pass
        self._spawn()
        self._tell_again()

    def _blame(self) -> None:
        """What crashed three times while it was loaded is not loaded again."""
        self._crashes[self._loading] += 1
        if self._loading and self._crashes[self._loading] >= _CRASHES:
            section, kit = _KIT[self._loading]
            chosen = getattr(self._settings, section)
            named = getattr(chosen, "model", "") or getattr(chosen, "responder", "") or getattr(chosen, "voice", "")
            self._refused[section] = chosen
            self._settings = replace(self._settings, **{section: kit})
            self._on_event(
                Noted(
                    tr(
                        "The {what} “{named}” stopped Hark three times while it was loading; "
                        "the starter kit stands in. Choose another one in the settings."
                    ).format(what=tr(_PARTS[self._loading]), named=named)
                )
            )
            self._crashes.clear()
        else:
            self._on_event(Noted(tr("Hark's engine stopped and starts again; nothing that was said is lost.")))

    def _tell_again(self) -> None:
        """What the last one had, and what it did not answer."""
        self._send("listen", {"hands_free": self._hands_free})
        if self._private:
            self._send("open", {"conversation": None, "private": True})
        for ticket in list(self._tray.values()):
            for call, facts, raw in self._showing.get(ticket, ()):
                self._send(call, facts if call == "rework" else {**facts, "again": True}, raw)
        for digest in list(self._leaving):
            self._send("forget", {"digest": digest})
        for ticket, (call, asked) in list(self._asked.items()):  # the window may ask meanwhile
            self._send(call, {**asked, "ticket": ticket})
