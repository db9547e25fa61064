"""The screen by way of the desktop's portal, where programs may not look themselves (Wayland). Knows no windows.

org.freedesktop.portal.Screenshot, version 1: the desktop asks the user, and gives the picture as a file."""

from __future__ import annotations

import contextlib
import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from PySide6.QtCore import QObject, Signal

from assistant.text.i18n import tr
from ui.desktop.screen_capture import FORBIDDEN

if TYPE_CHECKING:
    from jeepney.io.blocking import DBusConnection

NAME, PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
_PATIENCE = 600.0  # seconds: the user may have to choose
FAULTS = (OSError, KeyError, ValueError, TypeError, RuntimeError)  # of a bus that is none, or answers strangely
_LARGEST = 200 * 1024 * 1024


class PortalScreenshot(QObject):
    """`taken` gives the picture as it lies in the file, or nothing and why. `chosen`: the user picks a part or a
    window in the desktop's own dialog."""

    screenshot_taken = Signal(bytes, str)

    def __init__(self, parent: QObject, interactive: bool) -> None:
        super().__init__(parent)
        self._interactive = interactive
        self.screenshot_taken.connect(self.deleteLater)

    def start(self) -> None:
        """Asks; `taken` comes later."""
        threading.Thread(target=self._run_request, name="hark portal", daemon=True).start()

    def _run_request(self) -> None:
        from jeepney import DBusErrorResponse
        from jeepney.auth import AuthenticationError

        data, why_not = b"", tr(FORBIDDEN)
        try:
            data = _request_screenshot(self._interactive)
            why_not = "" if data else tr("Nothing was captured.")
        except TimeoutError:
            why_not = tr("Nothing was captured.")
        except (*FAULTS, DBusErrorResponse, AuthenticationError):
            pass
        finally:  # whatever went wrong: the window waits for it
            self.screenshot_taken.emit(data, why_not)


def _request_screenshot(chosen: bool) -> bytes:
    """The file's bytes; nothing where the user refused. Raises what goes wrong on the bus."""
    from jeepney.io.blocking import open_dbus_connection

    with open_dbus_connection(bus="SESSION") as bus:
        results = call_portal(bus, "Screenshot", "Screenshot", "sa{sv}", ("",), {"interactive": ("b", chosen)})
    if results is None:
        return b""
    file = Path(unquote(urlsplit(results["uri"][1]).path))
    if file.stat().st_size > _LARGEST:
        raise ValueError
    data = file.read_bytes()
    with contextlib.suppress(OSError):
        file.unlink()  # it was made for us, and shows what is on the screen
    return data


def call_portal(
    bus: DBusConnection, interface: str, method: str, signature: str, given: tuple[Any, ...], options: dict[str, Any]
) -> dict[str, Any] | None:
    """Has the portal do something, which answers when the user has: its results, or None where the user refused.

    Raises `TimeoutError`, and what goes wrong on the bus; `OSError` where the desktop itself could not."""
    from jeepney import DBusAddress, MatchRule, message_bus, new_method_call
    from jeepney.io.blocking import Proxy
    from jeepney.wrappers import unwrap_msg

    token, sender = "hark" + secrets.token_hex(8), bus.unique_name.lstrip(":").replace(".", "_")
    handle = f"{PATH}/request/{sender}/{token}"
    rule = MatchRule(type="signal", interface="org.freedesktop.portal.Request", member="Response", path=handle)
    Proxy(message_bus, bus).AddMatch(rule)
    portal = DBusAddress(PATH, bus_name=NAME, interface=f"org.freedesktop.portal.{interface}")
    body = (*given, {"handle_token": ("s", token), **options})
    with bus.filter(rule) as answers:
        unwrap_msg(bus.send_and_get_reply(new_method_call(portal, method, signature, body)))
        refused, results = bus.recv_until_filtered(answers, timeout=_PATIENCE).body
    if refused > 1:
        raise OSError("the desktop could not")
    return None if refused else dict(results)
