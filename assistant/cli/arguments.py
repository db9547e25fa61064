"""The commands of `hark` and their arguments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from assistant import __version__
from assistant.errors import UsageError
from assistant.safe_open import user_path


class _ArgumentParser(argparse.ArgumentParser):
    """A parser that raises `UsageError` with a sentence, where argparse would print and exit."""

    def error(self, message: str) -> Any:
        raise UsageError("usage", f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Prints help and version. Unlike argparse's own it raises when they cannot be written."""
        (file or sys.stdout).write(message)


def parse_arguments(arguments: Sequence[str]) -> tuple[Any, UsageError | None]:
    """Returns the parsed arguments, or None and what is wrong with them.

    `--help` and `--version` print and raise `SystemExit`."""
    try:
        return _build_parser().parse_args(arguments), None
    except UsageError as error:
        return None, error


def _build_parser() -> argparse.ArgumentParser:
    summary = "Hark listens, looks and answers aloud, on your own machine."
    parser = _ArgumentParser(prog="hark", allow_abbrev=False, description=summary)
    parser.add_argument("--version", action="version", version=f"hark {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_ArgumentParser)

    def add_command(name: str, handler: str, command_help: str) -> argparse.ArgumentParser:
        subparser = commands.add_parser(name, help=command_help, description=command_help, allow_abbrev=False)
        subparser.set_defaults(run=handler)
        return subparser

    demo = add_command("demo", "ask:run_demo", "Draw a picture, ask about it aloud, and answer.")
    demo.add_argument("--seed", type=int, help="the same seed gives the same picture and question")
    demo.add_argument("--json", action="store_true", help="print events as JSON lines")
    ask = add_command("ask", "ask:run_ask", "Ask about words, sound or pictures, and hear the answer.")
    ask.add_argument("text", nargs="?", metavar="TEXT")
    ask.add_argument("--audio", type=user_path, metavar="FILE", help="a sound file with the question")
    ask.add_argument(
        "--picture", type=user_path, metavar="FILE", action="append", default=[], help="may be given again"
    )
    ask.add_argument(
        "--region",
        metavar="L,T,R,B",
        type=_parse_region,
        action="append",
        default=[],
        help="a part of the last picture, in pixels",
    )
    ask.add_argument("--page", metavar="N", type=int, help="of the last picture, a TIFF; FILE#page=N names it too")
    ask.add_argument(
        "--speak-to", type=user_path, metavar="WAV", help="write the answer's sound there and play nothing"
    )
    ask.add_argument("--voice", metavar="ID", default="")
    _add_model_options(ask)
    ask.add_argument("--json", action="store_true", help="print events as JSON lines")
    listen = add_command("listen", "listen:run_listen", "Talk with Hark: a spoken conversation.")
    listen.add_argument(
        "--picture", type=user_path, metavar="FILE", action="append", default=[], help="may be given again"
    )
    listen.add_argument("--voice", metavar="ID", default="")
    _add_model_options(listen)
    listen.add_argument("--headphones", action="store_true", help="you wear headphones: Hark cannot hear itself")
    listen.add_argument("--json", action="store_true", help="print events as JSON lines")
    say = add_command("say", "ask:run_say", "Speak a text.")
    say.add_argument("text", metavar="TEXT")
    say.add_argument("--voice", metavar="ID", default="")
    say.add_argument("--speak-to", type=user_path, metavar="WAV")
    _add_read_options(add_command("read", "info:run_read", "Print the text in a picture."))
    add_command("voices", "info:run_voices", "List the voices.")
    models = add_command("models", "info:run_models", "List the models; get, use or remove one: hark models get NAME.")
    models.add_argument("verb", nargs="?", choices=("get", "use", "remove"))
    models.add_argument("name", nargs="?", metavar="NAME")
    _add_bench_options(
        add_command("bench", "bench:run_bench", "Measure how fast Qwen2-VL would answer on this machine.")
    )
    doctor = add_command("doctor", "info:run_doctor", "Check this machine and say what to do.")
    doctor.add_argument("--json", action="store_true")
    return parser


def _parse_region(text: str) -> tuple[int, int, int, int]:
    try:
        left, top, right, bottom = (int(side) for side in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}” is no region such as 10,20,300,200") from None
    return left, top, right, bottom


def _add_read_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("picture", type=user_path, metavar="PICTURE")
    parser.add_argument("--page", metavar="N", type=int, help="of a TIFF; PICTURE#page=N names it too")


def _add_bench_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="fewer pairs: some ten minutes")
    parser.add_argument("--size", default="2b", metavar="SIZE", help="2b or 7b")
    parser.add_argument("--out", type=user_path, metavar="FOLDER", help="where the table goes")
    parser.add_argument("--kernels", action="store_true", help="only compare ways to multiply a matrix by a few rows")
    parser.add_argument("--again", action="store_true", help="measure all rows anew")


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--transcriber", metavar="NAME", default="", help="sphinx or whisper")
    parser.add_argument("--responder", metavar="NAME", default="", help="starter or qwen2-vl")
    model_help = "the model of the named responder or transcriber"
    parser.add_argument("--model", metavar="NAME_OR_FOLDER", default="", help=model_help)
