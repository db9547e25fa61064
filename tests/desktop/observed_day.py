"""Hark used for a while and observed: `python -m tests.desktop.observed_day FOLDER OBSERVER`, with HOME, HARK_HOME and
TMPDIR set to fresh folders, where there is no network. Prints as JSON what was seen, and what the programs said.

Nothing of Hark is imported here: what it tells libraries would be inherited by the processes that are observed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from tests.desktop import desktop_harness
from tests.desktop.desktop_harness import DesktopHarness
from tests.support.observed_process import OBSERVERS, AuditHookObserver, StraceObserver

NOT_INSTALLED = 77
_IDLE_SECONDS = 15.0  # onnxruntime, told nothing, asks the DNS 10 s after its import
_LIMIT_SECONDS = 120.0
_ANSWER_SECONDS = 15.0  # for a spoken question that is not understood


def main() -> int:
    assert "assistant" not in sys.modules
    folder, observer = Path(sys.argv[1]), OBSERVERS[sys.argv[2]](Path(sys.argv[1]))
    try:
        with desktop_harness.started(folder / "run") as desktop:
            del desktop.environment["HF_HUB_OFFLINE"]
            desktop.environment.update(observer.environment)
            said = use(desktop, folder, observer)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return NOT_INSTALLED
    print(json.dumps({"said": said, **asdict(observer.seen())}))
    return 0


def use(desktop: DesktopHarness, folder: Path, observer: StraceObserver | AuditHookObserver) -> dict[str, str]:
    """A question in the window, `hark ask` and `hark read` about a picture, `hark listen` with a spoken question;
    the window stays open all the while. Returns what each answered."""
    picture = str(folder / "picture.png")
    ask_process = start(desktop, observer, "ask", "What colour is the circle?", "--picture", picture)
    desktop.start(Path(os.environ["HARK_HOME"]), observed=observer.command)
    began = time.monotonic()
    desktop.keys("type", "What is this?")
    desktop.keys("key", "Return")
    desktop.until(lambda: any("Hark: " in text for text in desktop.messages()), _LIMIT_SECONDS, "an answer")
    said = {"window": desktop.messages()[-1], "ask": end(ask_process)}
    said["listen"] = listen(desktop, folder, observer)
    said["read"] = end(start(desktop, observer, "read", picture))
    time.sleep(max(0.0, began + _IDLE_SECONDS - time.monotonic()))
    return said


def start(
    desktop: DesktopHarness, observer: StraceObserver | AuditHookObserver, *arguments: str
) -> subprocess.Popen[str]:
    command = observer.command([sys.executable, "-P", "-m", "assistant.cli", *arguments])
    return subprocess.Popen(command, env=desktop.environment, stdout=subprocess.PIPE, text=True)


def end(command: subprocess.Popen[str]) -> str:
    said, _ = command.communicate(timeout=_LIMIT_SECONDS)
    assert command.returncode == 0
    return said


def listen(desktop: DesktopHarness, folder: Path, observer: StraceObserver | AuditHookObserver) -> str:
    """The names of the events of `hark listen` while a question is spoken; it is ended by Ctrl-C. That the words are
    understood is not demanded: a busy machine loses sound."""
    wav = folder / "question.wav"
    hark = start(desktop, observer, "listen", "--json", "--picture", str(folder / "picture.png"))
    assert hark.stdout
    events = []
    enough = threading.Timer(_LIMIT_SECONDS, hark.kill)
    enough.start()
    for line in hark.stdout:
        event = json.loads(line)
        events.append(str(event["event"]))
        if event["event"] == "state" and event["state"] == "ready" and not wav.exists():
            subprocess.run(["flite", "-voice", "awb", "-t", "What color is the circle?", "-o", str(wav)], check=True)
            desktop.play(wav)
            enough.cancel()
            enough = threading.Timer(_ANSWER_SECONDS, hark.send_signal, [signal.SIGINT])
            enough.start()
        if event["event"] == "ended":
            hark.send_signal(signal.SIGINT)
    enough.cancel()
    hark.wait(_LIMIT_SECONDS)
    return " ".join(events)


if __name__ == "__main__":
    sys.exit(main())
