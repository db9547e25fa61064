"""Notes what Python does to the outside, through its audit hook. Python imports this by itself when it starts."""

import json
import os
import sys

_FOLDER = os.environ.get("HARK_TEST_NOTES", "")
_LOCAL = ("/etc/resolv.conf", "/etc/hosts")
_NAMES = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
_MADE = ("os.mkdir", "os.rename", "os.link", "os.symlink")


def _note(kind, detail):
    line = json.dumps([kind, detail]).encode() + b"\n"
    note = os.open(f"{_FOLDER}/{os.getpid()}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(note, line)
    os.close(note)


def _on_event(event, arguments):
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, str | bytes) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            path = os.path.abspath(os.fsdecode(path))
            if not path.startswith(_FOLDER):
                _note("written", path)
    elif event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"):
        if isinstance(arguments[1], tuple):  # addresses of a socket within this computer are text
            _note("network", f"{event} {arguments[1]}")
    elif event in _NAMES and arguments[0]:
        _note("questions", f"{event} {arguments[0]}")
    elif event in _MADE and all(isinstance(argument, str) for argument in arguments[:1]):
        _note("written", os.path.abspath(arguments[1 if event != "os.mkdir" else 0]))


if _FOLDER:
    sys.addaudithook(_on_event)
