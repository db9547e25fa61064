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
            call = bus.receive()
            if call.header.message_type == MessageType.method_call:
                answer(bus, call, picture)


def answer(bus: Any, call: Any, picture: str) -> None:
    """Answer a call as the real portal does: first with the request's name, later with its result."""
    method, options = call.header.fields[HeaderFields.member], call.body[-1]
    if method == "Register":
        bus.send(new_error(call, "org.freedesktop.DBus.Error.UnknownMethod"))
        return
    sender = call.header.fields[HeaderFields.sender].lstrip(":").replace(".", "_")
    handle = f"/org/freedesktop/portal/desktop/request/{sender}/{options['handle_token'][1]}"
    bus.send(new_method_return(call, "o", (handle,)))
    results: dict[str, Any] = {}
    if picture and method == "Screenshot":
        copy = Path(picture).with_name(f"a shot {options['interactive'][1]}.png")
        shutil.copy(picture, copy)
        results["uri"] = ("s", copy.as_uri())
    elif picture and method == "CreateSession":
        results["session_handle"] = ("s", _SESSION)
    elif picture:
        keys = [
            (name, {"trigger_description": ("s", properties["preferred_trigger"][1])})
            for name, properties in call.body[1]
        ]
        results["shortcuts"] = ("a(sa{sv})", keys)
    at = DBusAddress(handle, interface="org.freedesktop.portal.Request")
    bus.send(new_signal(at, "Response", "ua{sv}", (0 if picture else 1, results)))
    if picture and method == "BindShortcuts":
        time.sleep(0.5)
        at = DBusAddress("/org/freedesktop/portal/desktop", interface="org.freedesktop.portal.GlobalShortcuts")
        for whose, name in (("/other", "talk"), (_SESSION, "unknown"), (_SESSION, "talk"), (_SESSION, "describe")):
            bus.send(new_signal(at, "Activated", "osta{sv}", (whose, name, 0, {})))
        at = DBusAddress(_SESSION, interface="org.freedesktop.portal.Session")
        bus.send(new_signal(at, "Closed", "", ()))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
