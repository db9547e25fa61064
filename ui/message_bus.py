"""Looks whether the desktop's message buses (D-Bus) answer, before Qt asks them: Qt waits 25 s for every answer, and
shows no window meanwhile.

D-Bus specification, "Message Protocol" and "Authentication Protocol". The few words are spoken here: to import a
library for them, or even Python's own `socket`, takes a tenth of the time until the window is painted."""

from __future__ import annotations

import _socket
import contextlib
import os
import re
import sys
import time
from struct import error as StructError
from struct import pack, unpack

from assistant.words.tongue import tr_noop

_DEADLINE_S = 0.5  # for all that is asked of one; a bus that is well takes some thousandths
_SESSION, _ACCESSIBILITY = "DBUS_SESSION_BUS_ADDRESS", "AT_SPI_BUS_ADDRESS"
_NO_BUS = "disabled:"  # where nothing can be: who asks there is told so at once
_MAX_REPLY_BYTES = 65_536
_METHOD_CALL, _METHOD_RETURN, _ERROR = 1, 2, 3  # kinds of messages
_NO_AUTO_START = 2  # a flag: a service that does not run need not be started for this
# What a bus that hangs, breaks off or talks nonsense comes to.
_FAULTS = (OSError, ValueError, StructError)

_NO_SESSION = tr_noop(
    "The desktop's message bus (D-Bus) does not answer. Hark goes on without screen reader, tray and keys everywhere. "
    "Log out and in again, then start Hark again."
)
_NO_READER = tr_noop(
    "The bus of screen readers (AT-SPI) does not answer: they cannot read this window. "
    "Log out and in again, then start Hark again."
)


def leave_out_silent() -> str:
    """Takes buses that are there and do not answer out of this process's environment, and its children's; returns a
    marked sentence for the user, or "". Takes half a second for each that does not."""
    if sys.platform != "linux":
        return ""
    problem, reader = "", os.environ.get(_ACCESSIBILITY, "")
    try:
        with contextlib.closing(_Bus(_session_address())) as session:
            reader = reader or session.accessibility_address()
    except _SilentReader:
        os.environ[_ACCESSIBILITY], problem = _NO_BUS, _NO_READER
    except _FAULTS:
        os.environ[_SESSION], problem = _NO_BUS, _NO_SESSION
    try:
        _Bus(reader).close()
    except _FAULTS:
        os.environ[_ACCESSIBILITY], problem = _NO_BUS, problem or _NO_READER
    return problem


def _session_address() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return os.environ.get(_SESSION) or (f"unix:path={runtime}/bus" if runtime else "")


class _SilentReader(Exception):
    """The bus answers, but not the service that tells programs of screen readers."""


class _Bus:
    """A connection to a bus, for half a second; not `connected` where there is none, or where only D-Bus itself knows
    how to get there. Raises `_FAULTS`."""

    def __init__(self, address: str) -> None:
        self._until, self._serial = time.monotonic() + _DEADLINE_S, 0
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self.connected = any(self._connect(place) for place in _places(address))
        if self.connected:
            self.connected = self._authenticate()

    def close(self) -> None:
        self._socket.close()

    def accessibility_address(self) -> str:
        """Of the bus of screen readers, or "" if there is none. Raises `_SilentReader`."""
        if not self.connected:
            return ""
        service = ("org.a11y.Bus", "/org/a11y/bus")
        try:
            properties = "org.freedesktop.DBus.Properties"
            if self._call(*service, properties, "Get", "org.a11y.Status", "IsEnabled") is None:
                return ""
        except _FAULTS as fault:
            raise _SilentReader from fault
        with contextlib.suppress(*_FAULTS):  # Qt does not wait for this one
            if reply := self._call(*service, "org.a11y.Bus", "GetAddress"):
                return reply[4:].rstrip(b"\0").decode()
        return ""

    def _connect(self, place: str) -> bool:
        self._limit()
        try:
            self._socket.connect(place)
        except (BlockingIOError, TimeoutError):  # nobody takes the calls any more
            raise
        except OSError:  # nobody is there: D-Bus knows as soon as we do
            return False
        return True

    def _authenticate(self) -> bool:
        """Whether the bus knows us; it answers in any case."""
        user = str(os.getuid()).encode().hex().encode()
        self._send(b"\0AUTH EXTERNAL " + user + b"\r\n")
        answer = b""
        while not answer.endswith(b"\r\n"):
            answer += self._receive(1)
            if len(answer) > 1024:
                raise ValueError("no answer of a bus")
        if answer.startswith(b"REJECTED"):
            return False
        if not answer.startswith(b"OK "):
            raise ValueError("no answer of a bus")
        self._send(b"BEGIN\r\n")
        name = "org.freedesktop.DBus"
        return self._call(name, "/org/freedesktop/DBus", name, "Hello") is not None

    def _call(self, service: str, path: str, interface: str, method: str, *given: str) -> bytes | None:
        """What a method answers; None where it cannot."""
        self._serial += 1
        self._send(_message(self._serial, (path, interface, method, service), given))
        while True:
            head = self._receive(16)
            order = {b"l": "<", b"B": ">"}.get(head[:1], "")
            if not order:
                raise ValueError("no message of a bus")
            body_bytes, _, field_bytes = unpack(f"{order}III", head[4:])
            field_bytes += -field_bytes % 8
            if body_bytes + field_bytes > _MAX_REPLY_BYTES:
                raise ValueError("no message of a bus")
            body = self._receive(field_bytes + body_bytes)[field_bytes:]
            if head[1] in (_METHOD_RETURN, _ERROR):  # else a signal
                return body if head[1] == _METHOD_RETURN else None

    def _send(self, data: bytes) -> None:
        self._limit()
        self._socket.sendall(data)

    def _receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            self._limit()
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionResetError("the bus broke off")
            data += part
        return data

    def _limit(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)


def _places(address: str) -> list[str]:
    """The sockets that an address names, in its order; those in the abstract namespace begin with NUL."""
    places = []
    for entry in address.split(";"):
        transport, _, rest = entry.partition(":")
        facts = dict(fact.partition("=")[::2] for fact in rest.split(","))
        if transport == "unix" and ("path" in facts or "abstract" in facts):
            place = facts.get("path") or "\0" + facts.get("abstract", "")
            places.append(re.sub("%([0-9A-Fa-f]{2})", lambda code: chr(int(code[1], 16)), place))
    return places


def _message(serial: int, names: tuple[str, str, str, str], given: tuple[str, ...]) -> bytes:
    """A call with texts: `names` are path, interface, method and service."""
    fields = b""
    for code, kind, value in zip((1, 2, 3, 6), "osss", names, strict=True):
        fields = _aligned(fields, 8) + bytes((code, 1, ord(kind), 0)) + _text(value)
    if given:  # of which kinds they are
        fields = _aligned(fields, 8) + b"\x08\x01g\0" + bytes((len(given),)) + b"s" * len(given) + b"\0"
    body = b""
    for text in given:
        body = _aligned(body, 4) + _text(text)
    head = b"l" + bytes((_METHOD_CALL, _NO_AUTO_START, 1)) + pack("<III", len(body), serial, len(fields))
    return _aligned(head + fields, 8) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return pack("<I", len(data)) + data + b"\0"


def _aligned(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)
