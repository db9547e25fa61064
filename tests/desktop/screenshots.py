"""Pictures of every view: `python -m tests.desktop.screenshots FOLDER`, light and dark, English and Chinese, 1x and 2x.

A conversation is really held, on a virtual screen with a virtual sound card."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.desktop import desk as desktop

if TYPE_CHECKING:
    from ui.window import Window

LOOKS = (("light", "en", 1), ("dark", "en", 1), ("light", "zh", 1), ("dark", "zh", 1), ("light", "en", 2))
QUESTIONS = ("Where is the star?", "What colour is the circle?", "Describe this picture.")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for theme, tongue, scale in LOOKS:
        with tempfile.TemporaryDirectory() as name, desktop.started(Path(name) / "run") as desk:
            target = folder / f"{theme}-{tongue}-{scale}x"
            environment = {**desk.environment, "QT_SCALE_FACTOR": str(scale), "HARK_HOME": f"{name}/home"}
            command = [sys.executable, "-m", "tests.desktop.screenshots", "--take", theme, tongue, str(target)]
            subprocess.run(command, env=environment, check=True, timeout=120)
            print(target)


def take(theme: str, language: str, target: str) -> None:
    """Holds a short conversation in this process's window, and grabs all views."""
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QFont
    from PySide6.QtWidgets import QApplication

    from assistant import events
    from assistant.settings import Folders, Settings
    from assistant.words import tongue
    from ui import style
    from ui.bridge import Bridge
    from ui.window import Window

    home = Path(os.environ["HARK_HOME"])
    furnish(home)
    tongue.choose([language])
    application = QApplication([])
    application.setStyle("Fusion")
    application.setFont(QFont("Inter", 10))
    style.choose(theme)
    style.apply(application)
    window = Window(Bridge(Settings(), Folders.find()))
    window.show()
    questions = iter(QUESTIONS)

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.Shown) or (event == events.StateChanged("ready") and window.tray.list.count()):
            question = next(questions, "")
            if question:
                window.do.ask(question)
            else:
                QTimer.singleShot(300, finish)
        elif event == events.StateChanged("ready"):
            window.engine.show(str(home / "shapes.png"))

    def finish() -> None:
        grab(window, target)
        application.quit()

    window.bridge.happened.connect(on_event)
    window.engine.start()
    application.exec()
    window.engine.stop()


def furnish(home: Path) -> None:
    """A picture and a few conversations."""
    from assistant.library.history import History
    from assistant.starter.shapes import COLOURS, Scene, Shape, draw

    home.mkdir(parents=True)
    red = Shape("circle", "red", COLOURS["red"][3], 150, 130, 130)
    star = Shape("star", "blue", COLOURS["blue"][3], 440, 270, 150)
    draw(Scene(600, 380, ((252, 250, 240), (236, 240, 246)), (red, star))).save(home / "shapes.png")
    past = History(home)
    for title in ("这张图片里有什么动物？", "Medicine box, the small print", "Platform sign at the station"):
        past.ask(past.start(title), title)
    past.close()


def grab(window: Window, target: str) -> None:
    """The window with its picture pointed at, the settings, and the window at three widths."""
    from PySide6.QtWidgets import QApplication, QDialog

    window.activateWindow()
    window.tray.pointing.setFocus()
    QApplication.processEvents()
    window.grab().save(f"{target}-window.png")
    for name in ("options", "models", "checkup"):
        getattr(window, name)()
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
        take(*sys.argv[2:5])
    else:
        main(Path(sys.argv[1]))
