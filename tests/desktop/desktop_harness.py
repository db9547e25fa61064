"""A desktop for tests: virtual screen, session bus with accessibility, sound server, and Hark's real window on it.

What a person sees is read over AT-SPI by `accessibility_tree.py`, keys and mouse go through xdotool, pictures are
dropped by a real drag."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.desktop import sound_server
from tests.desktop.sound_server import SoundServer

HERE = Path(__file__).parent
LAUNCHERS = (Path("/usr/libexec/at-spi-bus-launcher"), Path("/usr/lib/at-spi2-core/at-spi-bus-launcher"))
_SCREENS = itertools.count()
PROGRAMS = ("Xvfb", "xdotool", "dbus-daemon", "pulseaudio", "flite")


@dataclass
class DesktopHarness:
    """`environment` is what a program on this desktop needs."""

    environment: dict[str, str]
    sound: SoundServer
    window: subprocess.Popen[bytes] | None = None
    _walker: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self, home: Path, *arguments: str, observed: Callable[[list[str]], list[str]] = list) -> None:
        """Starts Hark's window, and waits until it says that it is ready. `observed` puts a command before its own."""
        environment = {**self.environment, "HARK_HOME": str(home)}
        with (home.parent / "window.log").open("wb") as log:
            self.window = subprocess.Popen(
                observed([sys.executable, "-P", "-m", "ui", *arguments]),
                env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        self.until(lambda: "Ready" in self.text("status"), 60, "the window is ready")
        self.focus()

    def end(self) -> None:
        """Closes the window and what it started."""
        if self.window:
            self.window.kill()
            self.window.wait()
            self.window = None

    def tree(self) -> list[dict[str, Any]]:
        """Every control of Hark's window as a screen reader meets it: name, role, text, states."""
        if self._walker is None:
            self._walker = subprocess.Popen(
                ["/usr/bin/python3", str(HERE / "accessibility_tree.py")],
                env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                text=True,
            )  # fmt: skip
        assert self._walker.stdin and self._walker.stdout
        self._walker.stdin.write("\n")
        self._walker.stdin.flush()
        nodes: list[dict[str, Any]] = json.loads(self._walker.stdout.readline())
        return nodes

    def text(self, identity: str) -> str:
        """Return the text of the label with this object name."""
        return "".join(node["name"] for node in self.tree() if node["id"] == identity)

    def messages(self) -> list[str]:
        """Return the messages as a screen reader reads them."""
        return [node["name"] for node in self.tree() if node["role"] == "list item"]

    @contextlib.contextmanager
    def announced(self) -> Iterator[list[str]]:
        """Collect the announcements to screen readers; the list is filled when the context closes."""
        announcements: list[str] = []
        listener = subprocess.Popen(
            ["/usr/bin/python3", str(HERE / "announcement_listener.py")],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert listener.stdout
        listener.stdout.readline()
        try:
            yield announcements
        finally:
            listener.kill()
            announcements += [line.strip() for line in listener.stdout]
            listener.wait()

    def keys(self, *arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=self.environment, check=True, timeout=20)

    def play(self, wav: Path) -> None:
        """Play a recording into the microphone and wait for its end."""
        subprocess.run(["paplay", "--device=mic", str(wav)], env=self.environment, check=True, timeout=60)

    def drop(self, picture: Path) -> None:
        """Drags a file from another program's window into Hark's."""
        command = [sys.executable, str(HERE / "drag.py"), str(picture)]
        source = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(1.5)
            self.keys("mousemove", "1290", "50", "mousedown", "1")
            for x, y in ((1280, 70), (1240, 120), (900, 300), (700, 300), (690, 305), (685, 306)):
                self.keys("mousemove", str(x), str(y))
                time.sleep(0.08)
            self.keys("mouseup", "1")
            time.sleep(0.3)
        finally:
            source.terminate()
            source.wait()
            self.focus()

    def focus(self) -> None:
        """Give the window the focus, because no window manager does so when another window closes."""
        self.keys("search", "--onlyvisible", "--name", "^Hark$", "windowfocus", "--sync")

    def until(self, met: Callable[[], bool], seconds: float, condition: str) -> float:
        """Waits for something to be seen; returns the seconds that it took. Late is no failure: `seconds` are
        those of a quiet machine, and six times as many are given."""
        start, seconds = time.monotonic(), 6 * seconds
        while not met():
            assert time.monotonic() - start < seconds, (
                f"{condition}: not within {seconds} s; {self.text('status')!r}, {self.messages()[-2:]}; {self.tree()}"
            )
            time.sleep(0.05)
        return time.monotonic() - start

    def close(self) -> None:
        self.end()
        if self._walker:
            self._walker.kill()
            self._walker.wait()


@contextlib.contextmanager
def started(folder: Path, screen_reader: bool = False) -> Iterator[DesktopHarness]:
    """A running desktop, or `FileNotFoundError` with what is not installed. `screen_reader`: programs are told that
    one is there."""
    gone = [name for name in PROGRAMS if not shutil.which(name)]
    gone += ["at-spi2-core"] if not any(path.exists() for path in LAUNCHERS) else []
    if gone or subprocess.run(["/usr/bin/python3", "-c", "import gi; gi.require_version('Atspi', '2.0')"]).returncode:
        raise FileNotFoundError(f"a desktop needs {', '.join(gone) or 'gir1.2-atspi-2.0 and python3-gi'}")
    with contextlib.ExitStack() as stack:
        sound = stack.enter_context(sound_server.started(folder))
        display = _screen(stack)
        environment = {
            **sound.environment,
            "DISPLAY": display,
            "QT_QPA_PLATFORM": "xcb",
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
            "XDG_RUNTIME_DIR": str(folder),
            "HF_HUB_OFFLINE": "1",
        }
        environment["DBUS_SESSION_BUS_ADDRESS"] = _bus(stack, environment)
        launcher = next(path for path in LAUNCHERS if path.exists())
        options = ["--screen-reader=1"] if screen_reader else []
        stack.enter_context(_running([str(launcher), "--launch-immediately", *options], environment))
        time.sleep(0.5)
        desktop = DesktopHarness(environment, sound)
        try:
            yield desktop
        finally:
            desktop.close()


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str], **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    # A session of its own: what it starts in turn (the accessibility registry) must go with it.
    how = {"stdout": subprocess.DEVNULL, **how}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True, **how)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _screen(stack: contextlib.ExitStack) -> str:
    # A number of our own: left to choose, Xvfb in a network namespace takes that of a screen outside, whose socket in
    # the file system it then removes, be it the desktop of whoever runs the tests.
    number = f":{1000 + (os.getpid() * 8 + next(_SCREENS)) % 50_000}"
    ours, theirs = os.pipe()
    command = ["Xvfb", number, "-displayfd", str(theirs), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    stack.enter_context(_running(command, dict(os.environ), pass_fds=(theirs,)))
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        return f":{pipe.readline().strip()}"


def _bus(stack: contextlib.ExitStack, environment: dict[str, str]) -> str:
    command = ["dbus-daemon", "--session", "--print-address", "--nofork", "--nopidfile"]
    bus = stack.enter_context(_running(command, environment, stdout=subprocess.PIPE))
    assert bus.stdout
    return bus.stdout.readline().decode().strip()
