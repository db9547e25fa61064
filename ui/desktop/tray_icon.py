"""The tray icon with its menu, and the notification when an answer is ready while the window is away."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QProcess, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from assistant.text.i18n import tr
from ui import theme
from ui.child_process import ChildProcess
from ui.widgets.icons import draw_microphone
from ui.widgets.labels import set_tool_tip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


class TrayIcon(QObject):
    """The icon in the tray of the desktop.

    `command_requested` carries "show", "talk", "stop", "describe" or "quit", as chosen in the menu; a click on the icon
    or on a notification requests "show"."""

    command_requested = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._tray = QSystemTrayIcon(app_icon(), self)
        self._notifier, self._notification_number = ChildProcess(self), 0
        self._notifier.finished.connect(self._on_notified)
        set_tool_tip(self._tray, "Hark")
        self._menu = QMenu(window)
        for command, text in (
            ("show", tr("Show the window")), ("talk", tr("Talk")), ("stop", tr("Stop speaking")),
            ("describe", tr("Describe what is on my screen")), ("quit", tr("Quit")),
        ):  # fmt: skip
            self._menu.addAction(text).triggered.connect(
                lambda _=False, command=command: self.command_requested.emit(command)
            )
        self._tray.setContextMenu(self._menu)
        self._tray.activated.connect(self._on_click)
        self._tray.messageClicked.connect(lambda: self.command_requested.emit("show"))
        self._tray.show()

    @property
    def is_available(self) -> bool:
        """Whether this desktop has a tray."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    def notify_answer_ready(self) -> None:
        """Notifies the user that an answer is ready, unless the window has the focus.

        The answer itself is not shown: desktops keep what they have shown."""
        if QApplication.activeWindow() is not None:
            return
        if self.is_available:
            self._tray.showMessage("Hark", tr("An answer is ready."), self._tray.icon())
        elif sys.platform == "linux" and self._notifier.state() == QProcess.ProcessState.NotRunning:
            # In a process of its own, so that the D-Bus library is not loaded into this one.
            arguments = [str(self._notification_number), tr("An answer is ready.")]
            self._notifier.start_module("ui.desktop.notification", *arguments)

    @Slot(int)
    def _on_notified(self, exit_code: int) -> None:
        """Remembers the number of the notification, which the next one replaces; a failure is ignored."""
        output = bytes(self._notifier.readAllStandardOutput().data())
        if exit_code == 0:
            self._notification_number = int(output)

    @Slot(QSystemTrayIcon.ActivationReason)
    def _on_click(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason == QSystemTrayIcon.ActivationReason.Trigger:
            self.command_requested.emit("show")


def app_icon() -> QIcon:
    """The icon of the program: the talk button, painted in all usual sizes."""
    icon = QIcon()
    for side in (16, 24, 32, 48, 64, 128, 256):
        pixmap = QPixmap(side, side)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.LIGHT.accent))
        painter.drawEllipse(QRectF(0.5, 0.5, side - 1, side - 1))
        draw_microphone(painter, QRectF(0, 0, side, side).center(), side / 64, QColor(theme.LIGHT.on_accent))
        painter.end()
        icon.addPixmap(pixmap)
    return icon
