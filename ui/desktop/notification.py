"""Shows a desktop notification on Linux, for desktops without a tray (org.freedesktop.Notifications 1.2).

Run as `python -m ui.desktop.notification NUMBER TEXT`, in a process of its own, so that the D-Bus library is not loaded
into the window. It replaces the notification with that number and prints the number of the new one."""

from __future__ import annotations

import sys

_REPLY_TIMEOUT_S = 5.0
_NAME, _PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"


def show_notification(number: int, text: str) -> int:
    """Shows a text, which is never interpreted as markup, and returns the number of the notification.

    `number` is the one that it replaces, 0 for none. Raises the errors of the D-Bus library."""
    from html import escape

    from jeepney import DBusAddress, new_method_call
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    desktop = DBusAddress(_PATH, bus_name=_NAME, interface=_NAME)
    with open_dbus_connection(bus="SESSION") as bus:
        (capabilities,) = unwrap_msg(
            bus.send_and_get_reply(new_method_call(desktop, "GetCapabilities"), timeout=_REPLY_TIMEOUT_S)
        )
        if "body-markup" in capabilities:
            text = escape(text, quote=False)
        # The desktop entry names the program to show when the notification is clicked.
        body: tuple[object, ...] = ("Hark", number, "hark", "Hark", text, [], {"desktop-entry": ("s", "hark")}, -1)
        call = new_method_call(desktop, "Notify", "susssasa{sv}i", body)
        (shown_number,) = unwrap_msg(bus.send_and_get_reply(call, timeout=_REPLY_TIMEOUT_S))
    return int(shown_number)


if __name__ == "__main__":
    print(show_notification(int(sys.argv[1]), sys.argv[2]))
