"""The engine: microphone and speaker, a listener thread and one worker thread around a conversation.

Every call returns at once. The worker owns all models and takes one step at a time: what was called, then the turn.
Knows nothing of who shows what happens."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from assistant.asking import Desk, Question
from assistant.devices import Devices
from assistant.errors import AssistantError
from assistant.events import Event, Failed, Noted, Opened, Voices
from assistant.faults import told
from assistant.files import user_path
from assistant.floor import Floor
from assistant.library import history, voices
from assistant.parts import Shelf
from assistant.pictures import open_encoded
from assistant.progress import Progress
from assistant.settings import Folders, Settings
from assistant.signals import Signals
from assistant.sound.listener import Speech, SpeechStarted
from assistant.sound.speaker import Playback
from assistant.tray import Tray
from assistant.words.tongue import tr

_TICK = 0.02  # seconds between looks at what is being played
_PATIENCE = 3.0  # seconds for a frozen sound server

OnEvent = Callable[[Event], None]


class Engine:
    """One conversation, spoken and typed. `on_event` is called from the engine's threads, never from two at once."""

    def __init__(self, settings: Settings, folders: Folders, on_event: OnEvent, progress: Progress | None = None):
        self._folders, self._on_event, self._speaking_up = folders, on_event, threading.Lock()
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._closing, self._progress = False, progress or Progress()
        self._signals = Signals()
        self._desk = Desk(settings, folders, None, Shelf(folders.data))
        self._devices = Devices(settings.sound, self._emit, lambda: self._floor.sentence_start)
        self._floor = Floor(self._desk, self._open_playback, self._emit)
        self._tray = Tray(self._desk, self._floor, self._emit)
        self._threads: list[threading.Thread] = []

    def start(self, conversation: int | None = None) -> None:
        """Opens devices, then loads what the settings name. The microphone comes first: no word is lost."""
        self._threads = [
            threading.Thread(target=self._work, name="hark worker"),
            threading.Thread(target=self._listen, name="hark listener"),
            threading.Thread(target=self._devices.run, name="hark devices", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._calls.put(lambda: self._begin(conversation))

    def stop(self) -> None:
        """Ends the turn, closes devices and models, and waits for the threads."""
        self.interrupt()
        self._closing = True
        self._calls.put(lambda: None)
        self._devices.close()
        for thread in self._threads:
            thread.join(_PATIENCE if thread.daemon else None)

    def ask(self, text: str, ticket: str = "", picture: str = "", box: Sequence[int] = ()) -> None:
        """Asks what was typed, about the pictures in the tray; with no words a picture is described.

        `picture` with `box` (left, top, right, bottom in its pixels) asks about a part of the one with this digest."""
        self._silence()
        self._calls.put(lambda: self._ask(text, ticket, picture, tuple(box)))

    def again(self, turn: int, text: str, ticket: str = "") -> None:
        """Asks a turn of the history again, with other words if the text differs, in a branch that begins before it."""
        self._silence()
        self._calls.put(lambda: self._again(turn, text, ticket))

    def show(self, path: str, ticket: str = "", again: bool = False) -> None:
        """Lays a picture file in the tray: `Shown`, or `Failed` with the reason. `again`: it was there before."""
        self._calls.put(lambda: self._tray.lay(self._desk.opened(user_path(path)), ticket, again))

    def show_image(self, data: bytes, name: str, ticket: str = "", again: bool = False) -> None:
        """The same with an encoded picture, as it comes from the clipboard."""
        self._calls.put(lambda: self._tray.lay(open_encoded(data, name), ticket, again))

    def hear(self, path: str, ticket: str = "") -> None:
        """Asks what is said in a sound file."""
        self._silence()
        self._calls.put(lambda: self._floor.ask(Question(sound=user_path(path), ticket=ticket)))

    def rework(self, digest: str, quarters: int = 0, box: Sequence[int] = (), ticket: str = "") -> None:
        """Puts a picture of the tray there anew: turned by quarters of a circle, clockwise, then only what is in `box`
        (left, top, right, bottom in its pixels)."""
        self._calls.put(lambda: self._tray.rework(digest, quarters, tuple(box), ticket))

    def forget(self, digest: str) -> None:
        """Lets a picture go."""
        self._calls.put(lambda: self._tray.forget(digest))

    def interrupt(self) -> None:
        """Stops speaking, at once."""
        self._silence()
        self._calls.put(self._interrupt)

    def listen(self, hands_free: bool) -> None:
        """Whether speech itself begins a question; the talk key always does."""
        self._devices.listen(hands_free)

    def press(self) -> None:
        """The talk key goes down. An answer that sounds is stopped."""
        self.interrupt()
        self._devices.press()

    def release(self) -> None:
        """The talk key comes up: what was said is the question."""
        self._devices.release()

    def tap(self) -> None:
        """The talk key was only tapped: the question ends with the speech, or at the next press."""
        self._devices.tap()

    def try_microphone(self) -> None:
        """Records a few seconds and plays them: `MicrophoneTried`."""
        self.interrupt()
        self._devices.try_microphone()

    def say(self, text: str) -> None:
        """Reads a text aloud, as it was written."""
        self._silence()
        self._calls.put(lambda: self._floor.ask(Question(aloud=text)))

    def skip(self, sentences: int) -> None:
        """Goes so many sentences on, or back, in what is being spoken."""
        self._calls.put(lambda: self._floor.skip(sentences))

    def configure(self, settings: Settings) -> None:
        """Other settings, from the next turn on; devices at once. What does not open leaves the old one in place."""
        self._calls.put(lambda: self._configure(settings))

    def open(self, conversation: int | None, private: bool = False) -> None:
        """Goes on with a conversation of the history, its pictures in the tray, or begins a new one; a `private` one
        is not saved."""
        self._calls.put(lambda: self._open(conversation, private))

    def note_calls(self, calls: int) -> None:
        """Marks, when the worker comes to it, that so many calls were made."""
        self._calls.put(lambda: self._progress.note_calls(calls))

    def _interrupt(self) -> None:
        self._tray.leave()
        self._floor.interrupt()

    def _emit(self, event: Event) -> None:
        earcons = self._signals.of(event)
        if earcons is not None and self._desk.settings.sound.earcons:
            self._devices.signal(*earcons)
        with self._speaking_up:
            self._on_event(event)

    def _fail(self, error: AssistantError) -> None:
        self._emit(Failed.of(error))

    def _open_playback(self) -> Playback | None:
        """One speaks: None where the screen reader reads the answers."""
        return None if self._desk.settings.speak.by == "reader" else self._devices.open_playback()

    def _silence(self) -> None:
        """In the caller's thread: sound stops before the worker has finished its step."""
        playback = self._floor.playback
        if playback:
            playback.stop()
        self._devices.hush()

    def _work(self) -> None:
        self._progress.watch()
        while not self._closing:
            if not self._floor.ready:
                self._progress.rest()
            call = self._next_call()
            self._progress.begin_step()
            with told(self._fail, self._folders.logs):
                if call:
                    call()
                else:
                    self._floor.step()
                self._tray.describe()
        self._floor.interrupt()
        self._desk.shelf.close()
        if self._desk.history:
            self._desk.history.close()

    def _next_call(self) -> Callable[[], None] | None:
        """What was called first; else None: at once while a turn can be stepped, after a while when it cannot."""
        idle = self._desk.settings.memory.unload_after * 60 if self._desk.shelf.responder else 0
        try:
            if self._floor.ready:
                return self._calls.get_nowait()
            return self._calls.get(timeout=_TICK if self._floor.busy else idle or None)
        except queue.Empty:
            if not self._floor.busy and not self._floor.ready:
                self._desk.shelf.close()
            return None

    def _listen(self) -> None:
        while not self._closing:
            for event in self._devices.hear(self._floor.playback):
                playback = self._floor.playback
                if playback and isinstance(event, SpeechStarted):
                    playback.hold()
                self._calls.put(lambda event=event: self._on_speech(event))  # type: ignore[misc]

    def _on_speech(self, event: Speech) -> None:
        self._floor.on_speech(event)
        if self._floor.false_alarms > 1:
            self._devices.distrust()

    def _begin(self, conversation: int | None) -> None:
        self._desk.history = self._history()
        self._open(conversation)
        self._warm()
        self._tell_voices()

    def _tell_voices(self) -> None:
        with told(self._fail, self._folders.logs):
            found = voices.voices(self._folders.data)
            self._emit(Voices(tuple(one.id for one in found), tuple(one.name for one in found)))

    def _history(self) -> history.History | None:
        if not self._desk.settings.history.keep:
            return None
        opened, why = history.opened(self._folders.data)
        if why:
            self._emit(Noted(why))
        return opened

    def _warm(self) -> None:
        if not self._desk.settings.memory.preload:
            return self._floor.rest()
        self._floor.say_state("loading")
        with told(self._fail, self._folders.logs):
            for event in self._desk.shelf.warm(self._desk.settings):
                self._emit(event)
        self._floor.rest()

    def _open(self, conversation: int | None, private: bool = False, keep: bool = False) -> None:
        """`keep`: what lies in the tray stays there, whether the conversation knows it or not."""
        self._floor.interrupt()
        past = history.messages(self._desk.history, conversation) if self._desk.history and conversation else []
        self._desk.conversation, self._desk.private = conversation, private
        pictures = [picture for message in past for picture in message.pictures]
        if not keep:
            self._tray.leave_only(pictures)
        self._floor.remember(past)
        self._emit(Opened(conversation))
        self._tray.lay_back(pictures)

    def _ask(self, text: str, ticket: str, picture: str, box: tuple[int, ...]) -> None:
        if not text.strip() and not self._floor.tray:
            raise AssistantError(
                "ask", tr("There is nothing to ask yet."), tr("Type or say a question, or drop a picture.")
            )
        pointed = next((one for one in self._floor.tray if box and one.digest == picture), None)
        if pointed and len(box) == 4:
            # It is shown once more, last: the region belongs to the last picture.
            self._floor.ask(Question(text, pictures=(pointed,), regions=(box,), ticket=ticket))
        else:
            self._floor.ask(Question(text, ticket=ticket))

    def _again(self, turn: int, text: str, ticket: str) -> None:
        asked = self._desk.history.turn(turn) if self._desk.history else None
        if not self._desk.history or not asked:
            raise AssistantError("ask", tr("This turn is not saved; it cannot be asked again."), tr("Ask it anew."))
        pictures = tuple(self._desk.history.pictures(asked))
        self._open(self._desk.history.archive.branch(turn), keep=True)
        self._tray.lay_back(pictures)
        regions = asked.regions if len(pictures) == len(asked.pictures) else ()
        self._floor.ask(Question(text or asked.question, None, pictures, regions, ticket, alone=True))

    def _configure(self, settings: Settings) -> None:
        changed = replace(settings.sound, earcons=True) != replace(self._desk.settings.sound, earcons=True)
        looked = settings.speak.voice != self._desk.settings.speak.voice or settings == self._desk.settings
        self._desk.settings = settings
        if changed:
            self._floor.interrupt()
            self._devices.change(settings.sound)
        if not settings.sound.earcons:
            self._devices.signal()
        self._desk.shelf.look_again()
        self._warm()
        if looked:
            self._tell_voices()  # one may have come or gone
        self._floor.prepare()
        with told(self._fail, self._folders.logs):
            self._tray.weigh()
