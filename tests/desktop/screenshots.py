"""Pictures of the window in use: `python -m tests.desktop.screenshots FOLDER`, light and dark, at 1x and 2x.

A conversation is really held, on a virtual screen with a virtual sound card."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.desktop import desk as desktop


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for scale in (1, 2):
        for theme in ("light", "dark"):
            with tempfile.TemporaryDirectory() as name, desktop.started(Path(name) / "run") as desk:
                target = folder / f"window-{theme}-{scale}x.png"
                environment = {**desk.environment, "QT_SCALE_FACTOR": str(scale), "HARK_HOME": f"{name}/home"}
                command = [sys.executable, "-m", "tests.desktop.screenshots", "--take", theme, str(target)]
                subprocess.run(command, env=environment, check=True, timeout=120)
                print(target)


def take(theme: str, target: str) -> None:
    """Holds a short conversation in this process's window, and grabs it."""
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QFont
    from PySide6.QtWidgets import QApplication

    from assistant import events
    from assistant.settings import Folders, Settings
    from assistant.starter.shapes import COLOURS, Scene, Shape, draw
    from ui import style
    from ui.bridge import Bridge
    from ui.window import Window

    home = Path(os.environ["HARK_HOME"])
    home.mkdir(parents=True)
    red = Shape("circle", "red", COLOURS["red"][3], 150, 130, 130)
    star = Shape("star", "blue", COLOURS["blue"][3], 440, 270, 150)
    draw(Scene(600, 380, ((252, 250, 240), (236, 240, 246)), (red, star))).save(home / "shapes.png")
    application = QApplication([])
    application.setStyle("Fusion")
    application.setFont(QFont("Inter", 10))
    style.choose(theme)
    style.apply(application)
    window = Window(Bridge(Settings(), Folders.find()))
    window.show()
    questions = iter(("Where is the star?", "What colour is the circle?", "Describe this picture."))

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.Shown) or (event == events.StateChanged("ready") and window.tray.list.count()):
            question = next(questions, "")
            if question:
                window.do.ask(question)
            else:
                QTimer.singleShot(300, grab)
        elif event == events.StateChanged("ready"):
            window.engine.show(str(home / "shapes.png"))

    def grab() -> None:
        window.grab().save(target)
        application.quit()

    window.bridge.happened.connect(on_event)
    window.engine.start()
    application.exec()
    window.engine.stop()


if __name__ == "__main__":
    if sys.argv[1] == "--take":
        take(sys.argv[2], sys.argv[3])
    else:
        main(Path(sys.argv[1]))
