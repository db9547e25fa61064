"""Ensures that one window runs at a time: a second start sends its command to the first one and ends.

So `hark-window --talk`, `--stop` and `--describe` can be bound to keys in the settings of any desktop."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QByteArray,
    QCryptographicHash,
    QDeadlineTimer,
    QLockFile,
    QObject,
    QThread,
    QTimer,
    Signal,
    Slot,
)

COMMANDS = ("show", "talk", "stop", "describe")
_MAX_COMMAND_BYTES = 16  # more than the longest command has
_ANSWER_TIMEOUT_MS = 2000  # the first instance may still be starting
_RETRY_PAUSE_MS = 100
_ACCEPTED = b"."


class SingleInstance(QObject):
    """One running window for a data folder. `is_first`: no other one was running when this object was made.
    `server_name`: the name of the local socket at which the first one listens.

    `command_received` carries one of `COMMANDS` that a later start has sent."""

    command_received = Signal(str)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        path = QByteArray(str(folder.resolve()).encode())
        digest = QCryptographicHash.hash(path, QCryptographicHash.Algorithm.Sha256).toHex()
        self.server_name = "hark-" + bytes(digest.data()).decode()[:16]
        self._lock = QLockFile(str(folder / "window.lock"))
        self._lock.setStaleLockTime(0)  # the lock of a running process never expires
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        # If the lock cannot be written, for whatever reason, start anyway: better two windows than none.
        self.is_first = (
            not _can_be_locked(folder / "window.lock")
            or self._lock.tryLock(0)
            or self._lock.error() != QLockFile.LockError.LockFailedError
        )

    @Slot()
    def start_listening(self) -> None:
        """Accepts the commands of later starts. Call it after the first paint: it loads Qt's network library."""
        from PySide6.QtNetwork import QLocalServer

        QLocalServer.removeServer(self.server_name)  # left behind by a process that was killed
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)
        self._server.listen(self.server_name)

    def send_command(self, command: str) -> bool:
        """Sends a command to the first instance, for two seconds if it does not answer; whether it was accepted."""
        deadline = QDeadlineTimer(_ANSWER_TIMEOUT_MS)
        while not self._try_send(command, deadline):
            if deadline.hasExpired():
                return False
            QThread.msleep(_RETRY_PAUSE_MS)
        return True

    def _try_send(self, command: str, deadline: QDeadlineTimer) -> bool:
        from PySide6.QtNetwork import QLocalSocket

        socket = QLocalSocket()
        socket.connectToServer(self.server_name)
        if not socket.waitForConnected(deadline.remainingTime()):
            return False
        socket.write(command.encode())
        # Only an answer shows that it was read: the system accepts bytes for a process that hangs, too.
        return socket.waitForReadyRead(deadline.remainingTime()) and bytes(socket.readAll().data()) == _ACCEPTED

    @Slot()
    def _on_connection(self) -> None:
        """Reads without waiting: a process that connects and sends nothing must not block the window."""
        socket = self._server.nextPendingConnection()
        socket.setReadBufferSize(_MAX_COMMAND_BYTES)  # Qt reads no more, however much is sent
        socket.readyRead.connect(self._on_ready_read)
        socket.disconnected.connect(socket.deleteLater)
        QTimer.singleShot(_ANSWER_TIMEOUT_MS, socket, socket.abort)  # hangs up on a process that sends too little
        if socket.bytesAvailable():
            self._read_command(socket)

    @Slot()
    def _on_ready_read(self) -> None:
        self._read_command(self.sender())

    def _read_command(self, socket: Any) -> None:
        """Accepts one of `COMMANDS`, which may arrive in pieces; hangs up on anything else."""
        data = bytes(socket.peek(_MAX_COMMAND_BYTES).data())
        command = next((command for command in COMMANDS if command.encode() == data), None)
        if command:
            socket.read(_MAX_COMMAND_BYTES)
            socket.write(_ACCEPTED)
            self.command_received.emit(command)
        elif not any(command.encode().startswith(data) for command in COMMANDS):
            socket.abort()


def _can_be_locked(path: Path) -> bool:
    """Whether the path is a regular file or does not exist: Qt would wait for ever on a FIFO."""
    return path.is_file() or not os.path.lexists(path)
