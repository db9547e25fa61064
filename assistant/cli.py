"""The command `hark`: reads arguments, runs the engine, prints. Knows nothing of models or windows."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from assistant import __version__
from assistant.console import Console, Played, quiet, to_log
from assistant.errors import AssistantError, BadInput, Missing
from assistant.settings import Folders, Settings
from assistant.settings import load as load_settings

USAGE, INTERRUPTED = 2, 130
_log = logging.getLogger(__name__)


class Usage(AssistantError):
    """The command line itself is wrong."""

    exit_code = USAGE


class _Parser(argparse.ArgumentParser):
    """Arguments whose faults are one sentence."""

    def error(self, message: str) -> Any:
        raise Usage("usage", f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (see docs/command-line.md)."""
    quiet()
    options, fault = _parse(arguments)
    console = Console("--json" in (sys.argv[1:] if arguments is None else arguments))
    try:
        if fault:
            raise fault
        folders = Folders.find()
        to_log(folders)
        settings = load_settings(folders)
        for note in settings.notes:
            console.note(note)
        run: Callable[..., int] = options.run
        return run(options, settings, folders, console)
    except AssistantError as error:
        console.fail(error)
        return error.exit_code
    except KeyboardInterrupt:
        console.reason = "interrupted"
        return INTERRUPTED
    except BrokenPipeError:
        return 0  # whoever read has seen enough
    except Exception:  # noqa: BLE001 - the command's last resort; the engine has its own
        _log.exception("a command failed")
        console.fail(AssistantError("command", "Something went wrong inside Hark.", "Its log says what."))
        return 1
    finally:
        console.close()


def _parse(arguments: Sequence[str] | None) -> tuple[Any, Usage | None]:
    """The arguments, or what is wrong with them; help and version are printed and end the program."""
    try:
        return _parser().parse_args(arguments), None
    except Usage as fault:
        return None, fault


