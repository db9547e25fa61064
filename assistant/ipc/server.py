"""The engine as a child process: commands come in on standard input, events and worker marks go out.

The process ends with its input, or at the first frame that is invalid."""

from __future__ import annotations

import dataclasses
import faulthandler
import os
import signal
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

from assistant.audio.portaudio_check import PORTAUDIO_CHECK
from assistant.engine_commands import Command, Start, method_name
from assistant.environment import use_temporary_folder
from assistant.ipc import protocol
from assistant.paths import AppPaths
from assistant.progress import WorkerProgress
from assistant.text import i18n

if TYPE_CHECKING:
    from assistant.engine.engine import Engine

_HEARTBEAT_INTERVAL_S = 0.5  # between worker marks
_SHUTDOWN_GRACE_S = 0.5  # for devices and models to close


def main() -> None:
    """Runs until standard input ends, and at most half a second longer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's to handle
    source, output = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get between the frames
    write_lock, progress = threading.Lock(), WorkerProgress()

    def send_frame(frame: bytes) -> None:
        with write_lock:
            try:
                output.write(frame)
                output.flush()
            except OSError:
                pass  # the parent is gone: the input ends too

    def send_heartbeats() -> None:
        while True:
            send_frame(protocol.encode(progress.current_marks()))
            time.sleep(_HEARTBEAT_INTERVAL_S)

    threading.Thread(target=send_heartbeats, name="hark heartbeat", daemon=True).start()
    from assistant.engine.engine import Engine  # the heartbeat goes on while its libraries are imported
    from assistant.log import log_to_file, silence_warnings

    silence_warnings()
    i18n.use_inherited_language()
    paths = AppPaths.locate()
    log_to_file(paths)
    try:
        start = _read_command(source)
    except protocol.InvalidFrameError:
        return
    if not isinstance(start, Start):
        return
    engine = Engine(start.settings, paths, lambda event: send_frame(protocol.encode(event)), progress)
    engine.start(start.conversation_id, start.is_private, start.opening_id)
    _run_commands(engine, source)
    faulthandler.dump_traceback_later(_SHUTDOWN_GRACE_S, exit=True)  # it needs no lock that a library may hold
    engine.stop()
    os._exit(0)  # all is closed and saved; taking the interpreter apart would take another second


def _read_command(source: IO[bytes]) -> Command | Start | None:
    """The next command, None at the end of the input. Raises `InvalidFrameError`."""
    frame = protocol.read_frame(source)
    return protocol.decode_command(frame) if frame else None


def _run_commands(engine: Engine, source: IO[bytes]) -> None:
    """Calls the engine until the input ends. An invalid frame ends it too: what follows cannot be trusted."""
    count = 0
    try:
        while (command := _read_command(source)) is not None and not isinstance(command, Start):
            arguments = {field.name: getattr(command, field.name) for field in dataclasses.fields(command)}
            getattr(engine, method_name(type(command)))(**arguments)
            count += 1
            engine.mark_command_taken(count)
    except protocol.InvalidFrameError:
        return


if __name__ == "__main__":
    use_temporary_folder(AppPaths.locate().temporary_folder)  # before any child is started
    PORTAUDIO_CHECK.start_check()  # beside the imports: the microphone opens as early as it can
    main()
