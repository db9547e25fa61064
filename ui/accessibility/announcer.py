"""Tells a screen reader what a person must know without asking: politely, once. Knows nothing of what happened."""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

from ui.accessibility import roles
from ui.widgets.labels import shorten_text

_MAX_LETTERS = 20_000  # more would hold up the reader
_AT_ONCE = 4  # that a reader may still have to read when the next one comes


class Announcer:
    """Never tokens, timers or counters. `level` gives "all", "first", "ends" or "off".

    On Linux a notification comes and goes: Orca 43 says nothing for an announcement."""

    def __init__(self, window: QWidget, level: Callable[[], str]) -> None:
        self._window, self._level = window, level
        self._notices = [_NoticeAccessible(window) for _ in range(_AT_ONCE)] if sys.platform.startswith("linux") else []

    def announce(self, text: str, detail: bool = False) -> None:
        """`detail`: neither a beginning or an end, nor the answer to a key."""
        if self._level() == "off" or (detail and self._level() == "ends"):
            return
        self.read_text(text)

    def read_text(self, text: str) -> None:
        """What a person asked to be read: at every level, and as often as it is asked for."""
        if text and QAccessible.isActive():
            text = shorten_text(text, _MAX_LETTERS)
            if self._notices:
                self._notices.append(self._notices.pop(0))
                self._notices[-1].announce(text)
            else:
                QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._window, text))


class _NoticeAccessible(QWidget):
    """A notification without a picture: one point large, and never in the way."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        roles.set_role(self, QAccessible.Role.Notification)
        self.setObjectName("notice")
        self.resize(1, 1)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def announce(self, text: str) -> None:
        self.hide()
        self.setAccessibleName(text)
        self.show()
