"""Commands that answer or speak: `ask`, `demo`, `say`. Know nothing of models or windows."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path
from typing import Any

from assistant.audio import decode
from assistant.cli.commands.choices import choose_models
from assistant.cli.console import AnswerOutput, CommandConsole
from assistant.conversation import turn, turn_runner
from assistant.conversation.session import Session
from assistant.conversation.turn_runner import TurnRequest
from assistant.errors import AssistantError, InvalidInputError, UsageError
from assistant.events import Notice
from assistant.history import turn_recorder
from assistant.models import voices
from assistant.models.manager import ModelManager
from assistant.paths import AppPaths
from assistant.settings import Settings
from assistant.starter import demo as scene


def run_ask(options: Any, settings: Settings, folders: AppPaths, console: CommandConsole) -> int:
    console.heard = (options.text or "").strip()
    if options.text is not None and options.audio:
        raise UsageError("usage", "TEXT and --audio were both given.", "Give one of them.")
    if not (options.text or "").strip() and not options.audio and not options.picture:
        raise UsageError("usage", "There is nothing to ask: no text, no sound and no picture.", "See hark ask --help.")
    if options.region and not options.picture:
        raise UsageError("usage", "A region was given, but no picture.", "Give --picture too.")
    pictures = with_page(options.picture, options.page)
    _check_target(options.speak_to)
    chosen = choose_models(options, settings)
    question = TurnRequest(
        options.text or "",
        options.audio,
        tuple(pictures),
        tuple(options.region),
        describes_pictures=not (options.audio or (options.text or "").strip()),
    )
    with AnswerOutput(settings.audio.output, options.speak_to, console) as played:
        return _run_turn(question, chosen, folders, played, options.voice)


def with_page(pictures: list[Path], page: int | None) -> list[Path]:
    """The pictures, of the last one this page. Raises `Usage`."""
    if page is None:
        return pictures
    if page < 1 or not pictures:
        raise UsageError("usage", f"There is no page {page}.", "Give a picture, and the page's number from 1 on.")
    return [*pictures[:-1], Path(f"{pictures[-1]}#page={page}")]


def _run_turn(
    question: TurnRequest, settings: Settings, folders: AppPaths, played: AnswerOutput, voice: str = ""
) -> int:
    """Asks, and shows, plays or writes what comes."""
    kept, why = turn_recorder.open_recorder(folders.data) if settings.history.save_conversations else (None, "")
    if why:
        played.on_event(Notice(why))
    shelf = ModelManager(folders.data, voice)
    with contextlib.closing(shelf), contextlib.closing(kept) if kept else contextlib.nullcontext():
        failure = turn_runner.run_request(question, Session(settings, folders, kept, shelf), played.on_event)
    failure = played.finish() or failure
    return failure.exit_code if failure else 0


def run_demo(options: Any, settings: Settings, folders: AppPaths, console: CommandConsole) -> int:
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    shown = scene.make_demo(seed)
    folder = folders.data / "demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        picture = folder / f"picture-{seed}.png"
        shown.picture.save(picture)
    except OSError as error:
        raise AssistantError(
            "demo", f"“{folder}” cannot be written: {error.strerror}.", "Set HARK_HOME to a folder of yours."
        ) from None
    target = folder / f"answer-{seed}.wav"
    console.emit_json("demo", picture=str(picture), question=shown.spoken_question, right=shown.answer, wav=str(target))
    console.print_line(f"Seed {seed}. The picture: {picture}")
    console.print_line(f"A voice asks: {shown.spoken_question}")
    starter = Settings(audio=settings.audio, history=settings.history, voice=settings.voice)
    with (
        shown.question_recording() as recording,
        AnswerOutput(settings.audio.output, target, console, aloud=True) as played,
    ):
        played.play_audio(decode.read_audio(recording))
        code = _run_turn(TurnRequest("", recording, (picture,)), starter, folders, played)
    console.print_line(f"The right answer: {shown.answer}")
    console.print_line(str(target))
    return code


def _check_target(target: Path | None) -> None:
    if target is not None and (
        not os.path.isdir(target.absolute().parent) or (os.path.lexists(target) and not os.path.isfile(target))
    ):
        raise InvalidInputError("speak", f"“{target}” cannot be written.", "Name a file in a folder that exists.")


def run_say(options: Any, settings: Settings, folders: AppPaths, console: CommandConsole) -> int:
    if not options.text.strip():
        raise UsageError("usage", "There is nothing to say.", "Give a text.")
    _check_target(options.speak_to)
    voice = voices.open_voice_or_default(options.voice, settings.voice.id, folders.data, console.print_notice)
    with AnswerOutput(settings.audio.output, options.speak_to, console) as played:
        for event in turn.read_aloud(options.text, voice):
            played.on_event(event)
        failure = played.finish()
    return failure.exit_code if failure else 0
