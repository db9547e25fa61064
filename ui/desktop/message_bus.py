"""Checks that the desktop's message buses (D-Bus) answer, before Qt uses them: Qt waits 25 s for every answer, and
shows no window until then.

It implements the little that it needs of the D-Bus specification ("Message Protocol", "Authentication Protocol"): to
import a library for it, or even Python's own `socket`, takes a tenth of the time until the window is painted."""

from __future__ import annotations

import _socket
import contextlib
import os
import re
import sys
import time
from struct import error as StructError
from struct import pack, unpack

from assistant.text.i18n import tr_noop

_BUS_TIMEOUT_S = 0.5  # for all questions to one bus; a working one takes a few milliseconds
_SESSION_VARIABLE, _ACCESSIBILITY_VARIABLE = "DBUS_SESSION_BUS_ADDRESS", "AT_SPI_BUS_ADDRESS"
_DISABLED_ADDRESS = "disabled:"  # an address of an unknown kind: connecting to it fails at once
_MAX_REPLY_BYTES = 65_536
_METHOD_CALL, _METHOD_RETURN, _ERROR_REPLY = 1, 2, 3  # message types
_NO_AUTO_START = 2  # a flag: do not start a service for this call
# What is raised if a bus hangs, closes the connection or sends nonsense.
_BUS_ERRORS = (OSError, ValueError, StructError)

SESSION_SILENT_TEXT = tr_noop(
    "The desktop's message bus (D-Bus) does not answer. Hark goes on without screen reader, tray and keys everywhere. "
    "Log out and in again, then start Hark again."
)
READER_SILENT_TEXT = tr_noop(
    "The bus of screen readers (AT-SPI) does not answer: they cannot read this window. "
    "Log out and in again, then start Hark again."
)


def disable_silent_buses() -> str:
    """Removes buses that exist but do not answer from the environment of this process and its children.

    Returns an untranslated sentence for the user, "" if all buses work. Each silent bus takes half a second."""
    if sys.platform != "linux":
        return ""
    problem, reader_address = "", os.environ.get(_ACCESSIBILITY_VARIABLE, "")
    try:
        with contextlib.closing(BusConnection(_session_address())) as session:
            reader_address = reader_address or session.accessibility_address()
    except _SilentReaderError:
        os.environ[_ACCESSIBILITY_VARIABLE], problem = _DISABLED_ADDRESS, READER_SILENT_TEXT
    except _BUS_ERRORS:
        os.environ[_SESSION_VARIABLE], problem = _DISABLED_ADDRESS, SESSION_SILENT_TEXT
    try:
        BusConnection(reader_address).close()
    except _BUS_ERRORS:
        os.environ[_ACCESSIBILITY_VARIABLE], problem = _DISABLED_ADDRESS, problem or READER_SILENT_TEXT
    return problem


def _session_address() -> str:
    runtime_folder = os.environ.get("XDG_RUNTIME_DIR")
    return os.environ.get(_SESSION_VARIABLE) or (f"unix:path={runtime_folder}/bus" if runtime_folder else "")


class _SilentReaderError(Exception):
    """The session bus answers, but not its accessibility service (org.a11y.Bus)."""


