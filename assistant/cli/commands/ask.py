"""The commands that answer or speak: `ask`, `demo` and `say`."""

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
from assistant.starter import demo as demo_scene


def run_ask(options: Any, settings: Settings, paths: AppPaths, console: CommandConsole) -> int:
    """Asks about text, audio or pictures. Raises `UsageError` for options that do not fit together."""
    console.heard = (options.text or "").strip()
    if options.text is not None and options.audio:
        raise UsageError("usage", "TEXT and --audio were both given.", "Give one of them.")
    if not (options.text or "").strip() and not options.audio and not options.picture:
        raise UsageError("usage", "There is nothing to ask: no text, no sound and no picture.", "See hark ask --help.")
    if options.region and not options.picture:
        raise UsageError("usage", "A region was given, but no picture.", "Give --picture too.")
    pictures = with_page(options.picture, options.page)
    _check_target(options.speak_to)
    chosen_settings = choose_models(options, settings)
    request = TurnRequest(
        options.text or "",
        options.audio,
        tuple(pictures),
        tuple(options.region),
        describes_pictures=not (options.audio or (options.text or "").strip()),
    )
    with AnswerOutput(settings.audio.output, options.speak_to, console) as output:
        return _run_turn(request, chosen_settings, paths, output, options.voice)


def with_page(pictures: list[Path], page: int | None) -> list[Path]:
    """The pictures, the last one with its page number. Raises `UsageError` for a page that cannot be."""
    if page is None:
        return pictures
    if page < 1 or not pictures:
        raise UsageError("usage", f"There is no page {page}.", "Give a picture, and the page's number from 1 on.")
    return [*pictures[:-1], Path(f"{pictures[-1]}#page={page}")]


def _run_turn(question: TurnRequest, settings: Settings, paths: AppPaths, output: AnswerOutput, voice: str = "") -> int:
    """Runs one turn with its output, records it if the settings say so, and returns the exit code."""
    recorder, reason = turn_recorder.open_recorder(paths.data) if settings.history.save_conversations else (None, "")
    if reason:
        output.on_event(Notice(reason))
    models = ModelManager(paths.data, voice)
    with contextlib.closing(models), contextlib.closing(recorder) if recorder else contextlib.nullcontext():
        failure = turn_runner.run_request(question, Session(settings, paths, recorder, models), output.on_event)
    failure = output.finish() or failure
    return failure.exit_code if failure else 0


def run_demo(options: Any, settings: Settings, paths: AppPaths, console: CommandConsole) -> int:
    """Draws a picture, plays a spoken question about it, and answers."""
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    demonstration = demo_scene.make_demo(seed)
    folder = paths.data / "demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        picture = folder / f"picture-{seed}.png"
        demonstration.picture.save(picture)
    except OSError as error:
        raise AssistantError(
            "demo", f"“{folder}” cannot be written: {error.strerror}.", "Set HARK_HOME to a folder of yours."
        ) from None
    target = folder / f"answer-{seed}.wav"
    console.emit_json(
        "demo",
        picture=str(picture),
        question=demonstration.spoken_question,
        right=demonstration.answer,
        wav=str(target),
    )
    console.print_line(f"Seed {seed}. The picture: {picture}")
    console.print_line(f"A voice asks: {demonstration.spoken_question}")
    starter = Settings(audio=settings.audio, history=settings.history, voice=settings.voice)
    with (
        demonstration.question_recording() as recording,
        AnswerOutput(settings.audio.output, target, console, also_plays=True) as output,
    ):
        output.play_audio(decode.read_audio(recording))
        code = _run_turn(TurnRequest("", recording, (picture,)), starter, paths, output)
    console.print_line(f"The right answer: {demonstration.answer}")
    console.print_line(str(target))
    return code


def _check_target(target: Path | None) -> None:
    if target is not None and (
        not os.path.isdir(target.absolute().parent) or (os.path.lexists(target) and not os.path.isfile(target))
    ):
        raise InvalidInputError("speak", f"“{target}” cannot be written.", "Name a file in a folder that exists.")


def run_say(options: Any, settings: Settings, paths: AppPaths, console: CommandConsole) -> int:
    """Speaks a text. Raises `UsageError` for an empty one."""
    if not options.text.strip():
        raise UsageError("usage", "There is nothing to say.", "Give a text.")
    _check_target(options.speak_to)
    voice = voices.open_voice_or_default(options.voice, settings.voice.id, paths.data, console.print_notice)
    with AnswerOutput(settings.audio.output, options.speak_to, console) as output:
        for event in turn.read_aloud(options.text, voice):
            output.on_event(event)
        failure = output.finish()
    return failure.exit_code if failure else 0
