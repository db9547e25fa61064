"""What is asked of Hark from outside its window: by the tray, a second start, a key of the desktop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from ui.main_window import MainWindow


class DesktopCommands(QObject):
    """For one window. What needs the engine waits until it is ready for the first time."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._is_engine_ready = False
        self._pending_commands: list[str] = []

    @Slot(str)
    def run_command(self, command: str) -> None:
        """One of "show", "talk", "stop", "describe" and "quit"."""
        if command in ("talk", "stop", "describe") and not self._is_engine_ready:
            self._pending_commands.append(command)
        else:
            getattr(self, command)()

    @Slot()
    def on_ready(self) -> None:
        """The engine is ready."""
        self._is_engine_ready = True
        pending, self._pending_commands = self._pending_commands, []
        for command in pending[-1:]:  # of several that were asked for meanwhile the last one is meant
            self.run_command(command)

    def show(self) -> None:
        """In front of other windows."""
        self._window.setWindowState(self._window.windowState() & ~Qt.WindowState.WindowMinimized)
        self._window.show()
        self._window.raise_()
        self._window.activateWindow()

    def talk(self) -> None:
        """Listens to one question, whatever window has the keys."""
        if self._window.do.can_talk():
            self._window.bar.talk_button.show_listening(True)
            self._window.engine.press_talk_key()
            self._window.engine.tap_talk_key()

    def stop(self) -> None:
        """Stops speaking."""
        self._window.do.stop()

    def describe(self) -> None:
        """What is on the screen now."""
        self._window.do.looking.capture_screen(then_describe=True)

    def quit(self) -> None:
        """Ends Hark, wherever the window would stay."""
        self._window.end()
        QApplication.quit()
