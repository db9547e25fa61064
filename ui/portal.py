"""The screen by way of the desktop's portal, where programs may not look themselves (Wayland). Knows no windows.

org.freedesktop.portal.Screenshot, version 1: the desktop asks the user, and gives the picture as a file."""

from __future__ import annotations

import contextlib
import secrets
import threading
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from PySide6.QtCore import QObject, Signal

from assistant.words.tongue import tr
from ui.capture import FORBIDDEN

_NAME, _PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
_PATIENCE = 120.0  # seconds: the user may have to choose
_LARGEST = 200 * 1024 * 1024


class Screenshot(QObject):
    """`taken` gives the picture as it lies in the file, or nothing and why. `chosen`: the user picks a part or a
    window in the desktop's own dialog."""

    taken = Signal(bytes, str)

    def __init__(self, parent: QObject, chosen: bool) -> None:
        super().__init__(parent)
        self._chosen = chosen
        self.taken.connect(self.deleteLater)

    def start(self) -> None:
        """Asks; `taken` comes later."""
        threading.Thread(target=self._run, name="hark portal", daemon=True).start()

    def _run(self) -> None:
        from jeepney import DBusErrorResponse
        from jeepney.auth import AuthenticationError

        try:
            data = _asked(self._chosen)
            self.taken.emit(data, "" if data else tr("Nothing was captured."))
        except TimeoutError:
            self.taken.emit(b"", tr("Nothing was captured."))
        except (OSError, KeyError, ValueError, DBusErrorResponse, AuthenticationError):
            self.taken.emit(b"", tr(FORBIDDEN))


def _asked(chosen: bool) -> bytes:
    """The file's bytes; nothing where the user refused. Raises what goes wrong on the bus."""
    from jeepney import DBusAddress, MatchRule, message_bus, new_method_call
    from jeepney.io.blocking import Proxy, open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    token = "hark" + secrets.token_hex(8)
    with open_dbus_connection(bus="SESSION") as bus:
        sender = bus.unique_name.lstrip(":").replace(".", "_")
        handle = f"{_PATH}/request/{sender}/{token}"
        rule = MatchRule(type="signal", interface="org.freedesktop.portal.Request", member="Response", path=handle)
        Proxy(message_bus, bus).AddMatch(rule)
        portal = DBusAddress(_PATH, bus_name=_NAME, interface="org.freedesktop.portal.Screenshot")
        options: dict[str, Any] = {"handle_token": ("s", token), "interactive": ("b", chosen)}
        with bus.filter(rule) as answers:
            unwrap_msg(bus.send_and_get_reply(new_method_call(portal, "Screenshot", "sa{sv}", ("", options))))
            refused, results = bus.recv_until_filtered(answers, timeout=_PATIENCE).body
    if refused:
        return b""
    file = Path(unquote(urlsplit(results["uri"][1]).path))
    if file.stat().st_size > _LARGEST:
        raise ValueError
    data = file.read_bytes()
    with contextlib.suppress(OSError):
        file.unlink()  # it was made for us, and shows what is on the screen
    return data
