"""One question on its way to its answer: opens its files, keeps it, runs the turn, stamps its times.

Knows nothing of threads, devices, or who asked."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from assistant.audio import decode
from assistant.audio.clip import AudioClip
from assistant.conversation import turn
from assistant.error_boundary import reporting_errors
from assistant.errors import AssistantError, first_line
from assistant.events import (
    AudioProduced,
    ErrorOccurred,
    Event,
    Heard,
    Notice,
    Said,
    TurnEnded,
    TurnStarted,
    TurnTimings,
    Wrote,
)
from assistant.history.turn_recorder import TurnRecorder
from assistant.interfaces import Responder
from assistant.messages import Message, PictureRegion
from assistant.models.manager import ModelManager
from assistant.paths import AppPaths
from assistant.pictures import FrameSampling, Picture, open_picture
from assistant.settings import Settings
from assistant.text.i18n import tr
from assistant.text.sanitize import sanitize

_STEP_SECONDS = 0.1  # of waiting, after which a turn can be interrupted


@dataclass(frozen=True)
class TurnRequest:
    """What a person asks: text, or sound (a file, or what the microphone heard), and pictures (files, or opened).

    `regions` are parts of the last picture: left, top, right, bottom in its pixels. `ticket` is the asker's own mark,
    given back in `TurnStarted`. `aloud` is a text to read instead of answering. `alone`: nothing else that lies in
    the tray goes along."""

    text: str = ""
    audio: Path | AudioClip | None = None
    pictures: tuple[Path | Picture, ...] = ()
    regions: tuple[tuple[int, int, int, int], ...] = ()
    request_id: str = ""
    read_aloud_text: str = ""
    exclude_attachments: bool = False


@dataclass
class Session:
    """What every question needs. `conversation`: its number in the history, None until its first turn is kept; a
    `private` one is not kept."""

    settings: Settings
    folders: AppPaths
    history: TurnRecorder | None
    models: ModelManager
    past_messages: Sequence[Message] = ()
    conversation: int | None = None
    is_private: bool = False
    opening_id: int = 0

    @property
    def prompt_messages(self) -> Sequence[Message]:
        """What was said before, under the system prompt of the settings."""
        system = self.settings.responder.system_prompt
        return [Message("system", system), *self.past_messages] if system else self.past_messages

    def open_picture(self, path: Path) -> Picture:
        """The picture or video in a file, as the settings have it. Raises `BadInput`."""
        look = self.settings.responder
        return open_picture(path, FrameSampling(look.video_fps, look.video_frames))


@dataclass
class TurnRunner:
    """A turn under way. Iterate over `steps()`, close it to interrupt, then call `end`.

    `provisional`: the question may still go on; it is kept only when `release`d. `marks` are seconds since `start`."""

    request: TurnRequest
    session: Session
    is_speculative: bool = False
    id: int | None = None
    heard: str = ""
    answer: str = ""
    model_name: str = ""
    reason: str = "interrupted"
    failure: AssistantError | None = None
    pictures: tuple[Picture, ...] = ()
    start: float = field(default_factory=time.monotonic)
    _stage_times: dict[str, float] = field(default_factory=dict)
    _has_started: bool = False
    _has_ended: bool = False  # whether the question was

    def run(self) -> Generator[Event, None, None]:
        """What happens, up to the last sound; a failure too is an event."""
        with reporting_errors(self._record_failure, self.session.folders.logs):
            yield from self._run_stages()
            self.reason = "answered" if self.heard or self.request.audio is None else "nothing heard"
        if self.failure:
            yield ErrorOccurred.from_error(self.failure)

    def commit(self) -> Iterator[Event]:
        """The question is complete: it is kept, once its words are known."""
        self.is_speculative = False
        if self.heard:
            yield from self._record_start()

    def record_interrupted(self) -> Iterator[Event]:
        """A typed question that was interrupted before it was begun is kept and told all the same."""
        self.heard = self.heard or sanitize(self.request.text).strip()
        if self.heard and not self._has_ended:
            yield from self._record_start()
            yield Heard(self.heard)

    def turn_ended_event(self, heard_until: int | None = None) -> TurnEnded:
        """Keeps how the turn ended. `heard_until`: letters of the answer that were heard, None for all."""
        until = len(self.answer) if heard_until is None else heard_until
        for _ in self._record_state("answered" if self.reason == "nothing heard" else self.reason):
            pass  # who is told that an end is not saved has been told before
        if until < len(self.answer) and self.id and self.session.history:
            self._write_history(lambda history, id_: history.set_heard_letters(id_, until))
        by = self.model_name if self.answer else ""
        is_read_aloud = bool(self.request.read_aloud_text)
        return TurnEnded(
            self.reason, self.heard, self.answer, by, self._collect_timings(), until, self.id, is_read_aloud
        )

    def _record_failure(self, error: AssistantError) -> None:
        self.failure, self.reason = error, "failed"

    def _run_stages(self) -> Generator[Event, None, None]:
        question, desk = self.request, self.session
        self.heard = sanitize(question.text).strip()
        # Files first: they are quick to refuse, models slow to load.
        self.pictures = tuple(desk.open_picture(one) if isinstance(one, Path) else one for one in question.pictures)
        if question.regions and self.pictures:
            # A part goes along by itself too: small print is lost in the whole.
            self.pictures += tuple(self.pictures[-1].crop_region(box) for box in question.regions)
        self._stage_times["look"] = self._elapsed_seconds()
        for picture, given in zip(self.pictures, question.pictures, strict=False):
            if isinstance(given, Path):  # of others it was told as they came
                yield from (Notice(f"{picture.name}: {note}") for note in picture.notes)
        sound = (yield from _decode_audio(question.audio)) if isinstance(question.audio, Path) else question.audio
        if question.read_aloud_text:
            parts = yield from desk.models.load_backends(desk.settings, False)
            yield from turn.read_aloud(question.read_aloud_text, parts.voice)
            return
        if not isinstance(question.audio, AudioClip):
            yield from self._record_start()
        if sound is None:  # what was typed is seen even where no model can be loaded
            self._has_ended = True
            yield Heard(self.heard)
        parts = yield from desk.models.load_backends(desk.settings, sound is not None)
        self._stage_times["load"] = self._elapsed_seconds() - self._stage_times["look"]
        self.start = time.monotonic()
        asked = turn.TurnInput(
            self.heard, sound, self.pictures, self._requested_regions(), tr(desk.settings.responder.default_prompt)
        )
        with closing(turn.run_turn(asked, desk.prompt_messages, parts)) as events:
            loaded = parts.responder.late_loading_seconds
            for event in events:
                late, loaded = parts.responder.late_loading_seconds - loaded, parts.responder.late_loading_seconds
                self._stage_times["load"] += late
                self.start += late
                yield from self._record_event(event, parts.responder)
                again = self._has_ended and isinstance(event, Heard)
                self._has_ended |= isinstance(event, Heard)
                if not again:
                    yield event

    def _requested_regions(self) -> tuple[PictureRegion, ...]:
        boxes = self.request.regions
        return tuple(PictureRegion(self.pictures[-1 - len(boxes)], box) for box in boxes) if self.pictures else ()

    def _record_event(self, event: Event, responder: Responder) -> Iterator[Event]:
        """Stamps an event's time, and saves the turn whenever a piece of it is said."""
        match event:
            case Heard(text):
                self.heard = text
                self._mark_stage("hear")
                if text and not self.is_speculative:
                    yield from self._record_start()
            case Wrote(text) if text:
                remark = "" if self.answer else responder.reply_warning
                if remark:
                    yield Notice(remark)
                self._mark_stage("first_word")
                self.answer += text
                self.model_name = responder.model_name
                self._stage_times["answer"] = self._elapsed_seconds()
            case Said():
                yield from self._record_state("answering")
            case AudioProduced():
                self._mark_stage("first_sound")

    def _record_start(self) -> Iterator[Event]:
        """Commits the question, before anything else can fail."""
        history, desk = self.session.history, self.session
        if self._has_started:
            return
        self._has_started = True
        if history and not desk.is_private:
            title = self.heard or (self.pictures[0].name if self.pictures else tr("spoken question"))
            try:
                desk.conversation = desk.conversation or history.start_conversation(title)
                # Parts that are pointed at are no pictures of their own.
                whole = self.pictures[: len(self.pictures) - len(self.request.regions)]
                self.id = history.add_turn(desk.conversation, self.heard, whole, self.request.regions)
            except (sqlite3.Error, OSError) as error:
                yield Notice(tr("This turn is not saved: {why}.").format(why=first_line(error)))
        yield TurnStarted(
            self.id, self.request.request_id, desk.conversation, tuple(one.digest for one in self.pictures)
        )

    def _record_state(self, state: str) -> Iterator[Event]:
        failed = self._write_history(
            lambda history, id_: history.update_turn(id_, self.heard, self.answer, self.model_name, state)
        )
        if failed:
            self.id = None
            yield Notice(tr("The rest of this turn is not saved: {failed}.").format(failed=failed))

    def _write_history(self, write: Callable[[TurnRecorder, int], None]) -> sqlite3.Error | None:
        if self.session.history and self.id:
            try:
                write(self.session.history, self.id)
            except sqlite3.Error as error:
                return error
        return None

    def _mark_stage(self, name: str) -> None:
        self._stage_times.setdefault(name, self._elapsed_seconds())

    def _elapsed_seconds(self) -> float:
        return time.monotonic() - self.start

    def _collect_timings(self) -> TurnTimings:
        known = {name: round(value, 4) for name, value in self._stage_times.items()}
        spent = known.get("load", 0.0) + known.get("look", 0.0) if "load" in known else 0.0
        return replace(TurnTimings(**known), total=round(self._elapsed_seconds() + spent, 4))


def _decode_audio(path: Path) -> Generator[Event, None, AudioClip]:
    """The sound in a file; while it is decoded the turn can be interrupted. Raises `BadInput`."""
    with closing(decode.AudioDecoding(path)) as decoding:
        while not decoding.wait_for_result(_STEP_SECONDS):
            yield Wrote("")
        return decoding.take_result()


def run_request(question: TurnRequest, desk: Session, on_event: Callable[[Event], None]) -> AssistantError | None:
    """Runs a whole turn in this thread; it always ends in `TurnEnded`. Returns the failure, if it failed."""
    asking = TurnRunner(question, desk)
    try:
        with closing(asking.run()) as steps:
            for event in steps:
                if event != Wrote(""):
                    on_event(event)
    finally:
        on_event(asking.turn_ended_event())
    return asking.failure
