"""Hark used for a while and observed: `python -m tests.desktop.observed_day FOLDER OBSERVER`, with HOME, HARK_HOME and
TMPDIR set to fresh folders, where there is no network. Prints as JSON what was seen, and what the programs said.

Nothing of Hark is imported here: what it tells libraries would be inherited by the processes that are observed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tests.desktop import desk as desktop
from tests.desktop.desk import Desk
from tests.observed import OBSERVERS, StandIn, Strace

NOT_INSTALLED = 77
_IDLE_SECONDS = 15.0  # onnxruntime, told nothing, asks the DNS 10 s after its import
_LIMIT_SECONDS = 120.0


def main() -> int:
    assert "assistant" not in sys.modules
    folder, observer = Path(sys.argv[1]), OBSERVERS[sys.argv[2]](Path(sys.argv[1]))
    try:
        with desktop.started(folder / "run") as desk:
            del desk.environment["HF_HUB_OFFLINE"]
            desk.environment.update(observer.environment)
            said = use(desk, folder, observer)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return NOT_INSTALLED
    print(json.dumps({"said": said, **asdict(observer.seen())}))
    return 0


def use(desk: Desk, folder: Path, observer: Strace | StandIn) -> dict[str, str]:
    """A question in the window, `hark ask` and `hark read` about a picture, `hark listen` with a spoken question;
    the window stays open all the while. Returns what each answered."""
    picture = str(folder / "picture.png")
    asked = start(desk, observer, "ask", "What colour is the circle?", "--picture", picture)
    desk.start(Path(os.environ["HARK_HOME"]), observed=observer.command)
    began = time.monotonic()
    desk.keys("type", "What is this?")
    desk.keys("key", "Return")
    desk.until(lambda: any("Hark: " in text for text in desk.messages()), _LIMIT_SECONDS, "an answer")
    said = {"window": desk.messages()[-1], "ask": end(asked)}
    said["listen"] = listen(desk, folder, observer)
    said["read"] = end(start(desk, observer, "read", picture))
    time.sleep(max(0.0, began + _IDLE_SECONDS - time.monotonic()))
    return said


def start(desk: Desk, observer: Strace | StandIn, *arguments: str) -> subprocess.Popen[str]:
    command = observer.command([sys.executable, "-P", "-m", "assistant.cli", *arguments])
    return subprocess.Popen(command, env=desk.environment, stdout=subprocess.PIPE, text=True)


def end(command: subprocess.Popen[str]) -> str:
    said, _ = command.communicate(timeout=_LIMIT_SECONDS)
    assert command.returncode == 0
    return said


def listen(desk: Desk, folder: Path, observer: Strace | StandIn) -> str:
    """The answer of `hark listen` to a spoken question; it is ended by Ctrl-C."""
    wav = folder / "question.wav"
    subprocess.run(["flite", "-voice", "awb", "-t", "What color is the circle?", "-o", str(wav)], check=True)
    hark = start(desk, observer, "listen", "--json", "--picture", str(folder / "picture.png"))
    assert hark.stdout
    try:
        for line in hark.stdout:
            event = json.loads(line)
            if event["event"] == "state" and event["state"] == "ready":
                desk.play(wav)
            if event["event"] == "ended":
                return str(event["answer"])
    finally:
        hark.send_signal(signal.SIGINT)
        hark.wait(_LIMIT_SECONDS)
    raise AssertionError("no answer was heard")


if __name__ == "__main__":
    sys.exit(main())
