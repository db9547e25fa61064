"""Captures the screen through the desktop's portal, where programs may not capture it themselves (Wayland).

org.freedesktop.portal.Screenshot, version 1: the desktop asks the user and hands the picture over as a file."""

from __future__ import annotations

import contextlib
import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from PySide6.QtCore import QObject, Signal

from assistant.text.i18n import tr
from ui.desktop.screen_capture import CAPTURE_FORBIDDEN_TEXT

if TYPE_CHECKING:
    from jeepney.io.blocking import DBusConnection

PORTAL_NAME, PORTAL_PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
_RESPONSE_TIMEOUT_S = 600.0  # the user may have to answer a question
# What the D-Bus library raises where there is no bus, or where its answers are unexpected.
BUS_ERRORS = (OSError, KeyError, ValueError, TypeError, RuntimeError)
_MAX_FILE_BYTES = 200 * 1024 * 1024


class PortalScreenshot(QObject):
    """One capture through the portal. `interactive`: the user picks a part or a window in the desktop's own dialog.

    `screenshot_taken` carries the encoded picture and "", or no bytes and a sentence on why there is none."""

    screenshot_taken = Signal(bytes, str)

    def __init__(self, parent: QObject, interactive: bool) -> None:
        super().__init__(parent)
        self._interactive = interactive
        self.screenshot_taken.connect(self.deleteLater)

    def start(self) -> None:
        """Asks the portal in a thread; `screenshot_taken` follows."""
        threading.Thread(target=self._run_request, name="hark portal", daemon=True).start()

    def _run_request(self) -> None:
        from jeepney import DBusErrorResponse
        from jeepney.auth import AuthenticationError

        data, reason = b"", tr(CAPTURE_FORBIDDEN_TEXT)
        try:
            data = _request_screenshot(self._interactive)
            reason = "" if data else tr("Nothing was captured.")
        except TimeoutError:
            reason = tr("Nothing was captured.")
        except (*BUS_ERRORS, DBusErrorResponse, AuthenticationError):
            pass
        finally:  # whatever went wrong: the window is waiting
            self.screenshot_taken.emit(data, reason)


def _request_screenshot(interactive: bool) -> bytes:
    """The encoded picture; no bytes if the user refused. Raises `BUS_ERRORS` and those of the D-Bus library."""
    from jeepney.io.blocking import open_dbus_connection

    with open_dbus_connection(bus="SESSION") as bus:
        results = call_portal(bus, "Screenshot", "Screenshot", "sa{sv}", ("",), {"interactive": ("b", interactive)})
    if results is None:
        return b""
    file = Path(unquote(urlsplit(results["uri"][1]).path))
    if file.stat().st_size > _MAX_FILE_BYTES:
        raise ValueError
    data = file.read_bytes()
    with contextlib.suppress(OSError):
        file.unlink()  # made for us alone; it shows the user's screen
    return data


def call_portal(
    bus: DBusConnection,
    interface: str,
    method: str,
    signature: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
) -> dict[str, Any] | None:
    """Calls a method of the portal and waits until the user has answered; the results, None if the user refused.

    Raises `TimeoutError` if nobody answers, `OSError` if the desktop failed, and the errors of the D-Bus library."""
    from jeepney import DBusAddress, MatchRule, message_bus, new_method_call
    from jeepney.io.blocking import Proxy
    from jeepney.wrappers import unwrap_msg

    token, sender = "hark" + secrets.token_hex(8), bus.unique_name.lstrip(":").replace(".", "_")
    handle = f"{PORTAL_PATH}/request/{sender}/{token}"
    rule = MatchRule(type="signal", interface="org.freedesktop.portal.Request", member="Response", path=handle)
    Proxy(message_bus, bus).AddMatch(rule)
    portal = DBusAddress(PORTAL_PATH, bus_name=PORTAL_NAME, interface=f"org.freedesktop.portal.{interface}")
    body = (*arguments, {"handle_token": ("s", token), **options})
    with bus.filter(rule) as responses:
        unwrap_msg(bus.send_and_get_reply(new_method_call(portal, method, signature, body)))
        response, results = bus.recv_until_filtered(responses, timeout=_RESPONSE_TIMEOUT_S).body
    if response > 1:  # 0: success, 1: the user refused
        raise OSError("the desktop could not")
    return None if response else dict(results)
