"""Registers global hotkeys through the desktop's portal, where programs may not grab keys themselves (Wayland).

org.freedesktop.portal.GlobalShortcuts, version 1: the desktop asks the user, who may choose other keys."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from assistant.text.i18n import tr
from ui.desktop import portal_screenshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jeepney.io.blocking import DBusConnection

_POLL_INTERVAL_S = 0.5  # how often the thread checks whether the hotkeys are still wanted
_INTERFACE = "GlobalShortcuts"


class PortalShortcuts(QObject):
    """The hotkeys in `commands`, which maps letters to what they do.

    `hotkey_pressed` carries the command of a key; `registration_reported` a sentence for the user, and whether the
    hotkeys are registered now."""

    hotkey_pressed, registration_reported = Signal(str), Signal(str, bool)

    def __init__(self, parent: QObject, commands: Mapping[str, str]) -> None:
        super().__init__(parent)
        self._commands = commands
        self._is_ended = threading.Event()

    def register(self) -> None:
        """Asks the desktop in a thread; `registration_reported` follows."""
        threading.Thread(target=self._run_portal, name="hark keys", daemon=True).start()

    def unregister(self) -> None:
        """Ends the connection to the desktop, which then takes the hotkeys back."""
        self._is_ended.set()

    def _run_portal(self) -> None:
        from jeepney import DBusErrorResponse
        from jeepney.auth import AuthenticationError
        from jeepney.io.blocking import open_dbus_connection

        try:
            with open_dbus_connection(bus="SESSION") as bus:
                self._watch_signals(bus)
        except TimeoutError:
            self._report(tr("The desktop's question about the keys was not answered."), False)
        except (*portal_screenshot.BUS_ERRORS, DBusErrorResponse, AuthenticationError):
            self._report(unavailable_text(), False)

    def _watch_signals(self, bus: DBusConnection) -> None:
        """Registers the hotkeys and reports every press, until they are given back."""
        _register_app(bus)
        options: dict[str, Any] = {"session_handle_token": ("s", "hark" + secrets.token_hex(8))}
        results = portal_screenshot.call_portal(bus, _INTERFACE, "CreateSession", "a{sv}", (), options)
        session = str(results["session_handle"][1]) if results else ""
        keys_text = self._bind_shortcuts(bus, session) if session else None
        if keys_text is None:
            return self._report(tr("The desktop was not allowed to give the keys to Hark: they are off."), False)
        unknown_keys = tr("The desktop's keyboard settings tell which keys work everywhere, and change them.")
        self._report(tr("Everywhere: {keys}.").format(keys=keys_text) if keys_text else unknown_keys, True)
        with contextlib.suppress(*portal_screenshot.BUS_ERRORS):  # the bus ends with the desktop
            for pressed_session, command, *_ in _read_presses(bus, session, self._is_ended):
                if pressed_session == session and command in self._commands.values():
                    self.hotkey_pressed.emit(command)
        self._report(tr("The desktop has taken its keys back; Hark asks for them again when it starts."), True)

    def _bind_shortcuts(self, bus: DBusConnection, session: str) -> str | None:
        """The keys that the desktop has assigned, in words as far as it says; None if the user refused."""
        descriptions = {"talk": tr("Talk"), "stop": tr("Stop"), "describe": tr("Describe what is on my screen")}
        shortcuts = [
            (command, {"description": ("s", descriptions[command]), "preferred_trigger": ("s", f"CTRL+ALT+{key}")})
            for key, command in self._commands.items()
        ]
        results = portal_screenshot.call_portal(
            bus, _INTERFACE, "BindShortcuts", "oa(sa{sv})sa{sv}", (session, shortcuts, ""), {}
        )
        if results is None:
            return None
        bound = [
            (command, properties.get("trigger_description", ("s", ""))[1])
            for command, properties in results["shortcuts"][1]
        ]
        return ", ".join(f"{descriptions[command]}: {key}" for command, key in bound if key and command in descriptions)

    def _report(self, text: str, is_registered: bool) -> None:
        if not self._is_ended.is_set():
            self.registration_reported.emit(text, is_registered)


def _read_presses(bus: DBusConnection, session: str, is_ended: threading.Event) -> Iterator[tuple[Any, ...]]:
    """The body of every "Activated" signal, until `is_ended` is set or the desktop ends the session or itself."""
    from jeepney import HeaderFields, MatchRule, message_bus
    from jeepney.io.blocking import Proxy

    owner_changed = MatchRule(type="signal", interface="org.freedesktop.DBus", member="NameOwnerChanged")
    owner_changed.add_arg_condition(0, portal_screenshot.PORTAL_NAME)
    rules = (
        MatchRule(
            type="signal",
            interface=f"org.freedesktop.portal.{_INTERFACE}",
            member="Activated",
            path=portal_screenshot.PORTAL_PATH,
        ),
        MatchRule(type="signal", interface="org.freedesktop.portal.Session", member="Closed", path=session),
        owner_changed,
    )
    messages: deque[Any] = deque()
    with contextlib.ExitStack() as filters:
        for rule in rules:
            Proxy(message_bus, bus).AddMatch(rule)
            filters.enter_context(bus.filter(rule, queue=messages))
        while not is_ended.is_set():
            with contextlib.suppress(TimeoutError):
                message = bus.recv_until_filtered(messages, timeout=_POLL_INTERVAL_S)
                if message.header.fields[HeaderFields.member] != "Activated":
                    return
                yield message.body


def unavailable_text() -> str:
    """What the user can do on a desktop that lets no program register hotkeys."""
    return tr(
        "This desktop lets no program take keys for itself. In its own keyboard settings, bind "
        "hark-window --talk, hark-window --stop and hark-window --describe."
    )


def _register_app(bus: DBusConnection) -> None:
    """Tells the portal the desktop entry of this program; older portals do not support it and guess."""
    from jeepney import DBusAddress, DBusErrorResponse, new_method_call
    from jeepney.wrappers import unwrap_msg

    registry = DBusAddress(
        portal_screenshot.PORTAL_PATH,
        bus_name=portal_screenshot.PORTAL_NAME,
        interface="org.freedesktop.host.portal.Registry",
    )
    with contextlib.suppress(DBusErrorResponse):
        unwrap_msg(bus.send_and_get_reply(new_method_call(registry, "Register", "sa{sv}", ("hark", {}))))
