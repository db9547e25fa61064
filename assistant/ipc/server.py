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

from assistant.audio.portaudio_check import PORTAUDIO_CHECK
from assistant.environment import use_temporary_folder
from assistant.ipc import protocol
from assistant.paths import AppPaths
from assistant.progress import WorkerProgress
from assistant.settings import Settings, from_table
from assistant.text import i18n
from assistant.typed_reader import read_as

if TYPE_CHECKING:
    from assistant.engine.engine import Engine

COMMANDS = {
    "ask",
    "ask_again",
    "ask_audio_file",
    "read_aloud",
    "skip_sentences",
    "attach_file",
    "attach_image",
    "edit_picture",
    "remove_picture",
    "interrupt",
    "set_hands_free",
    "press_talk_key",
    "tap_talk_key",
    "release_talk_key",
    "apply_settings",
    "open_conversation",
    "test_microphone",
}
_HEARTBEAT_INTERVAL_S = 0.5  # seconds between marks
_SHUTDOWN_GRACE_S = 0.5  # seconds to end in: what is not done by then is not waited for


def main() -> None:
    """Ends with its standard input, at the latest half a second later."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's to handle
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no frame
    writing, progress = threading.Lock(), WorkerProgress()

    def send_frame(frame: bytes) -> None:
        with writing:
            try:
                out.write(frame)
                out.flush()
            except OSError:
                pass  # nobody reads any more: the input ends too

    def send_heartbeats() -> None:
        while True:
            send_frame(protocol.encode("alive", dataclasses.asdict(progress.current_marks())))
            time.sleep(_HEARTBEAT_INTERVAL_S)

    threading.Thread(target=send_heartbeats, name="hark beat", daemon=True).start()
    from assistant.engine.engine import Engine
    from assistant.log import log_to_file, silence_warnings

    silence_warnings()
    i18n.use_inherited_language()
    folders = AppPaths.locate()
    log_to_file(folders)
    try:
        settings, conversation = _start_of(protocol.read_frame(source))
    except protocol.InvalidFrameError:
        return
    engine = Engine(settings, folders, lambda event: send_frame(protocol.encode_event(event)), progress)
    engine.start(conversation)
    _serve_calls(engine, source)
    faulthandler.dump_traceback_later(_SHUTDOWN_GRACE_S, exit=True)  # it needs no lock that a library may hold
    engine.stop()
    os._exit(0)  # all is closed and saved; taking the interpreter apart would take another second


def _start_of(frame: tuple[str, dict[str, Any], bytes] | None) -> tuple[Settings, int | None]:
    """What the first frame says. Raises `BadFrame`, also where there is none."""
    if frame is None or not isinstance(frame[1].get("settings"), dict):
        raise protocol.InvalidFrameError("it does not begin with the settings")
    try:
        return from_table(frame[1]["settings"]), read_as(int | None, frame[1].get("conversation"), "conversation")
    except ValueError as error:
        raise protocol.InvalidFrameError(str(error)) from None


def _serve_calls(engine: Engine, source: IO[bytes]) -> None:
    """Passes calls on until the input ends. One that is none of ours ends it too: what follows cannot be trusted."""
    calls = 0
    try:
        while (frame := protocol.read_frame(source)) is not None:
            name, facts, raw = frame
            if name not in COMMANDS:
                raise protocol.InvalidFrameError(f"an unknown call {name}")
            if name == "attach_image":
                facts["data"] = raw
            method = getattr(engine, name)
            method(**_read_arguments(method, facts))
            calls += 1
            engine.note_calls(calls)
    except protocol.InvalidFrameError:
        return


def _read_arguments(method: Callable[..., object], facts: dict[str, Any]) -> dict[str, Any]:
    """The call's arguments, each of the type that the engine names. Raises `BadFrame`."""
    hints = typing.get_type_hints(method)
    try:
        inspect.signature(method).bind(**facts)
        return {name: _read_argument(hints[name], value, name) for name, value in facts.items()}
    except (TypeError, ValueError) as error:
        raise protocol.InvalidFrameError(str(error)) from None


def _read_argument(hint: Any, value: Any, name: str) -> Any:
    if hint is Settings and isinstance(value, dict):
        return from_table(value)
    if hint is str and isinstance(value, str):
        return value  # not cleaned: a path may hold anything, and questions are cleaned where they are asked
    if typing.get_origin(hint) is collections.abc.Sequence:
        (kind,) = typing.get_args(hint)
        return read_as(list[kind], value, name)  # type: ignore[valid-type]
    return read_as(hint, value, name)


if __name__ == "__main__":
    use_temporary_folder(AppPaths.locate().temporary_folder)  # before any child is started
    PORTAUDIO_CHECK.start_check()  # beside the imports: the microphone opens as early as it can
    main()
