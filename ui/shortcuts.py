"""Keys everywhere on the desktop by way of its portal, where programs may not take them (Wayland). Knows no windows.

org.freedesktop.portal.GlobalShortcuts, version 1: the desktop asks the user, who may choose other keys."""

from __future__ import annotations

import contextlib
import secrets
import threading
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from assistant.words.tongue import tr
from ui import portal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jeepney.io.blocking import DBusConnection

_LOOK = 0.5  # seconds between looks whether the keys are still wanted
_INTERFACE = "GlobalShortcuts"


class Shortcuts(QObject):
    """`keys`: letters and what they do. `pressed` gives what a key does; `told` what the user should know."""

    pressed, told = Signal(str), Signal(str)

    def __init__(self, parent: QObject, keys: Mapping[str, str]) -> None:
        super().__init__(parent)
        self._keys = keys
        self._over = threading.Event()

    def take(self) -> None:
        """Asks the desktop; what comes of it is `told` later."""
        threading.Thread(target=self._run, name="hark keys", daemon=True).start()

    def let_go(self) -> None:
        """The desktop takes them back when the connection ends."""
        self._over.set()

    def _run(self) -> None:
        from jeepney import DBusErrorResponse
        from jeepney.auth import AuthenticationError
        from jeepney.io.blocking import open_dbus_connection

        try:
            with open_dbus_connection(bus="SESSION") as bus:
                self._mind(bus, self._bound(bus))
        except (OSError, KeyError, ValueError, TypeError, DBusErrorResponse, AuthenticationError):
            self._say(forbidden())

    def _bound(self, bus: DBusConnection) -> str:
        """The session in which the keys are Hark's, or "" where the user refused."""
        _introduce(bus)
        options: dict[str, Any] = {"session_handle_token": ("s", "hark" + secrets.token_hex(8))}
        made = portal.ask(bus, _INTERFACE, "CreateSession", "a{sv}", (), options)
        if made is None:
            return ""
        session = str(made["session_handle"][1])
        says = {"talk": tr("Talk"), "stop": tr("Stop"), "describe": tr("Describe what is on my screen")}
        wanted = [
            (deed, {"description": ("s", says[deed]), "preferred_trigger": ("s", f"CTRL+ALT+{key}")})
            for key, deed in self._keys.items()
        ]
        bound = portal.ask(bus, _INTERFACE, "BindShortcuts", "oa(sa{sv})sa{sv}", (session, wanted, ""), {})
        if bound is None:
            return ""
        got = [(deed, facts.get("trigger_description", ("s", ""))[1]) for deed, facts in bound["shortcuts"][1]]
        keys = ", ".join(f"{says[deed]}: {key}" for deed, key in got if key and deed in says)
        usual = tr("The desktop's keyboard settings tell which keys work everywhere, and change them.")
        self._say(tr("Everywhere: {keys}.").format(keys=keys) if keys else usual)
        return session

    def _mind(self, bus: DBusConnection, session: str) -> None:
        """Tells of every key, until they are let go."""
        from jeepney import MatchRule, message_bus
        from jeepney.io.blocking import Proxy

        if not session:
            return self._say(tr("The keys are free again."))
        rule = MatchRule(
            type="signal", interface=f"org.freedesktop.portal.{_INTERFACE}", member="Activated", path=portal.PATH
        )
        Proxy(message_bus, bus).AddMatch(rule)
        with bus.filter(rule) as happened:
            while not self._over.is_set():
                with contextlib.suppress(TimeoutError):
                    whose, deed, *_ = bus.recv_until_filtered(happened, timeout=_LOOK).body
                    if whose == session and deed in self._keys.values() and not self._over.is_set():
                        self.pressed.emit(deed)

    def _say(self, text: str) -> None:
        if not self._over.is_set():
            self.told.emit(text)


def forbidden() -> str:
    """What is said where no program may take keys."""
    return tr(
        "This desktop lets no program take keys for itself. In its own keyboard settings, bind "
        "hark-window --talk, hark-window --stop and hark-window --describe."
    )


def _introduce(bus: DBusConnection) -> None:
    """Desktops know a program by its entry in their menu; older portals cannot be told, and guess."""
    from jeepney import DBusAddress, DBusErrorResponse, new_method_call
    from jeepney.wrappers import unwrap_msg

    registry = DBusAddress(portal.PATH, bus_name=portal.NAME, interface="org.freedesktop.host.portal.Registry")
    with contextlib.suppress(DBusErrorResponse):
        unwrap_msg(bus.send_and_get_reply(new_method_call(registry, "Register", "sa{sv}", ("hark", {}))))
