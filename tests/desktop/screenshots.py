"""Pictures of every view: `python -m tests.desktop.screenshots FOLDER [LOOK]`.

Light, dark and in high contrast, English and Chinese, 1x and 2x, with letters of twice the size, from right to left.
A conversation is really held, on a virtual screen with a virtual sound card."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.desktop import desktop_harness

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from ui.wiring import DesktopApp


class ScreenshotStyle(NamedTuple):
    """How screenshots look. `points` is the system's font size; `mirrored` lays out from right to left."""

    theme: str
    language: str = "en"
    scale: str = "1"
    points: str = "10"
    mirrored: str = ""

    @property
    def name(self) -> str:
        return "-".join(filter(None, (self.theme, self.language, f"{self.scale}x", f"{self.points}pt", self.mirrored)))


LOOKS = (
    ScreenshotStyle("light"), ScreenshotStyle("dark"), ScreenshotStyle("light", "zh"), ScreenshotStyle("dark", "zh"),
    ScreenshotStyle("light", scale="2"), ScreenshotStyle("contrast"),
    ScreenshotStyle("light", points="20"), ScreenshotStyle("light", mirrored="mirrored"),
)  # fmt: skip
QUESTIONS = ("Where is the star?", "What colour is the circle?", "Describe this picture.")


def main(folder: Path, wanted: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for look in LOOKS:
        if wanted not in look.name:
            continue
        with tempfile.TemporaryDirectory() as name, desktop_harness.started(Path(name) / "run") as desktop:
            target = folder / look.name
            environment = {**desktop.environment, "QT_SCALE_FACTOR": look.scale, "HARK_HOME": f"{name}/home"}
            command = [sys.executable, "-m", "tests.desktop.screenshots", "--take", str(target), *look]
            subprocess.run(command, env=environment, check=True, timeout=120)
            print(target)


def take(target: str, look: ScreenshotStyle) -> None:
    """Holds a short conversation in this process's window, and grabs all views."""
    from functools import partial

    from PySide6.QtCore import QTimer

    from assistant import events
    from assistant.ipc.client import EngineClient
    from assistant.paths import AppPaths
    from assistant.settings import Settings
    from assistant.text import i18n
    from ui.wiring import DesktopApp

    home = Path(os.environ["HARK_HOME"])
    furnish(home)
    i18n.choose_language([look.language])
    application = make_application(look)
    app = DesktopApp(Settings(), AppPaths.locate(), partial(EngineClient, Settings()))
    window, engine = app.window, app.bridge.engine
    window.show()
    app.history_access.open_history(home)
    questions = iter(QUESTIONS)

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.PictureAdded) or (
            event == events.StateChanged("ready") and window.picture_tray.picture_list.count()
        ):
            question = next(questions, "")
            if question:
                app.conversation.ask(question)
            else:
                QTimer.singleShot(300, finish)
        elif event == events.StateChanged("ready"):
            engine.attach_file(str(home / "shapes.png"))

    def finish() -> None:
        grab(app, target)
        application.quit()

    app.bridge.event_received.connect(on_event)
    engine.start()
    application.exec()
    engine.stop()


def make_application(look: ScreenshotStyle) -> QApplication:
    """Create the QApplication with the style's font, theme and direction of reading."""
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QFont
    from PySide6.QtWidgets import QApplication

    from ui import theme

    application = QApplication([])
    application.setStyle("Fusion")
    application.setFont(QFont("Inter", int(look.points)))
    if look.mirrored:
        application.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    theme.set_theme(look.theme)
    theme.apply_theme(application)
    return application


def furnish(home: Path) -> None:
    """A picture and a few conversations."""
    from assistant.history.turn_recorder import TurnRecorder
    from assistant.starter.scene import COLOURS, Scene, SceneShape, draw_scene

    home.mkdir(parents=True)
    red = SceneShape("circle", "red", COLOURS["red"][3], 150, 130, 130)
    star = SceneShape("star", "blue", COLOURS["blue"][3], 440, 270, 150)
    draw_scene(Scene(600, 380, ((252, 250, 240), (236, 240, 246)), (red, star))).save(home / "shapes.png")
    past = TurnRecorder(home)
    for title in ("这张图片里有什么动物？", "Medicine box, the small print", "Platform sign at the station"):
        past.add_turn(past.start_conversation(title), title)
    past.close()


def grab(app: DesktopApp, target: str) -> None:
    """The window with its picture pointed at, the settings, and the window at three widths."""
    from PySide6.QtWidgets import QApplication, QDialog

    window = app.window
    window.activateWindow()
    window.picture_tray.region_selector.setFocus()
    QApplication.processEvents()
    window.grab().save(f"{target}-window.png")
    for name, open_dialog in (
        ("settings", app.dialogs.open_settings),
        ("models", app.dialogs.open_models),
        ("doctor", app.dialogs.open_doctor),
    ):
        open_dialog()
        dialog = window.findChildren(QDialog)[-1]
        end = time.monotonic() + 3.0  # what is here, and what works, is found out meanwhile
        while time.monotonic() < end:
            QApplication.processEvents()
        dialog.grab().save(f"{target}-{name}.png")
        dialog.close()
    for width, name in ((480, "narrow"), (700, "middle")):
        window.resize(width, 760)
        QApplication.processEvents()
        window.grab().save(f"{target}-{name}.png")
    window.search()
    QApplication.processEvents()
    window.grab().save(f"{target}-conversations.png")


if __name__ == "__main__":
    if sys.argv[1] == "--take":
        take(sys.argv[2], ScreenshotStyle(*sys.argv[3:8]))
    else:
        main(Path(sys.argv[1]), *sys.argv[2:3])
