"""What the desktop shows in passing, on Linux, where it has no tray. Knows no windows, and imports nothing of Qt.

`python -m ui.desktop.notification NUMBER TEXT` in a process of its own, so that the window need not hold what a bus
takes; prints the
notice's number. org.freedesktop.Notifications, version 1.2: it comes in the place of the one with the number given."""

from __future__ import annotations

import sys

_PATIENCE = 5.0  # seconds for a desktop to show it
_NAME, _PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"


def show_notification(number: int, text: str) -> int:
    """The number of the notice that the desktop shows now; the text is never markup. Raises what goes wrong on the
    bus."""
    from html import escape

    from jeepney import DBusAddress, new_method_call
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    desktop = DBusAddress(_PATH, bus_name=_NAME, interface=_NAME)
    with open_dbus_connection(bus="SESSION") as bus:
        (able,) = unwrap_msg(bus.send_and_get_reply(new_method_call(desktop, "GetCapabilities"), timeout=_PATIENCE))
        if "body-markup" in able:
            text = escape(text, quote=False)
        # By its entry the desktop knows which program to show when the notice is clicked.
        body: tuple[object, ...] = ("Hark", number, "hark", "Hark", text, [], {"desktop-entry": ("s", "hark")}, -1)
        call = new_method_call(desktop, "Notify", "susssasa{sv}i", body)
        (shown,) = unwrap_msg(bus.send_and_get_reply(call, timeout=_PATIENCE))
    return int(shown)


if __name__ == "__main__":
    print(show_notification(int(sys.argv[1]), sys.argv[2]))