def _parser() -> argparse.ArgumentParser:
    about = "Hark listens, looks and answers aloud, on your own machine."
    parser = _Parser(prog="hark", allow_abbrev=False, description=about)
    parser.add_argument("--version", action="version", version=f"hark {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def command(name: str, run: Callable[..., int], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        made.set_defaults(run=run)
        return made

    demo = command("demo", _demo, "Draw a picture, ask about it aloud, and answer.")
    demo.add_argument("--seed", type=int, help="the same seed gives the same picture and question")
    demo.add_argument("--json", action="store_true", help="print events as JSON lines")
    ask = command("ask", _ask, "Ask about words, sound or pictures, and hear the answer.")
    ask.add_argument("text", nargs="?", metavar="TEXT")
    ask.add_argument("--audio", type=Path, metavar="FILE", help="a sound file with the question")
    ask.add_argument("--picture", type=Path, metavar="FILE", action="append", default=[], help="may be given again")
    ask.add_argument("--speak-to", type=Path, metavar="WAV", help="write the answer's sound there and play nothing")
    ask.add_argument("--voice", metavar="ID", default="")
    ask.add_argument("--transcriber", metavar="NAME", default="", help="sphinx or whisper")
    ask.add_argument("--responder", metavar="NAME", default="", help="starter or qwen2-vl")
    ask.add_argument(
        "--model", metavar="NAME_OR_FOLDER", default="", help="the model of the named responder or transcriber"
    )
    ask.add_argument("--json", action="store_true", help="print events as JSON lines")
    say = command("say", _say, "Speak a text.")
    say.add_argument("text", metavar="TEXT")
    say.add_argument("--voice", metavar="ID", default="")
    say.add_argument("--speak-to", type=Path, metavar="WAV")
    read = command("read", _read, "Print the text in a picture.")
    read.add_argument("picture", type=Path, metavar="PICTURE")
    command("voices", _voices, "List the voices.")
    models = command("models", _models, "List the models, or get one: hark models get NAME.")
    models.add_argument("verb", nargs="?", choices=("get",))
    models.add_argument("name", nargs="?", metavar="NAME")
    doctor = command("doctor", _doctor, "Check this machine and say what to do.")
    doctor.add_argument("--json", action="store_true")
    return parser


def _ask(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    console.heard = (options.text or "").strip()
    if options.text is not None and options.audio:
        raise Usage("usage", "TEXT and --audio were both given.", "Give one of them.")
    if not (options.text or "").strip() and not options.audio and not options.picture:
        raise Usage("usage", "There is nothing to ask: no text, no sound and no picture.", "See hark ask --help.")
    _check_target(options.speak_to)
    if options.model and options.responder == "starter" and options.transcriber != "whisper":
        raise Usage("usage", "The starter kit takes no --model.", "Name a responder or transcriber that does.")
    hear, look = settings.hear, settings.look
    if options.transcriber:
        hear = replace(hear, transcriber=options.transcriber)
    if options.responder:
        look = replace(look, responder=options.responder)
    if options.model:
        # The one that was named takes the model; with neither named it is the responder's, as the larger part.
        if options.transcriber == "whisper" and options.responder in ("", "starter"):
            hear = replace(hear, model=options.model)
        else:
            look = replace(look, model=options.model, responder=options.responder or "qwen2-vl")
    chosen = replace(settings, hear=hear, look=look)
    from assistant.engine import Question

    question = Question(options.text or "", options.audio, tuple(options.picture))
    with Played(settings.sound.output, options.speak_to, console) as played:
        return _run(question, chosen, folders, console, played, options.voice)


def _run(question: Any, settings: Settings, folders: Folders, console: Console, played: Played, voice: str = "") -> int:
    """Asks the engine and shows, plays or writes what comes."""
    import sqlite3

    from assistant.engine import Engine
    from assistant.library.history import History, NewerHistory

    history = None
    if settings.history.keep:
        try:
            history = History(folders.data)
        except NewerHistory:
            console.note("The history was written by a newer Hark; this turn is not saved.")
        except (sqlite3.Error, OSError) as error:
            console.note(f"This turn is not saved: the history cannot be opened ({error}).")
    with contextlib.closing(history) if history else contextlib.nullcontext():
        failure = Engine(settings, folders, history, voice).ask(question, played.on_event)
    failure = played.finish() or failure
    return failure.exit_code if failure else 0


def _demo(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    from assistant.engine import Question
    from assistant.sound import audio
    from assistant.starter import demo

    seed = options.seed if options.seed is not None else random.randrange(10**6)
    shown = demo.make(seed)
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
    console.tell("demo", picture=str(picture), question=shown.words, right=shown.answer, wav=str(target))
    console.say(f"Seed {seed}. The picture: {picture}")
    console.say(f"A voice asks: {shown.words}")
    starter = Settings(sound=settings.sound, history=settings.history, speak=settings.speak)
    with shown.recording() as recording, Played(settings.sound.output, target, console, aloud=True) as played:
        played.play(audio.read(recording))
        code = _run(Question("", recording, (picture,)), starter, folders, console, played)
    console.say(f"The right answer: {shown.answer}")
    console.say(str(target))
    return code


def _check_target(target: Path | None) -> None:
    if target is not None and (
        not os.path.isdir(target.absolute().parent) or (os.path.lexists(target) and not os.path.isfile(target))
    ):
        raise BadInput("speak", f"“{target}” cannot be written.", "Name a file in a folder that exists.")


def _say(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    from assistant.events import Said, Sound
    from assistant.library import voices
    from assistant.words import sentences, spoken

    if not options.text.strip():
        raise Usage("usage", "There is nothing to say.", "Give a text.")
    _check_target(options.speak_to)
    voice = voices.open_chosen(options.voice, settings.speak.voice, folders.data, console.note)
    cutter = sentences.Cutter()
    with Played(settings.sound.output, options.speak_to, console) as played:
        for piece in (*cutter.add(options.text), *cutter.end()):
            text = spoken.spoken_form(piece)
            if text:
                played.on_event(Said(text))
                for sound in voice.speak(text):
                    played.on_event(Sound(sound))
        failure = played.finish()
    return failure.exit_code if failure else 0


def _read(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    from assistant import backends
    from assistant.pictures import open_picture

    picture = open_picture(options.picture)
    for note in picture.notes:
        console.note(f"{picture.name}: {note}")
    lines = list(backends.load_reader().read(picture))
    for line in lines:
        console.say(line)
    if not lines:
        console.note("There is no text in this picture.")
    return 0


def _voices(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    from assistant.library import voices

    for voice in voices.voices(folders.data):
        console.say(f"{voice.id:<28} {voice.name}")
    return 0


def _models(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    from assistant.library import models

    if options.verb == "get":
        if not options.name:
            raise Usage("usage", "hark models get needs a name.", "See hark models.")
        console.note(f"Fetching {options.name} …")
        started = time.monotonic()
        console.say(f"{options.name} is in {models.get(options.name)} ({time.monotonic() - started:.0f} s).")
        return 0
    console.say("starter              look  here     comes with Hark   Apache-2.0")
    for entry in models.CATALOGUE.values():
        here = "here" if models.is_here(entry) else "–"
        console.say(f"{entry.name:<20} {entry.job:<5} {here:<8} {entry.size:>6.1f} GB        {entry.licence}")
    return 0


def _doctor(options: Any, settings: Settings, folders: Folders, console: Console) -> int:
    from assistant import doctor

    console.reason = "checked"
    findings = doctor.examine(folders)
    for finding in findings:
        console.finding(finding)
    return Missing.exit_code if any(finding.grave for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
