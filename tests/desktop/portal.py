"""A desktop's portal, as far as Hark asks it: run by a test, on a bus of its own. Takes what it answers as arguments.

`python -m tests.desktop.portal PICTURE` gives this file; with nothing the user refuses."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from jeepney import DBusAddress, MessageType, message_bus, new_method_return, new_signal
from jeepney.io.blocking import Proxy, open_dbus_connection


def main(picture: str) -> None:
    with open_dbus_connection(bus="SESSION") as bus:
        Proxy(message_bus, bus).RequestName("org.freedesktop.portal.Desktop")
        print("there", flush=True)
        while True:
            asked = bus.receive()
            if asked.header.message_type != MessageType.method_call:
                continue
            token = asked.body[1]["handle_token"][1]
            sender = asked.header.fields[7].lstrip(":").replace(".", "_")
            handle = f"/org/freedesktop/portal/desktop/request/{sender}/{token}"
            bus.send(new_method_return(asked, "o", (handle,)))
            results = {}
            if picture:
                made = Path(picture).with_name(f"a shot {asked.body[1]['interactive'][1]}.png")
                shutil.copy(picture, made)
                results["uri"] = ("s", made.as_uri())
            at = DBusAddress(handle, interface="org.freedesktop.portal.Request")
            bus.send(new_signal(at, "Response", "ua{sv}", (0 if picture else 1, results)))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
