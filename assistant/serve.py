"""The engine as a child process: calls in, events out, as frames.

Calls come on standard input, events go to standard output; when the input ends, or is no frame of ours, so does the
process. Beside the events go marks of the worker's progress, by which the parent tells slow from stuck."""

from __future__ import annotations

import collections.abc
import dataclasses
import faulthandler
import inspect
import os
import signal
import sys
import threading
import time
import typing
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from assistant import frames
from assistant.environment import keep_temporary_files
from assistant.progress import Progress
from assistant.settings import Folders, Settings, checked
from assistant.sound.portaudio_check import CHECK
from assistant.typed_reader import read_as
from assistant.words import tongue

if TYPE_CHECKING:
    from assistant.engine import Engine

CALLS = {
    "ask", "again", "hear", "say", "skip", "show", "show_image", "rework", "forget", "interrupt", "listen", "press",
    "tap", "release", "configure", "open", "try_microphone",
}  # fmt: skip
_BEAT = 0.5  # seconds between marks
_LAST_WORDS = 0.5  # seconds to end in: what is not done by then is not waited for


def main() -> None:
    """Ends with its standard input, at the latest half a second later."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's to handle
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no frame
    writing, progress = threading.Lock(), Progress()

    def send(frame: bytes) -> None:
        with writing:
            try:
                out.write(frame)
                out.flush()
            except OSError:
                pass  # nobody reads any more: the input ends too

    def beat() -> None:
        while True:
            send(frames.pack("alive", dataclasses.asdict(progress.marks())))
            time.sleep(_BEAT)

    threading.Thread(target=beat, name="hark beat", daemon=True).start()
    from assistant.console import quiet, to_log
    from assistant.engine import Engine

    quiet()
    tongue.inherit()
    folders = Folders.find()
    to_log(folders)
    try:
        settings, conversation = _start_of(frames.read(source))
    except frames.BadFrame:
        return
    engine = Engine(settings, folders, lambda event: send(frames.pack_event(event)), progress)
    engine.start(conversation)
    _serve(engine, source)
    faulthandler.dump_traceback_later(_LAST_WORDS, exit=True)  # it needs no lock that a library may hold
    engine.stop()
    os._exit(0)  # all is closed and saved; taking the interpreter apart would take another second


def _start_of(frame: tuple[str, dict[str, Any], bytes] | None) -> tuple[Settings, int | None]:
    """What the first frame says. Raises `BadFrame`, also where there is none."""
    if frame is None or not isinstance(frame[1].get("settings"), dict):
        raise frames.BadFrame("it does not begin with the settings")
    try:
        return checked(frame[1]["settings"]), read_as(int | None, frame[1].get("conversation"), "conversation")
    except ValueError as error:
        raise frames.BadFrame(str(error)) from None


def _serve(engine: Engine, source: IO[bytes]) -> None:
    """Passes calls on until the input ends. One that is none of ours ends it too: what follows cannot be trusted."""
    calls = 0
    try:
        while (frame := frames.read(source)) is not None:
            name, facts, raw = frame
            if name not in CALLS:
                raise frames.BadFrame(f"an unknown call {name}")
            if name == "show_image":
                facts["data"] = raw
            method = getattr(engine, name)
            method(**_arguments(method, facts))
            calls += 1
            engine.note_calls(calls)
    except frames.BadFrame:
        return


def _arguments(method: Callable[..., object], facts: dict[str, Any]) -> dict[str, Any]:
    """The call's arguments, each of the type that the engine names. Raises `BadFrame`."""
    hints = typing.get_type_hints(method)
    try:
        inspect.signature(method).bind(**facts)
        return {name: _argument(hints[name], value, name) for name, value in facts.items()}
    except (TypeError, ValueError) as error:
        raise frames.BadFrame(str(error)) from None


def _argument(hint: Any, value: Any, name: str) -> Any:
    if hint is Settings and isinstance(value, dict):
        return checked(value)
    if hint is str and isinstance(value, str):
        return value  # not cleaned: a path may hold anything, and questions are cleaned where they are asked
    if typing.get_origin(hint) is collections.abc.Sequence:
        (kind,) = typing.get_args(hint)
        return read_as(list[kind], value, name)  # type: ignore[valid-type]
    return read_as(hint, value, name)


if __name__ == "__main__":
    keep_temporary_files(Folders.find().temporary)  # before any child is started
    CHECK.begin()  # beside the imports: the microphone opens as early as it can
    main()
