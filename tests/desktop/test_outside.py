"""What Hark takes from the desktop around it: keys in every program, other programs' windows, the portal."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import missing
from tests.desktop import desktop_harness
from tests.desktop.desktop_harness import DesktopHarness

pytestmark = pytest.mark.realtime

KEYS = """
import sys
from PySide6.QtWidgets import QApplication
from ui.desktop.global_hotkeys import GlobalHotkeys
application = QApplication([])
keys = GlobalHotkeys(application)
keys.hotkey_pressed.connect(lambda command: print(command, flush=True))
keys.registration_reported.connect(lambda text, is_registered: print(is_registered, text, flush=True))
print(keys.set_enabled(True), flush=True)
application.exec()
"""
OTHER = """
from PySide6.QtWidgets import QApplication, QWidget
application = QApplication([])
window = QWidget()
window.setWindowTitle("Ein anderes 窗口")
window.setStyleSheet("background: #ff0000")
window.resize(300, 200)
window.show()
print("there", flush=True)
application.exec()
"""
LOOK = """
import sys
from PySide6.QtWidgets import QApplication, QWidget
from ui.desktop import screen_capture, x11_windows
application = QApplication([])
ours = QWidget()
ours.setWindowTitle("Ours")
ours.move(600, 500)
ours.show()
application.processEvents()
found = x11_windows.list_windows()
print([title for _, title in found])
capture = screen_capture.capture_screen(ours, found[0][0])
print(capture.width(), capture.height(), capture.toImage().pixelColor(20, 20).name())
"""
ASIDE = """
from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from types import SimpleNamespace
from assistant.paths import AppPaths
from assistant.settings import Settings
from ui.wiring import DesktopApp
application = QApplication([])
engine = SimpleNamespace()
app = DesktopApp(Settings(), AppPaths.locate(), lambda on_event: engine)
window = app.window
window.move(0, 0)
def take(data, name):
    image = QImage.fromData(data)
    print(image.pixelColor(20, 20).name(), window.isVisible(), window.pos().toTuple(), flush=True)
    QTimer.singleShot(500, back)
def back():
    print(window.isActiveWindow(), window.sidebar.conversation_panel.search_field.hasFocus(), flush=True)
    application.quit()
