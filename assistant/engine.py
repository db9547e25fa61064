"""Puts the parts of a turn together, runs it, stamps its times and keeps it. Knows nothing of who asked or who shows.

It holds the one `except Exception` of the engine: an `AssistantError` becomes `Failed`, anything else is logged.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from assistant import backends, turn
from assistant.errors import AssistantError
from assistant.events import Event, Failed, Heard, Noted, Said, Sound, Timings, TurnEnded, Wrote
from assistant.library import models, voices
from assistant.library.history import History
from assistant.pictures import Picture, open_picture
from assistant.roles import Message, Options, Parts, Responder, Transcriber, Voice
from assistant.settings import Folders, Settings
from assistant.sound import audio
from assistant.words.clean import clean

_log = logging.getLogger(__name__)
OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class Question:
    """What a person asks, as it comes in: text or a sound file, and picture files."""

    text: str = ""
    sound: Path | None = None
    pictures: tuple[Path, ...] = ()


@dataclass
class _Run:
    """What is known of the turn in progress; `marks` are seconds since `start`."""

    start: float
    heard: str = ""
    answer: str = ""
    by: str = ""
    kept: int | None = None
    marks: dict[str, float] = field(default_factory=dict)

    def mark(self, name: str) -> None:
        self.marks.setdefault(name, self.since())

    def since(self) -> float:
        return time.monotonic() - self.start


class Engine:
    """Answers questions with the parts that the settings name. `voice` overrules the settings' voice."""

    def __init__(self, settings: Settings, folders: Folders, history: History | None, voice: str = "") -> None:
        self._settings, self._folders, self._history, self._voice_id = settings, folders, history, voice

    def ask(self, question: Question, on_event: OnEvent) -> AssistantError | None:
        """Runs a whole turn; every turn ends in `TurnEnded`. Returns the failure, if it failed."""
        run = _Run(time.monotonic(), clean(question.text).strip())
        failure: AssistantError | None = None
        state = "interrupted"
        try:
            self._ask(question, run, on_event)
            state = "answered"
        except AssistantError as error:
            failure, state = error, "failed"
        except (BrokenPipeError, KeyboardInterrupt):
            on_event(self._ended("interrupted", run))
            raise
        except Exception:  # noqa: BLE001 - the one place
            _log.exception("a turn failed")
            hint = f"The log “{self._folders.logs / 'hark.log'}” says what; please report it."
            failure, state = AssistantError("answer", "Something went wrong inside Hark.", hint), "failed"
        finally:
            self._save(run, state, on_event)
        if failure:
            on_event(Failed(failure.stage, failure.message, failure.hint))
        silent = question.sound is not None and not run.heard
        on_event(self._ended("failed" if failure else "nothing heard" if silent else "answered", run))
        return failure

    def _ended(self, reason: str, run: _Run) -> TurnEnded:
        return TurnEnded(reason, run.heard, run.answer, run.by if run.answer else "", _timings(run))

    def _ask(self, question: Question, run: _Run, on_event: OnEvent) -> None:
        # Files first: they are quick to refuse, models slow to load.
        pictures = tuple(open_picture(path) for path in question.pictures)
        run.mark("look")
        for picture in pictures:
            for note in picture.notes:
                on_event(Noted(f"{picture.name}: {note}"))
        sound = audio.read(question.sound) if question.sound else None
        self._keep(run, pictures, on_event)
        parts = self._load(sound is not None, on_event)
        run.marks["load"] = run.since() - run.marks["look"]
        run.start = time.monotonic()
        asked = turn.Asked(run.heard, sound, pictures, self._settings.look.describe)
        system = self._settings.look.system
        past: Sequence[Message] = (Message("system", system),) if system else ()
        with closing(turn.answer(asked, past, parts)) as events:
            for event in events:
                self._note(event, run, parts.responder, on_event)
                on_event(event)

    def _note(self, event: Event, run: _Run, responder: Responder, on_event: OnEvent) -> None:
        """Stamps an event's time, and saves the turn whenever a piece of it is said."""
        match event:
            case Heard(text):
                run.heard = text
                run.mark("hear")
            case Wrote(text):
                run.mark("first_word")
                run.answer += text
                run.by = responder.by
                run.marks["answer"] = run.since()
            case Said():
                self._save(run, "answering", on_event)
            case Sound():
                run.mark("first_sound")

    def _keep(self, run: _Run, pictures: tuple[Picture, ...], on_event: OnEvent) -> None:
        """Commits the question before anything else can fail."""
        if self._history:
            title = run.heard or (pictures[0].name if pictures else "spoken question")
            try:
                run.kept = self._history.ask(self._history.start(title), run.heard, pictures)
            except (sqlite3.Error, OSError) as error:
                on_event(Noted(f"This turn is not saved: {error}."))

    def _save(self, run: _Run, state: str, on_event: OnEvent) -> None:
        if self._history and run.kept:
            try:
                self._history.update(run.kept, run.heard, run.answer, run.by, state)
            except sqlite3.Error as error:
                run.kept = None
                on_event(Noted(f"The rest of this turn is not saved: {error}."))

    def _load(self, hears: bool, on_event: OnEvent) -> Parts:
        transcriber = self._transcriber() if hears else backends.load_transcriber("silent", Options())
        return Parts(transcriber, self._responder(), self._voice(on_event))

    def _transcriber(self) -> Transcriber:
        hear = self._settings.hear
        model = models.locate(hear.model, hear.transcriber) if hear.transcriber == "whisper" else hear.model
        return backends.load_transcriber(
            hear.transcriber, Options(model=model, device=hear.device, language=hear.language)
        )

    def _responder(self) -> Responder:
        look = self._settings.look
        model = models.locate(look.model, look.responder) if look.responder == "qwen2-vl" else look.model
        options = Options(
            model=model, name=Path(look.model).name, device=look.device, dtype=look.dtype, device_map=look.device_map,
            min_pixels=look.min_pixels, max_pixels=look.max_pixels, max_new_tokens=look.max_new_tokens,
        )  # fmt: skip
        return backends.load_responder(look.responder, options)

    def _voice(self, on_event: OnEvent) -> Voice:
        def note(sentence: str) -> None:
            on_event(Noted(sentence))

        return voices.open_chosen(self._voice_id, self._settings.speak.voice, self._folders.data, note)


def _timings(run: _Run) -> Timings:
    known = {name: round(value, 4) for name, value in run.marks.items()}
    return replace(Timings(**known), total=round(run.since() + known.get("load", 0.0) + known.get("look", 0.0), 4))
