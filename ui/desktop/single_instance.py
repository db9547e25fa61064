"""One window at a time: a second start, or a key of the desktop, tells the first one. Knows nothing of widgets.

`hark-window --talk`, `--stop` and `--describe` can be bound to keys in any desktop's own settings."""

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
_MAX_BYTES = 16  # of what another process may say: the longest of `DEEDS` and some
_PATIENCE, _PAUSE = 2000, 100  # milliseconds for the other one to answer, which may be starting, and between two tries
_TAKEN = b"."


class SingleInstance(QObject):
    """`told` gives one of `DEEDS`. `first`: whether there was none before; it stays so while this lives."""

    command_received = Signal(str)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        place = QByteArray(str(folder.resolve()).encode())
        hashed = QCryptographicHash.hash(place, QCryptographicHash.Algorithm.Sha256).toHex()
        self._name = "hark-" + bytes(hashed.data()).decode()[:16]
        self._lock = QLockFile(str(folder / "window.lock"))
        self._lock.setStaleLockTime(0)  # of a process that lives it is never stale
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        # Where nothing can be written, nothing can be locked, for whatever reason: better two windows than none.
        self.is_first = (
            not _may_be_a_lock(folder / "window.lock")
            or self._lock.tryLock(0)
            or self._lock.error() != QLockFile.LockError.LockFailedError
        )

    @Slot()
    def start_listening(self) -> None:
        """Takes what later ones tell. Qt's network library is loaded here: after the first paint."""
        from PySide6.QtNetwork import QLocalServer

        QLocalServer.removeServer(self._name)  # of one that was killed
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)
        self._server.listen(self._name)

    def send_command(self, deed: str) -> bool:
        """Tells the first one; whether it took it. One that does not answer is asked again for two seconds."""
        until = QDeadlineTimer(_PATIENCE)
        while not self._try_send(deed, until):
            if until.hasExpired():
                return False
            QThread.msleep(_PAUSE)
        return True

    def _try_send(self, deed: str, until: QDeadlineTimer) -> bool:
        from PySide6.QtNetwork import QLocalSocket

        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(until.remainingTime()):
            return False
        socket.write(deed.encode())
        # That it was written is no answer: the system takes it for one that hangs.
        return socket.waitForReadyRead(until.remainingTime()) and bytes(socket.readAll().data()) == _TAKEN

    @Slot()
    def _on_connection(self) -> None:
        """Never waits: one that connects and says nothing must not hold up the window."""
        socket = self._server.nextPendingConnection()
        socket.setReadBufferSize(_MAX_BYTES)  # Qt reads no more of it, however much there is
        socket.readyRead.connect(self._on_words)
        socket.disconnected.connect(socket.deleteLater)
        QTimer.singleShot(_PATIENCE, socket, socket.abort)  # whoever connects and says nothing, or goes on and on
        if socket.bytesAvailable():
            self._read_command(socket)

    @Slot()
    def _on_words(self) -> None:
        self._read_command(self.sender())

    def _read_command(self, socket: Any) -> None:
        """One of `DEEDS`, perhaps in pieces; whoever says anything else is not answered."""
        said = bytes(socket.peek(_MAX_BYTES).data())
        deed = next((deed for deed in COMMANDS if deed.encode() == said), None)
        if deed:
            socket.read(_MAX_BYTES)
            socket.write(_TAKEN)
            self.command_received.emit(deed)
        elif not any(deed.encode().startswith(said) for deed in COMMANDS):
            socket.abort()


def _may_be_a_lock(path: Path) -> bool:
    """Whether it is a file, or can become one: Qt would wait for ever for what a FIFO says of its owner."""
    return path.is_file() or not os.path.lexists(path)
