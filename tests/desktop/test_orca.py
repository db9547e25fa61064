"""Hark used by keys alone with the screen reader Orca, which must say what the user needs to know."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from assistant.starter.scene import COLOURS, Scene, SceneShape, draw_scene
from tests.conftest import missing
from tests.desktop import desktop_harness
from tests.desktop.desktop_harness import DesktopHarness

pytestmark = pytest.mark.realtime

_SPOKEN = re.compile(r"""SPEECH OUTPUT: ['"](.*?)['"] ?\{'established'""")
# Orca as it is, but for its log (a line is there when it is written, not some thousand letters later) and the echo of
# keys: speech-dispatcher hangs now and then when each of forty letters a second interrupts the one before.
_UNBUFFERED = """import builtins, runpy, sys
import orca.settings
orca.settings.enableKeyEcho = False
plain = builtins.open
builtins.open = lambda f, *a, **k: plain(f, *a, **{**k, **({"buffering": 1} if str(f).endswith("orca.log") else {})})
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")"""
_PAUSE = 0.4  # seconds without a line in its log
_KEYS = re.compile(
    r"(?:\S|space|return|tab|left \w+|right \w+|slash|dot|question|up|down|left|right|plus|minus|\w\d) ?"
)


@dataclass
class OrcaReader:
    """Orca on a desktop; `log` is its debug log."""

    desktop: DesktopHarness
    log: Path

    def said(self) -> list[str]:
        """Return everything spoken so far, without the echo of keys."""
        spoken = _SPOKEN.findall(self.log.read_text("utf-8", errors="replace")) if self.log.exists() else []
        return [line.strip().removeprefix("notification ").rstrip(".") for line in spoken if not _KEYS.fullmatch(line)]

    def after(self, key: str) -> list[str]:
        """Press a key and return what Orca says."""
        self.quiet()
        before = len(self.said())
        self.desktop.keys("key", key)
        self.quiet()
        return self.said()[before:]

    def quiet(self) -> None:
        """Wait until Orca, which handles events at its own pace, has nothing more to say."""
        before = -1
        while self.log.stat().st_size != before:
            before = self.log.stat().st_size
            time.sleep(_PAUSE)

    def until(self, words: str, seconds: float = 20) -> None:
        self.desktop.until(lambda: any(words in line for line in self.said()), seconds, f"Orca says {words}")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrcaReader]:
    if not shutil.which("orca"):
        missing("orca is needed")
    folder = tmp_path_factory.mktemp("orca")
    red = SceneShape("circle", "red", COLOURS["red"][3], 150, 130, 130)
    star = SceneShape("star", "blue", COLOURS["blue"][3], 440, 270, 150)
    draw_scene(Scene(600, 380, ((252, 250, 240), (236, 240, 246)), (red, star))).save(folder / "shapes.png")
    try:
        with desktop_harness.started(folder / "run", screen_reader=True) as desktop, orca(desktop, folder) as log:
            orca_reader = OrcaReader(desktop, log)
            orca_reader.until("Screen reader on")
            desktop.start(folder / "home")
            orca_reader.until("Question")
            yield orca_reader
    except FileNotFoundError as error:
        missing(str(error))


@contextlib.contextmanager
def orca(desktop: DesktopHarness, folder: Path) -> Iterator[Path]:
    """Give Orca a home of its own, so that no real settings are read or changed."""
    own = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), "XDG_DATA_HOME": str(folder / "data")}
    log = folder / "orca.log"
    command = ["/usr/bin/python3", "-c", _UNBUFFERED, shutil.which("orca") or "", "--replace", f"--debug-file={log}"]
    program = subprocess.Popen(
        command, env={**desktop.environment, **own}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield log
    finally:
        program.kill()
        program.wait()


def test_question_about_a_picture_works_by_keys_with_orca(
    reader: OrcaReader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert any("Add pictures dialog" in line for line in reader.after("ctrl+o"))
    said = asked(reader)
    assert [line for line in said if line in ("Answering", "Heard: Where is the star?", "Done")] == [
        "Answering", "Heard: Where is the star?", "Done"
    ], said  # fmt: skip
    assert not [line for line in said if "bottom" in line], "Hark's own voice has said it: once is enough"
    assert len(said) <= 5, "no chatter while it answers"


def asked(reader: OrcaReader) -> list[str]:
    """Pick the picture in the open dialog, ask about it, and return what Orca says from Enter to the end."""
    desktop = reader.desktop
    desktop.keys("type", "--delay", "20", str(reader.log.parent / "shapes.png"))
    desktop.keys("key", "Return")
    time.sleep(0.3)
    desktop.focus()
    desktop.until(lambda: any("Picture 1" in node["name"] for node in desktop.tree()), 20, "the picture is in the tray")
    reader.after("ctrl+l")
    desktop.keys("type", "--delay", "20", "Where is the star?")
    reader.quiet()
    before = len(reader.said())
    desktop.keys("key", "Return")
    desktop.until(lambda: "Done" in reader.said()[before:], 20, "Orca says Done")
    reader.quiet()
    return reader.said()[before:]


def test_messages_are_read_one_by_one(reader: OrcaReader) -> None:
    reader.desktop.keys("key", "ctrl+l")
    assert any("The star is at the bottom right" in line for line in reader.after("F6"))
    assert any("You said: Where is the star?" in line for line in reader.after("Up"))
    assert any("The star is at the bottom right" in line for line in reader.after("End"))


def test_pointing_is_told_step_by_step(reader: OrcaReader) -> None:
    reader.desktop.keys("key", "ctrl+l")
    reader.after("F6")
    assert any("Point at shapes.png" in line for line in reader.after("F6"))
    for key, words in (("Up", "top"), ("Right", "top right"), ("plus", "middle, zoomed once"), ("minus", "middle")):
        assert words in reader.after(key), (key, words)


def test_no_control_is_without_a_name(reader: OrcaReader) -> None:
    reader.desktop.keys("key", "ctrl+l")
    said = [line for _ in range(24) for line in reader.after("Tab")]
    roles = ("push button", "text", "combo box", "check box", "list", "frame", "panel")
    assert not [line for line in said if line in roles], said
    for name in ("Talk", "Search conversations", "Voice combo box", "Hands-free check box", "Settings push button"):
        assert any(name in line for line in said), (name, said)


def test_the_reader_speaks_the_answers_where_that_is_chosen(reader: OrcaReader, tmp_path: Path) -> None:
    desktop, home = reader.desktop, tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text('[voice]\nspeaker = "reader"\n[audio]\nearcons = false\n')
    desktop.end()
    desktop.start(home)
    reader.after("ctrl+o")
    said = asked(reader)
    assert said.count("The star is at the bottom right") == 1, said
    assert said.index("The star is at the bottom right") < said.index("Done"), said
