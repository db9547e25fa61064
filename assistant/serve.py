"""The engine as a child process: calls in, events out, as frames. Knows nothing of who started it.

Calls come on standard input, events go to standard output; when the input ends, so does the process."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time

from assistant import frames
from assistant.environment import keep_temporary_files
from assistant.sound.portaudio_check import CHECK
from assistant.words import tongue

CALLS = {
    "ask", "again", "hear", "say", "skip", "show", "show_image", "rework", "forget", "interrupt", "listen", "press",
    "tap", "release", "configure", "open", "try_microphone",
}  # fmt: skip
_BEAT = 1.0  # seconds between signs of life
_LAST_WORDS = 0.5  # seconds to end in: what is not done by then is not waited for


def main() -> None:
    """Ends with its standard input, at the latest half a second later."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's to handle
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no frame
    from assistant.console import quiet, to_log
    from assistant.engine import Engine
    from assistant.settings import Folders, checked

    quiet()
    tongue.inherit()
    folders = Folders.find()
    to_log(folders)
    keep_temporary_files(folders.temporary)
    writing = threading.Lock()

    def send(frame: bytes) -> None:
        with writing:
            try:
                out.write(frame)
                out.flush()
            except OSError:
                pass  # nobody reads any more: the input ends too

    def beat() -> None:
        while True:
            send(frames.pack("alive", {}))
            time.sleep(_BEAT)

    first = frames.read(source)
    if first is None:
        return
    threading.Thread(target=beat, name="hark beat", daemon=True).start()
    engine = Engine(checked(first[1]["settings"]), folders, lambda event: send(frames.pack_event(event)))
    engine.start(first[1]["conversation"])
    while (frame := frames.read(source)) is not None:
        name, facts, raw = frame
        if name == "configure":
            facts = {"settings": checked(facts["settings"])}
        if name == "show_image":
            facts["data"] = raw
        if name in CALLS:
            getattr(engine, name)(**facts)
    faulthandler.dump_traceback_later(_LAST_WORDS, exit=True)  # it needs no lock that a library may hold
    engine.stop()
    os._exit(0)  # all is closed and saved; taking the interpreter apart would take another second


if __name__ == "__main__":
    CHECK.begin()  # beside the imports: the microphone opens as early as it can
    main()
