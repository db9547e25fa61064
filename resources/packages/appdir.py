"""Turns a bundle into an AppDir by adding a start script, a menu entry and an icon; `appimagetool dist/hark` can then
make an AppImage of it.

Run it on Linux after `make bundle`: `python resources/packages/appdir.py FOLDER`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_START = '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/hark-window" "$@"\n'


def main(folder: Path) -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QGuiApplication

    from ui.desktop import desktop_entry
    from ui.desktop.screen_capture import encode_png
    from ui.desktop.tray_icon import app_icon

    application = QGuiApplication([])
    for name, data in (
        ("AppRun", _START.encode()),
        ("hark.desktop", desktop_entry.desktop_entry("hark-window").encode()),
        ("hark.png", encode_png(app_icon().pixmap(256, 256))),
    ):
        (folder / name).write_bytes(data)
    (folder / "AppRun").chmod(0o755)
    application.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
