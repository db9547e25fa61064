"""Runs one turn from the request to its end: opens files, loads models, saves the turn, measures its stages."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.audio import decode
from assistant.audio.clip import AudioClip
from assistant.conversation import turn
from assistant.conversation.session import Conversation, Session
from assistant.conversation.turn import EmptyStep
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
from assistant.messages import PictureRegion
from assistant.pictures import Picture
from assistant.text.i18n import tr
from assistant.text.sanitize import sanitize

_DECODE_POLL_S = 0.1  # after so long a turn that waits for a decoder can be interrupted


@dataclass(frozen=True)
class TurnRequest:
    """A question that is typed or spoken, a wish to have pictures described, or a text to read aloud."""

    text: str = ""  # a typed question
    audio: Path | AudioClip | None = None  # a spoken one: a file, or what the microphone recorded
    pictures: tuple[Path | Picture, ...] = ()  # files, or pictures that are opened already
    regions: tuple[tuple[int, int, int, int], ...] = ()  # parts of the last picture: left, top, right, bottom in pixels
    request_id: str = ""  # given back in `TurnStarted`
    describes_pictures: bool = False  # without a question: the responder gets the default prompt of the settings
    read_aloud_text: str = ""  # spoken as it is; there is no question and no answer
    exclude_attachments: bool = False  # whether the attached pictures do not go along


class TurnRunner:
    """A turn under way. Iterate over `run()`, close it to interrupt the turn, then call `turn_ended_event`.

    `is_speculative`: the user may go on speaking; nothing is saved before `commit`.
    `conversation`: the one that the turn belongs to; it gets its id when its first turn is saved.
    `id`: the turn's id in the history, None while it is not saved.
    `heard`, `answer`: the question and what was written so far; `model_name`: who wrote it.
    `pictures`: those of the question, with the parts of the last one that it is about.
    `reason`: as in `TurnEnded`. `error`: why the turn failed, None otherwise."""

    def __init__(
        self, request: TurnRequest, session: Session, conversation: Conversation, is_speculative: bool = False
    ) -> None:
        self.request, self.session, self.conversation = request, session, conversation
        self.is_speculative = is_speculative
        self.id: int | None = None
        self.heard = self.answer = self.model_name = ""
        self.reason = "interrupted"
        self.error: AssistantError | None = None
        self.pictures: tuple[Picture, ...] = ()
        self._started_at_s = time.monotonic()  # when loading ended, after that
        self._stage_times: dict[str, float] = {}  # by field of `TurnTimings`, in seconds
        self._has_started = self._has_heard = False  # whether `TurnStarted` and `Heard` were yielded

    def run(self) -> Generator[Event | EmptyStep, None, None]:
        """What happens, up to the last audio. A failure is an event too."""
        with reporting_errors(self._record_error, self.session.paths.logs):
            yield from self._run_stages()
            self.reason = "answered" if self.heard or self.request.audio is None else "nothing heard"
        if self.error:
            yield ErrorOccurred.from_error(self.error)

    def commit(self) -> Iterator[Event]:
        """The question is complete: saves the turn if its words are known already."""
        self.is_speculative = False
        if self.heard:
            yield from self._record_start()

    def record_interrupted(self) -> Iterator[Event]:
        """Saves a typed question that was interrupted before the turn came to it."""
        self.heard = self.heard or sanitize(self.request.text).strip()
        if self.heard and not self._has_heard:
            yield from self._record_start()
            yield Heard(self.heard)

    def turn_ended_event(self, heard_until: int | None = None) -> TurnEnded:
        """Saves how the turn ended. `heard_until`: letters of the answer that were heard, None for all."""
        heard_letters = len(self.answer) if heard_until is None else heard_until
        for _ in self._record_state("answered" if self.reason == "nothing heard" else self.reason):
            pass  # an end that cannot be saved was announced with the start
        if heard_letters < len(self.answer) and self.id and self.session.history:
            self._write_history(lambda history, turn_id: history.set_heard_letters(turn_id, heard_letters))
        return TurnEnded(
            self.reason,
            self.heard,
            self.answer,
            self.model_name if self.answer else "",
            self._collect_timings(),
            heard_letters,
            self.id,
            is_read_aloud=bool(self.request.read_aloud_text),
        )

    def _record_error(self, error: AssistantError) -> None:
        self.error, self.reason = error, "failed"

    def _run_stages(self) -> Generator[Event | EmptyStep, None, None]:
        request, session = self.request, self.session
        self.heard = sanitize(request.text).strip()
        # Files first: they are quick to refuse, models slow to load.
        yield from self._open_pictures()
        audio = (yield from _decode_audio(request.audio)) if isinstance(request.audio, Path) else request.audio
        if request.read_aloud_text:
            backends = yield from session.models.load_backends(session.settings, False)
            yield from turn.read_aloud(request.read_aloud_text, backends.voice)
            return
        if not isinstance(request.audio, AudioClip):
            yield from self._record_start()
        if audio is None:  # a typed question is shown even if no model can be loaded
            self._has_heard = True
            yield Heard(self.heard)
        backends = yield from session.models.load_backends(session.settings, audio is not None)
        self._stage_times["load"] = self._elapsed_s() - self._stage_times["open_pictures"]
        self._started_at_s = time.monotonic()
        prompt = tr(session.settings.responder.default_prompt) if request.describes_pictures else ""
        turn_input = turn.TurnInput(self.heard, audio, self.pictures, self._requested_regions(), prompt)
        messages = self.conversation.prompt_messages(session.settings.responder.system_prompt)
        with closing(turn.run_turn(turn_input, messages, backends)) as events:
            loading_s = backends.responder.late_loading_seconds
            for event in events:
                late_s = backends.responder.late_loading_seconds - loading_s
                loading_s += late_s
                self._stage_times["load"] += late_s
                self._started_at_s += late_s
                yield from self._record_event(event, backends.responder)
                is_repeated = self._has_heard and isinstance(event, Heard)
                self._has_heard |= isinstance(event, Heard)
                if not is_repeated:
                    yield event

    def _open_pictures(self) -> Iterator[Notice]:
        """Opens the files among the requested pictures. Raises `InvalidInputError`."""
        requested = self.request.pictures
        self.pictures = tuple(
            self.session.open_picture(picture) if isinstance(picture, Path) else picture for picture in requested
        )
        if self.request.regions and self.pictures:
            # A part goes along as a picture of its own too: small print is lost in the whole.
            self.pictures += tuple(self.pictures[-1].crop_region(box) for box in self.request.regions)
        self._stage_times["open_pictures"] = self._elapsed_s()
        for picture, source in zip(self.pictures, requested, strict=False):
            if isinstance(source, Path):  # the notes of others were emitted when they were attached
                yield from (Notice(f"{picture.name}: {note}") for note in picture.notes)

    def _requested_regions(self) -> tuple[PictureRegion, ...]:
        boxes = self.request.regions
        return tuple(PictureRegion(self.pictures[-1 - len(boxes)], box) for box in boxes) if self.pictures else ()

    def _record_event(self, event: Event | EmptyStep, responder: Responder) -> Iterator[Event]:
        """Measures when an event came, and saves the turn whenever a piece of it is spoken."""
        match event:
            case Heard(text):
                self.heard = text
                self._mark_stage("transcribe")
                if text and not self.is_speculative:
                    yield from self._record_start()
            case Wrote(text):
                remark = "" if self.answer else responder.reply_warning
                if remark:
                    yield Notice(remark)
                self._mark_stage("first_word")
                self.answer += text
                self.model_name = responder.model_name
                self._stage_times["answer"] = self._elapsed_s()
            case Said():
                yield from self._record_state("answering")
            case AudioProduced():
                self._mark_stage("first_sound")

    def _record_start(self) -> Iterator[Event]:
        """Saves the question, before anything else can fail."""
        history = self.session.history
        if self._has_started:
            return
        self._has_started = True
        if history and not self.conversation.is_private:
            try:
                self._save_question(history)
            except (sqlite3.Error, OSError) as error:
                yield Notice(tr("This turn is not saved: {why}.").format(why=first_line(error)))
        digests = tuple(picture.digest for picture in self.pictures)
        yield TurnStarted(self.id, self.request.request_id, self.conversation.id, digests)

    def _save_question(self, history: TurnRecorder) -> None:
        conversation_id = self.conversation.id
        if conversation_id is None:
            title = self.heard or (self.pictures[0].name if self.pictures else tr("spoken question"))
            conversation_id = history.start_conversation(title)
            self.conversation = replace(self.conversation, id=conversation_id)
        # The parts that the question is about are saved as boxes, not as pictures.
        whole_pictures = self.pictures[: len(self.pictures) - len(self.request.regions)]
        self.id = history.add_turn(conversation_id, self.heard, whole_pictures, self.request.regions)

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
        self._stage_times.setdefault(name, self._elapsed_s())

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started_at_s

    def _collect_timings(self) -> TurnTimings:
        known = {name: round(value, 4) for name, value in self._stage_times.items()}
        spent = known.get("load", 0.0) + known.get("open_pictures", 0.0) if "load" in known else 0.0
        return replace(TurnTimings(**known), total=round(self._elapsed_s() + spent, 4))


def _decode_audio(path: Path) -> Generator[EmptyStep, None, AudioClip]:
    """The audio in a file. Raises `InvalidInputError`."""
    with closing(decode.AudioDecoding(path)) as decoding:
        while not decoding.wait_for_result(_DECODE_POLL_S):
            yield EmptyStep()
        return decoding.take_result()


def run_request(request: TurnRequest, session: Session, on_event: Callable[[Event], None]) -> AssistantError | None:
    """Runs a whole turn of a new conversation in this thread; the last event is always `TurnEnded`. Returns the error
    that made the turn fail, or None."""
    runner = TurnRunner(request, session, Conversation())
    try:
        with closing(runner.run()) as events:
            for event in events:
                if not isinstance(event, EmptyStep):
                    on_event(event)
    finally:
        on_event(runner.turn_ended_event())
    return runner.error
