"""Commands from outside the window: from the tray, a second start, a key of the desktop."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot


class DesktopCommands(QObject):
    """Turns a command's name into a signal. A command that needs the engine waits until it is ready for the first
    time."""

    show_requested, quit_requested = Signal(), Signal()
    talk_requested, stop_requested, describe_requested = Signal(), Signal(), Signal()

    def __init__(self) -> None:
        super().__init__()
        self._is_engine_ready = False
        self._pending_command = ""

    @Slot(str)
    def run_command(self, command: str) -> None:
        """One of "show", "talk", "stop", "describe" and "quit"."""
        if command in ("talk", "stop", "describe") and not self._is_engine_ready:
            self._pending_command = command  # of several the last one is meant
        else:
            signals = {
                "show": self.show_requested,
                "talk": self.talk_requested,
                "stop": self.stop_requested,
                "describe": self.describe_requested,
                "quit": self.quit_requested,
            }
            signals[command].emit()

    @Slot()
    def on_engine_ready(self) -> None:
        self._is_engine_ready = True
        command, self._pending_command = self._pending_command, ""
        if command:
            self.run_command(command)
