"""Keys everywhere on the desktop by way of its portal, where programs may not take them (Wayland). Knows no windows.

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

_LOOK = 0.5  # seconds between looks whether the keys are still wanted
_INTERFACE = "GlobalShortcuts"


class PortalShortcuts(QObject):
    """`keys`: letters and what they do. `pressed` gives what a key does; `told` what the user should know, and whether
    the keys are Hark's now."""

    hotkey_pressed, registration_reported = Signal(str), Signal(str, bool)

    def __init__(self, parent: QObject, keys: Mapping[str, str]) -> None:
        super().__init__(parent)
        self._keys = keys
        self._over = threading.Event()

    def register(self) -> None:
        """Asks the desktop; what comes of it is `told` later."""
        threading.Thread(target=self._run_portal, name="hark keys", daemon=True).start()

    def unregister(self) -> None:
        """The desktop takes them back when the connection ends."""
        self._over.set()

    def _run_portal(self) -> None:
        from jeepney import DBusErrorResponse
        from jeepney.auth import AuthenticationError
        from jeepney.io.blocking import open_dbus_connection

        try:
            with open_dbus_connection(bus="SESSION") as bus:
                self._watch_signals(bus)
        except TimeoutError:
            self._report(tr("The desktop's question about the keys was not answered."), False)
        except (*portal_screenshot.FAULTS, DBusErrorResponse, AuthenticationError):
            self._report(unavailable_text(), False)

    def _watch_signals(self, bus: DBusConnection) -> None:
        """Takes the keys and tells of every one that is pressed, until they are let go."""
        _register_app(bus)
        options: dict[str, Any] = {"session_handle_token": ("s", "hark" + secrets.token_hex(8))}
        made = portal_screenshot.call_portal(bus, _INTERFACE, "CreateSession", "a{sv}", (), options)
        session = str(made["session_handle"][1]) if made else ""
        got = self._bind_shortcuts(bus, session) if session else None
        if got is None:
            return self._report(tr("The desktop was not allowed to give the keys to Hark: they are off."), False)
        usual = tr("The desktop's keyboard settings tell which keys work everywhere, and change them.")
        self._report(tr("Everywhere: {keys}.").format(keys=got) if got else usual, True)
        with contextlib.suppress(*portal_screenshot.FAULTS):  # the bus ends with the desktop
            for whose, deed, *_ in _read_presses(bus, session, self._over):
                if whose == session and deed in self._keys.values():
                    self.hotkey_pressed.emit(deed)
        self._report(tr("The desktop has taken its keys back; Hark asks for them again when it starts."), True)

    def _bind_shortcuts(self, bus: DBusConnection, session: str) -> str | None:
        """Which keys the desktop gave, in words, as far as it tells; None where the user refused."""
        says = {"talk": tr("Talk"), "stop": tr("Stop"), "describe": tr("Describe what is on my screen")}
        wanted = [
            (deed, {"description": ("s", says[deed]), "preferred_trigger": ("s", f"CTRL+ALT+{key}")})
            for key, deed in self._keys.items()
        ]
        bound = portal_screenshot.call_portal(
            bus, _INTERFACE, "BindShortcuts", "oa(sa{sv})sa{sv}", (session, wanted, ""), {}
        )
        if bound is None:
            return None
        got = [(deed, facts.get("trigger_description", ("s", ""))[1]) for deed, facts in bound["shortcuts"][1]]
        return ", ".join(f"{says[deed]}: {key}" for deed, key in got if key and deed in says)

    def _report(self, text: str, taken: bool) -> None:
        if not self._over.is_set():
            self.registration_reported.emit(text, taken)


def _read_presses(bus: DBusConnection, session: str, over: threading.Event) -> Iterator[tuple[Any, ...]]:
    """The body of every "Activated", until it is `over`, or the desktop ends the session, or itself."""
    from jeepney import HeaderFields, MatchRule, message_bus
    from jeepney.io.blocking import Proxy

    gone = MatchRule(type="signal", interface="org.freedesktop.DBus", member="NameOwnerChanged")
    gone.add_arg_condition(0, portal_screenshot.NAME)
    rules = (
        MatchRule(
            type="signal",
            interface=f"org.freedesktop.portal.{_INTERFACE}",
            member="Activated",
            path=portal_screenshot.PATH,
        ),
        MatchRule(type="signal", interface="org.freedesktop.portal.Session", member="Closed", path=session),
        gone,
    )
    happened: deque[Any] = deque()
    with contextlib.ExitStack() as filters:
        for rule in rules:
            Proxy(message_bus, bus).AddMatch(rule)
            filters.enter_context(bus.filter(rule, queue=happened))
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                message = bus.recv_until_filtered(happened, timeout=_LOOK)
                if message.header.fields[HeaderFields.member] != "Activated":
                    return
                yield message.body


def unavailable_text() -> str:
    """What is said where no program may take keys."""
    return tr(
        "This desktop lets no program take keys for itself. In its own keyboard settings, bind "
        "hark-window --talk, hark-window --stop and hark-window --describe."
    )


def _register_app(bus: DBusConnection) -> None:
    """Desktops know a program by its entry in their menu; older portals cannot be told, and guess."""
    from jeepney import DBusAddress, DBusErrorResponse, new_method_call
    from jeepney.wrappers import unwrap_msg

    registry = DBusAddress(
        portal_screenshot.PATH, bus_name=portal_screenshot.NAME, interface="org.freedesktop.host.portal.Registry"
    )
    with contextlib.suppress(DBusErrorResponse):
        unwrap_msg(bus.send_and_get_reply(new_method_call(registry, "Register", "sa{sv}", ("hark", {}))))
