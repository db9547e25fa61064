"""Announcements for screen readers: what the user should hear without asking for it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

from ui.accessibility import roles
from ui.widgets.labels import shorten_text

_MAX_SPOKEN_LETTERS = 20_000  # a longer text would block the screen reader
_NOTICE_COUNT = 4  # so many may still be unread when the next one comes


class Announcer:
    """Announces events, but never tokens, timers or counters.

    `get_level` returns the announcement level of the settings: "all", "first", "ends" or "off". On Linux, an
    invisible widget with the role of a notification is shown for each text: Orca 43 ignores announcement events."""

    def __init__(self, window: QWidget, get_level: Callable[[], str]) -> None:
        self._window, self._get_level = window, get_level
        self._notices = (
            [_NoticeWidget(window) for _ in range(_NOTICE_COUNT)] if sys.platform.startswith("linux") else []
        )

    def announce(self, text: str, is_detail: bool = False) -> None:
        """Announces a text unless the level forbids it.

        `is_detail`: it is neither a beginning nor an end nor the answer to a key, and left out at the level "ends"."""
        if self._get_level() == "off" or (is_detail and self._get_level() == "ends"):
            return
        self.read_text(text)

    def read_text(self, text: str) -> None:
        """Has the screen reader read a text that the user asked for, at every level."""
        if text and QAccessible.isActive():
            text = shorten_text(text, _MAX_SPOKEN_LETTERS)
            if self._notices:
                self._notices.append(self._notices.pop(0))
                self._notices[-1].announce(text)
            else:
                QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._window, text))


class _NoticeWidget(QWidget):
    """A notification of one pixel, which is not in the way of the mouse."""

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
