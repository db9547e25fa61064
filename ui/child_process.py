"""Processes of the window that end together with the object that started them."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject, QProcess, Slot

_STOP_TIMEOUT_MS = 1000


class ChildProcess(QProcess):
    """A process that is killed when `parent` is deleted; Qt would warn about one that still runs, and emit `finished`
    from a half deleted object."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        parent.destroyed.connect(self.stop)

    def start_module(self, *arguments: str) -> None:
        """Starts `python -m` with the arguments, the first of which is the module."""
        self.start(sys.executable, ["-P", "-m", *arguments])

    @Slot()
    def stop(self) -> None:
        """Kills the process without emitting `finished`."""
        self.blockSignals(True)
        self.kill()
        self.waitForFinished(_STOP_TIMEOUT_MS)
