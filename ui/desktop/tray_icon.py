"""Hark in the desktop's tray: a menu, and a word when an answer is ready and nobody looks. Knows no engine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QProcess, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from assistant.text.i18n import tr
from ui import theme
from ui.widgets.icons import draw_microphone
from ui.widgets.labels import set_tool_tip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


class TrayIcon(QObject):
    """`wanted` gives "show", "talk", "stop", "describe" or "quit"."""

    command_requested = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._tray = QSystemTrayIcon(app_icon(), self)
        self._notice, self._last = QProcess(self), 0
        self._notice.finished.connect(self._on_notice)
        set_tool_tip(self._tray, "Hark")
        self._menu = QMenu(window)
        for what, text in (
            ("show", tr("Show the window")), ("talk", tr("Talk")), ("stop", tr("Stop speaking")),
            ("describe", tr("Describe what is on my screen")), ("quit", tr("Quit")),
        ):  # fmt: skip
            self._menu.addAction(text).triggered.connect(lambda _=False, what=what: self.command_requested.emit(what))
        self._tray.setContextMenu(self._menu)
        self._tray.activated.connect(self._on_click)
        self._tray.messageClicked.connect(lambda: self.command_requested.emit("show"))
        self._tray.show()

    @property
    def is_available(self) -> bool:
        """Whether this desktop has a tray."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    def notify_answer_ready(self) -> None:
        """An answer is ready: told where the window is away, and without the answer: desktops keep what they show."""
        if QApplication.activeWindow() is not None:
            return
        if self.is_available:
            self._tray.showMessage("Hark", tr("An answer is ready."), self._tray.icon())
        elif sys.platform == "linux" and self._notice.state() == QProcess.ProcessState.NotRunning:
            # To a process of its own: nothing of it stays in this one.
            self._notice.start(
                sys.executable, ["-P", "-m", "ui.desktop.notification", str(self._last), tr("An answer is ready.")]
            )

    @Slot(int)
    def _on_notice(self, code: int) -> None:
        """The next one comes in its place; a desktop that shows none is no fault."""
        shown = bytes(self._notice.readAllStandardOutput().data())
        self._last = int(shown) if code == 0 else self._last

    @Slot(QSystemTrayIcon.ActivationReason)
    def _on_click(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason == QSystemTrayIcon.ActivationReason.Trigger:
            self.command_requested.emit("show")


def app_icon() -> QIcon:
    """The talk button, in all sizes."""
    made = QIcon()
    for side in (16, 24, 32, 48, 64, 128, 256):
        picture = QPixmap(side, side)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.LIGHT.accent))
        painter.drawEllipse(QRectF(0.5, 0.5, side - 1, side - 1))
        draw_microphone(painter, QRectF(0, 0, side, side).center(), side / 64, QColor(theme.LIGHT.on_accent))
        painter.end()
        made.addPixmap(picture)
    return made
