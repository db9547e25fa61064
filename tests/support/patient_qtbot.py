"""A QtBot with longer timeouts, because the machine may be busy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

WAIT_TIMEOUT_MS = 120_000


class PatientQtBot(QtBot):
    """A `QtBot` that waits two minutes where pytest-qt waits five seconds."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = WAIT_TIMEOUT_MS) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = WAIT_TIMEOUT_MS, **options: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **options)

    def waitActive(self, widget: QWidget, *, timeout: int = WAIT_TIMEOUT_MS) -> Any:
        return super().waitActive(widget, timeout=timeout)