class BusConnection:
    """A connection to a bus, for half a second. `is_connected` is false if there is no bus at the address, or if only a
    D-Bus library can reach it. Every method raises `_BUS_ERRORS`."""

    def __init__(self, address: str) -> None:
        self._deadline, self._serial = time.monotonic() + _BUS_TIMEOUT_S, 0
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self.is_connected = any(self._connect_socket(socket_address) for socket_address in _socket_addresses(address))
        if self.is_connected:
            self.is_connected = self._authenticate_user()

    def close(self) -> None:
        self._socket.close()

    def accessibility_address(self) -> str:
        """The address of the accessibility bus, "" if there is none. Raises `_SilentReaderError`."""
        if not self.is_connected:
            return ""
        service = ("org.a11y.Bus", "/org/a11y/bus")
        try:
            properties = "org.freedesktop.DBus.Properties"
            if self._call_method(*service, properties, "Get", "org.a11y.Status", "IsEnabled") is None:
                return ""
        except _BUS_ERRORS as fault:
            raise _SilentReaderError from fault
        with contextlib.suppress(*_BUS_ERRORS):  # Qt does not wait for this answer
            if reply := self._call_method(*service, "org.a11y.Bus", "GetAddress"):
                return reply[4:].rstrip(b"\0").decode()
        return ""

    def _connect_socket(self, socket_address: str) -> bool:
        self._apply_timeout()
        try:
            self._socket.connect(socket_address)
        except (BlockingIOError, TimeoutError):  # the bus no longer accepts connections
            raise
        except OSError:  # nobody listens there: D-Bus will notice at once, too
            return False
        return True

    def _authenticate_user(self) -> bool:
        """Whether the bus accepts this user."""
        user = str(os.getuid()).encode().hex().encode()
        self._send_bytes(b"\0AUTH EXTERNAL " + user + b"\r\n")
        answer = b""
        while not answer.endswith(b"\r\n"):
            answer += self._receive_bytes(1)
            if len(answer) > 1024:
                raise ValueError("no answer of a bus")
        if answer.startswith(b"REJECTED"):
            return False
        if not answer.startswith(b"OK "):
            raise ValueError("no answer of a bus")
        self._send_bytes(b"BEGIN\r\n")
        name = "org.freedesktop.DBus"
        return self._call_method(name, "/org/freedesktop/DBus", name, "Hello") is not None

    def _call_method(self, service: str, path: str, interface: str, method: str, *arguments: str) -> bytes | None:
        """The body of a method's reply; None if it replies with an error."""
        self._serial += 1
        self._send_bytes(_encode_call(self._serial, (path, interface, method, service), arguments))
        while True:
            header = self._receive_bytes(16)
            byte_order = {b"l": "<", b"B": ">"}.get(header[:1], "")
            if not byte_order:
                raise ValueError("no message of a bus")
            body_bytes, _, field_bytes = unpack(f"{byte_order}III", header[4:])
            field_bytes += -field_bytes % 8
            if body_bytes + field_bytes > _MAX_REPLY_BYTES:
                raise ValueError("no message of a bus")
            body = self._receive_bytes(field_bytes + body_bytes)[field_bytes:]
            if header[1] in (_METHOD_RETURN, _ERROR_REPLY):  # else a signal
                return body if header[1] == _METHOD_RETURN else None

    def _send_bytes(self, data: bytes) -> None:
        self._apply_timeout()
        self._socket.sendall(data)

    def _receive_bytes(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            self._apply_timeout()
            chunk = self._socket.recv(count - len(data))
            if not chunk:
                raise ConnectionResetError("the bus broke off")
            data += chunk
        return data

    def _apply_timeout(self) -> None:
        seconds_left = self._deadline - time.monotonic()
        if seconds_left <= 0:
            raise TimeoutError
        self._socket.settimeout(seconds_left)


def _socket_addresses(address: str) -> list[str]:
    """The Unix sockets of a D-Bus address, in order; those in the abstract namespace begin with NUL."""
    addresses = []
    for entry in address.split(";"):
        transport, _, rest = entry.partition(":")
        parameters = dict(parameter.partition("=")[::2] for parameter in rest.split(","))
        if transport == "unix" and ("path" in parameters or "abstract" in parameters):
            socket_address = parameters.get("path") or "\0" + parameters.get("abstract", "")
            addresses.append(re.sub("%([0-9A-Fa-f]{2})", lambda code: chr(int(code[1], 16)), socket_address))
    return addresses


def _encode_call(serial: int, names: tuple[str, str, str, str], arguments: tuple[str, ...]) -> bytes:
    """A method call with string arguments; `names` are the path, interface, method and service."""
    fields = b""
    for code, kind, value in zip((1, 2, 3, 6), "osss", names, strict=True):
        fields = _pad_to(fields, 8) + bytes((code, 1, ord(kind), 0)) + _encode_text(value)
    if arguments:  # their signature
        fields = _pad_to(fields, 8) + b"\x08\x01g\0" + bytes((len(arguments),)) + b"s" * len(arguments) + b"\0"
    body = b""
    for text in arguments:
        body = _pad_to(body, 4) + _encode_text(text)
    header = b"l" + bytes((_METHOD_CALL, _NO_AUTO_START, 1)) + pack("<III", len(body), serial, len(fields))
    return _pad_to(header + fields, 8) + body


def _encode_text(text: str) -> bytes:
    data = text.encode()
    return pack("<I", len(data)) + data + b"\0"


def _pad_to(data: bytes, alignment: int) -> bytes:
    return data + bytes(-len(data) % alignment)
