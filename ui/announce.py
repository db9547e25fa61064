"""Tells a screen reader what a person must know without asking: politely, once. Knows nothing of what happened."""

from __future__ import annotations

from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget


class Announcer:
    """Never tokens, timers or counters; the same words twice in a row are said once."""

    def __init__(self, window: QWidget) -> None:
        self._window, self._last = window, ""

    def say(self, text: str) -> None:
        if text and text != self._last and QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._window, text))
        self._last = text
