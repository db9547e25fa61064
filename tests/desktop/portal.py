"""A desktop's portal, as far as Hark asks it: run by a test, on a bus of its own. Takes what it answers as arguments.

`python -m tests.desktop.portal PICTURE` gives this file, and keys of which it presses some; with nothing the user
refuses."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields, MessageType, message_bus, new_error, new_method_return, new_signal
from jeepney.io.blocking import Proxy, open_dbus_connection

_SESSION = "/org/freedesktop/portal/desktop/session/hark"


def main(picture: str) -> None:
    with open_dbus_connection(bus="SESSION") as bus:
        Proxy(message_bus, bus).RequestName("org.freedesktop.portal.Desktop")
        print("there", flush=True)
        while True:
            asked = bus.receive()
            if asked.header.message_type == MessageType.method_call:
                answer(bus, asked, picture)


def answer(bus: Any, asked: Any, picture: str) -> None:
    """As the real one does: at once the name of a request, and later what came of it."""
    what, options = asked.header.fields[HeaderFields.member], asked.body[-1]
    if what == "Register":
        bus.send(new_error(asked, "org.freedesktop.DBus.Error.UnknownMethod"))
        return
    sender = asked.header.fields[HeaderFields.sender].lstrip(":").replace(".", "_")
    handle = f"/org/freedesktop/portal/desktop/request/{sender}/{options['handle_token'][1]}"
    bus.send(new_method_return(asked, "o", (handle,)))
    results: dict[str, Any] = {}
    if picture and what == "Screenshot":
        made = Path(picture).with_name(f"a shot {options['interactive'][1]}.png")
        shutil.copy(picture, made)
        results["uri"] = ("s", made.as_uri())
    elif picture and what == "CreateSession":
        results["session_handle"] = ("s", _SESSION)
    elif picture:
        keys = [(name, {"trigger_description": ("s", told["preferred_trigger"][1])}) for name, told in asked.body[1]]
        results["shortcuts"] = ("a(sa{sv})", keys)
    at = DBusAddress(handle, interface="org.freedesktop.portal.Request")
    bus.send(new_signal(at, "Response", "ua{sv}", (0 if picture else 1, results)))
    if picture and what == "BindShortcuts":
        time.sleep(0.5)
        at = DBusAddress("/org/freedesktop/portal/desktop", interface="org.freedesktop.portal.GlobalShortcuts")
        for whose, name in (("/other", "talk"), (_SESSION, "unknown"), (_SESSION, "talk"), (_SESSION, "describe")):
            bus.send(new_signal(at, "Activated", "osta{sv}", (whose, name, 0, {})))
        at = DBusAddress(_SESSION, interface="org.freedesktop.portal.Session")
        bus.send(new_signal(at, "Closed", "", ()))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
