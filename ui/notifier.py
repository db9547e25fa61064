"""How the window tells the user something: the status line, the list of messages, the screen reader."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from ui import texts
from ui.accessibility.announcer import Announcer


class Notifier(QObject):
    """`level` gives the announcement level of the settings: "all", "first", "ends" or "off".

    Signals:
        status_changed(text): the status line has another text.
        noticed(text): a notice belongs into the list of messages.
    """

    status_changed = Signal(str)
    noticed = Signal(str)

    def __init__(self, window: QWidget, level: Callable[[], str]) -> None:
        super().__init__(window)
        self._announcer = Announcer(window, level)
        self._is_hearing = False  # the user speaks
        self._outcome_shown = False  # the status line says how the last turn ended

    def set_status(self, text: str) -> None:
        """Changes the status line, without an announcement."""
        self.status_changed.emit(text)

    @Slot(str)
    def show_status(self, text: str) -> None:
        """Shows a sentence in the status line and announces it; does nothing for an empty one."""
        if text:
            self.set_status(text)
            self.announce(text)

    @Slot(str)
    def show_notice(self, text: str) -> None:
        """Shows a sentence that should not be lost: among the messages, in the status line, and announced."""
        self.noticed.emit(text)
        self.set_status(text)
        self.announce(text)

    def show_state(self, state: str) -> None:
        """Shows what the engine does. How a turn ended stays readable when the engine is ready again."""
        self._is_hearing = state == "hearing"
        if not (state == "ready" and self._outcome_shown):
            self.set_status(texts.state_text(state))
        self._outcome_shown = False

    def show_outcome(self, text: str) -> None:
        """Shows how a turn ended, unless the user is speaking already."""
        self._outcome_shown = True
        self.set_status(texts.state_text("hearing") if self._is_hearing else text)

    @Slot(str)
    def announce(self, text: str, detail: bool = False) -> None:
        """Has the screen reader say it. A `detail` is neither a beginning or an end nor the answer to a key, and is
        left out at the level "ends"."""
        self._announcer.announce(text, is_detail=detail)

    def read_text(self, text: str) -> None:
        """Has the screen reader, if one runs, read what the user asked for, whatever the level of announcements."""
        self._announcer.read_text(text)