engine.attach_encoded_picture = take
window.show()
window.sidebar.conversation_panel.search_field.setFocus()
QTimer.singleShot(500, window.activateWindow)
QTimer.singleShot(1000, app.capture.capture_screen)
application.exec()
"""
COMPOSED = """
from PySide6.QtGui import QGuiApplication
from Xlib import display
from ui.desktop import x11_windows
application = QGuiApplication([])
print(x11_windows.has_compositor())
composer = display.Display()
owner = composer.screen().root.create_window(0, 0, 1, 1, 0, 0)
owner.set_selection_owner(composer.intern_atom("_NET_WM_CM_S0"), 0)
composer.sync()
print(x11_windows.has_compositor())
"""
ASK = """
import sys
from PySide6.QtCore import QCoreApplication
from ui.desktop.portal_screenshot import PortalScreenshot
application = QCoreApplication([])
asked = PortalScreenshot(application, sys.argv[1] == "chosen")
asked.screenshot_taken.connect(lambda data, why: (print(len(data), why), application.quit()))
asked.start()
application.exec()
"""


@pytest.fixture(scope="module")
def desktop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DesktopHarness]:
    try:
        with desktop_harness.started(tmp_path_factory.mktemp("outside")) as harness:
            yield harness
    except FileNotFoundError as error:
        missing(str(error))


def start(desktop: DesktopHarness, code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=desktop.environment, stdout=subprocess.PIPE, text=True)


def line(program: subprocess.Popen[str]) -> str:
    assert program.stdout
    return program.stdout.readline().strip()


def test_keys_work_whatever_program_has_the_focus(desktop: DesktopHarness) -> None:
    first = start(desktop, KEYS)
    other = start(desktop, OTHER)
    try:
        assert "Ctrl+Alt+H talks" in line(first) and line(other) == "there"
        time.sleep(0.5)
        for key in ("h", "j", "k"):
            desktop.keys("key", f"ctrl+alt+{key}")
        time.sleep(0.8)  # so soon after the first it would be a key that is held
        desktop.keys("key", "Num_Lock", "ctrl+alt+j", "Num_Lock")
        assert [line(first) for _ in range(4)] == ["talk", "stop", "describe", "stop"]
        time.sleep(0.8)
        desktop.keys("keydown", "ctrl", "keydown", "alt", "keydown", "k")
        time.sleep(1.5)
        desktop.keys("keyup", "k", "key", "j", "keyup", "alt", "keyup", "ctrl")
        assert [line(first) for _ in range(2)] == ["describe", "stop"], "a key that is held is one key"
        second = start(desktop, KEYS)
        assert line(second).startswith("Ctrl+Alt+H, Ctrl+Alt+J, Ctrl+Alt+K cannot be had")
        second.kill()
        second.wait()
    finally:
        for program in (first, other):
            program.kill()
            program.wait()


def test_another_program_s_window_is_captured(desktop: DesktopHarness) -> None:
    other = start(desktop, OTHER)
    try:
        assert line(other) == "there"
        time.sleep(0.5)
        looked = start(desktop, LOOK).communicate(timeout=30)[0].splitlines()
    finally:
        other.kill()
        other.wait()
    assert looked == ["['Ein anderes 窗口']", "300 200 #ff0000"]


def test_the_screen_is_captured_without_harks_own_window(desktop: DesktopHarness, tmp_path: Path) -> None:
    other = start(desktop, OTHER)
    try:
        assert line(other) == "there"
        environment = {**desktop.environment, "HARK_HOME": str(tmp_path)}
        command = [sys.executable, "-c", ASIDE]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    finally:
        other.kill()
        other.wait()
    assert done.stdout.splitlines() == ["#ff0000 True (0, 0)", "True True"], done.stderr


def test_a_window_is_seen_through_where_somebody_composes(desktop: DesktopHarness) -> None:
    assert start(desktop, COMPOSED).communicate(timeout=30)[0].split() == ["False", "True"]


@pytest.mark.parametrize("how", ["chosen", "whole"])
def test_the_portal_gives_a_picture(desktop: DesktopHarness, tmp_path: Path, how: str) -> None:
    Image.new("RGB", (40, 30), "red").save(tmp_path / "p.png")
    command = [sys.executable, "-m", "tests.desktop.portal", str(tmp_path / "p.png")]
    portal = subprocess.Popen(command, env=desktop.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert line(portal) == "there"
        output = start(desktop, ASK, how).communicate(timeout=30)[0]
    finally:
        portal.kill()
        portal.wait()
    assert output.split() == [str((tmp_path / "p.png").stat().st_size)]
    assert [path.name for path in tmp_path.iterdir()] == ["p.png"], "what was made for us is taken away again"


def test_a_user_who_refuses_and_a_desktop_without_a_portal_are_told(desktop: DesktopHarness) -> None:
    portal = subprocess.Popen(
        [sys.executable, "-m", "tests.desktop.portal"], env=desktop.environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert line(portal) == "there"
        assert start(desktop, ASK, "whole").communicate(timeout=30)[0].strip() == "0 Nothing was captured."
    finally:
        portal.kill()
        portal.wait()
    assert "no program capture" in start(desktop, ASK, "whole").communicate(timeout=30)[0]


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ["p.png"],
            [
                "True Everywhere: Talk: CTRL+ALT+h, Stop: CTRL+ALT+j, Describe what is on my screen: CTRL+ALT+k.",
                "talk",
                "describe",
                "True The desktop has taken its keys back; Hark asks for them again when it starts.",
            ],
        ),
        ([], ["False The desktop was not allowed to give the keys to Hark: they are off."]),
    ],
)
def test_where_programs_may_not_take_keys_the_portal_is_asked(
    desktop: DesktopHarness, arguments: list[str], lines: list[str]
) -> None:
    portal = subprocess.Popen(
        [sys.executable, "-m", "tests.desktop.portal", *arguments],
        env=desktop.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert line(portal) == "there"
    without_x = {**desktop.environment, "QT_QPA_PLATFORM": "offscreen"}  # a platform that has no keys, as Wayland
    program = subprocess.Popen([sys.executable, "-c", KEYS], env=without_x, stdout=subprocess.PIPE, text=True)
    try:
        assert [line(program) for _ in range(1 + len(lines))] == ["", *lines]
    finally:
        for process in (portal, program):
            process.kill()
            process.wait()


def test_without_a_portal_the_desktops_own_settings_are_named(desktop: DesktopHarness) -> None:
    without_x = {**desktop.environment, "QT_QPA_PLATFORM": "offscreen"}
    program = subprocess.Popen([sys.executable, "-c", KEYS], env=without_x, stdout=subprocess.PIPE, text=True)
    try:
        assert line(program) == "" and "hark-window --talk" in line(program)
    finally:
        program.kill()
        program.wait()


def test_started_away_and_shown_later_there_is_one_engine(desktop: DesktopHarness, tmp_path: Path) -> None:
    desktop.start(tmp_path / "home", "--away")  # without a tray on this desktop it comes by itself
    try:
        assert desktop.window
        time.sleep(1.0)
        listing = subprocess.run(
            ["pgrep", "-P", str(desktop.window.pid), "-f", "assistant.ipc.server"], capture_output=True
        )
        assert len(listing.stdout.split()) == 1
    finally:
        desktop.end()
