"""One question on its way to its answer: opens its files, keeps it, runs the turn, stamps its times.

Knows nothing of threads, devices, or who asked."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from assistant import turn
from assistant.errors import AssistantError, first_line
from assistant.events import Event, Failed, Heard, Noted, Said, Sound, Timings, TurnEnded, TurnStarted, Wrote
from assistant.faults import told
from assistant.library.history import History
from assistant.parts import Shelf
from assistant.pictures import Picture, Sampling, open_picture
from assistant.roles import Message, Region, Responder
from assistant.settings import Folders, Settings
from assistant.sound import audio
from assistant.sound.audio import Audio
from assistant.words.clean import clean
from assistant.words.tongue import tr

_STEP_SECONDS = 0.1  # of waiting, after which a turn can be interrupted


@dataclass(frozen=True)
class Question:
    """What a person asks: text, or sound (a file, or what the microphone heard), and pictures (files, or opened).

    `regions` are parts of the last picture: left, top, right, bottom in its pixels. `ticket` is the asker's own mark,
    given back in `TurnStarted`. `aloud` is a text to read instead of answering. `alone`: nothing else that lies in
    the tray goes along."""

    text: str = ""
    sound: Path | Audio | None = None
    pictures: tuple[Path | Picture, ...] = ()
    regions: tuple[tuple[int, int, int, int], ...] = ()
    ticket: str = ""
    aloud: str = ""
    alone: bool = False


@dataclass
class Desk:
    """What every question needs. `conversation`: its number in the history, None until its first turn is kept; a
    `private` one is not kept."""

    settings: Settings
    folders: Folders
    history: History | None
    shelf: Shelf
    past: Sequence[Message] = ()
    conversation: int | None = None
    private: bool = False

    @property
    def messages(self) -> Sequence[Message]:
        """What was said before, under the system prompt of the settings."""
        system = self.settings.look.system
        return [Message("system", system), *self.past] if system else self.past

    def opened(self, path: Path) -> Picture:
        """The picture or video in a file, as the settings have it. Raises `BadInput`."""
        look = self.settings.look
        return open_picture(path, Sampling(look.video_rate, look.video_frames))


@dataclass
class Asking:
    """A turn under way. Iterate over `steps()`, close it to interrupt, then call `end`.

    `provisional`: the question may still go on; it is kept only when `release`d. `marks` are seconds since `start`."""

    question: Question
    desk: Desk
    provisional: bool = False
    id: int | None = None
    heard: str = ""
    answer: str = ""
    by: str = ""
    reason: str = "interrupted"
    failure: AssistantError | None = None
    pictures: tuple[Picture, ...] = ()
    start: float = field(default_factory=time.monotonic)
    marks: dict[str, float] = field(default_factory=dict)
    _begun: bool = False
    _told: bool = False  # whether the question was

    def steps(self) -> Generator[Event, None, None]:
        """What happens, up to the last sound; a failure too is an event."""
        with told(self._fail, self.desk.folders.logs):
            yield from self._steps()
            self.reason = "answered" if self.heard or self.question.sound is None else "nothing heard"
        if self.failure:
            yield Failed.of(self.failure)

    def release(self) -> Iterator[Event]:
        """The question is complete: it is kept, once its words are known."""
        self.provisional = False
        if self.heard:
            yield from self._keep()

    def keep(self) -> Iterator[Event]:
        """A typed question that was interrupted before it was begun is kept and told all the same."""
        self.heard = self.heard or clean(self.question.text).strip()
        if self.heard and not self._told:
            yield from self._keep()
            yield Heard(self.heard)

    def end(self, heard_until: int | None = None) -> TurnEnded:
        """Keeps how the turn ended. `heard_until`: letters of the answer that were heard, None for all."""
        until = len(self.answer) if heard_until is None else heard_until
        for _ in self._save("answered" if self.reason == "nothing heard" else self.reason):
            pass  # who is told that an end is not saved has been told before
        if until < len(self.answer) and self.id and self.desk.history:
            self._tried(lambda history, id_: history.heard_until(id_, until))
        by = self.by if self.answer else ""
        return TurnEnded(self.reason, self.heard, self.answer, by, self._timings(), until, self.id)

    def _fail(self, error: AssistantError) -> None:
        self.failure, self.reason = error, "failed"

    def _steps(self) -> Generator[Event, None, None]:
        question, desk = self.question, self.desk
        self.heard = clean(question.text).strip()
        # Files first: they are quick to refuse, models slow to load.
        self.pictures = tuple(desk.opened(one) if isinstance(one, Path) else one for one in question.pictures)
        if question.regions and self.pictures:
            # A part goes along by itself too: small print is lost in the whole.
            self.pictures += tuple(self.pictures[-1].part(box) for box in question.regions)
        self.marks["look"] = self._since()
        for picture, given in zip(self.pictures, question.pictures, strict=False):
            if isinstance(given, Path):  # of others it was told as they came
                yield from (Noted(f"{picture.name}: {note}") for note in picture.notes)
        sound = (yield from _decode(question.sound)) if isinstance(question.sound, Path) else question.sound
        if question.aloud:
            parts = yield from desk.shelf.parts(desk.settings, False)
            yield from turn.read(question.aloud, parts.voice)
            return
        if not isinstance(question.sound, Audio):
            yield from self._keep()
        if sound is None:  # what was typed is seen even where no model can be loaded
            self._told = True
            yield Heard(self.heard)
        parts = yield from desk.shelf.parts(desk.settings, sound is not None)
        self.marks["load"] = self._since() - self.marks["look"]
        self.start = time.monotonic()
        asked = turn.Asked(self.heard, sound, self.pictures, self._regions(), tr(desk.settings.look.describe))
        with closing(turn.answer(asked, desk.messages, parts)) as events:
            loaded = parts.responder.late_loading_seconds
            for event in events:
                late, loaded = parts.responder.late_loading_seconds - loaded, parts.responder.late_loading_seconds
                self.marks["load"] += late
                self.start += late
                yield from self._note(event, parts.responder)
                again = self._told and isinstance(event, Heard)
                self._told |= isinstance(event, Heard)
                if not again:
                    yield event

    def _regions(self) -> tuple[Region, ...]:
        boxes = self.question.regions
        return tuple(Region(self.pictures[-1 - len(boxes)], box) for box in boxes) if self.pictures else ()

    def _note(self, event: Event, responder: Responder) -> Iterator[Event]:
        """Stamps an event's time, and saves the turn whenever a piece of it is said."""
        match event:
            case Heard(text):
                self.heard = text
                self._mark("hear")
                if text and not self.provisional:
                    yield from self._keep()
            case Wrote(text) if text:
                remark = "" if self.answer else responder.remark
                if remark:
                    yield Noted(remark)
                self._mark("first_word")
                self.answer += text
                self.by = responder.by
                self.marks["answer"] = self._since()
            case Said():
                yield from self._save("answering")
            case Sound():
                self._mark("first_sound")

    def _keep(self) -> Iterator[Event]:
        """Commits the question, before anything else can fail."""
        history, desk = self.desk.history, self.desk
        if self._begun:
            return
        self._begun = True
        if history and not desk.private:
            title = self.heard or (self.pictures[0].name if self.pictures else tr("spoken question"))
            try:
                desk.conversation = desk.conversation or history.start(title)
                # Parts that are pointed at are no pictures of their own.
                whole = self.pictures[: len(self.pictures) - len(self.question.regions)]
                self.id = history.ask(desk.conversation, self.heard, whole, self.question.regions)
            except (sqlite3.Error, OSError) as error:
                yield Noted(tr("This turn is not saved: {why}.").format(why=first_line(error)))
        yield TurnStarted(self.id, self.question.ticket, desk.conversation, tuple(one.digest for one in self.pictures))

    def _save(self, state: str) -> Iterator[Event]:
        failed = self._tried(lambda history, id_: history.update(id_, self.heard, self.answer, self.by, state))
        if failed:
            self.id = None
            yield Noted(tr("The rest of this turn is not saved: {failed}.").format(failed=failed))

    def _tried(self, write: Callable[[History, int], None]) -> sqlite3.Error | None:
        if self.desk.history and self.id:
            try:
                write(self.desk.history, self.id)
            except sqlite3.Error as error:
                return error
        return None

    def _mark(self, name: str) -> None:
        self.marks.setdefault(name, self._since())

    def _since(self) -> float:
        return time.monotonic() - self.start

    def _timings(self) -> Timings:
        known = {name: round(value, 4) for name, value in self.marks.items()}
        spent = known.get("load", 0.0) + known.get("look", 0.0) if "load" in known else 0.0
        return replace(Timings(**known), total=round(self._since() + spent, 4))


def _decode(path: Path) -> Generator[Event, None, Audio]:
    """The sound in a file; while it is decoded the turn can be interrupted. Raises `BadInput`."""
    with closing(audio.Decoding(path)) as decoding:
        while not decoding.wait(_STEP_SECONDS):
            yield Wrote("")
        return decoding.result()


def ask(question: Question, desk: Desk, on_event: Callable[[Event], None]) -> AssistantError | None:
    """Runs a whole turn in this thread; it always ends in `TurnEnded`. Returns the failure, if it failed."""
    asking = Asking(question, desk)
    try:
        with closing(asking.steps()) as steps:
            for event in steps:
                if event != Wrote(""):
                    on_event(event)
    finally:
        on_event(asking.end())
    return asking.failure
