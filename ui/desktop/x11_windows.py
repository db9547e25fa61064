"""The windows of other programs on X11, for capturing one; what is behind ours. Knows nothing of pictures."""

from __future__ import annotations

import os
from typing import Any

from PySide6.QtGui import QGuiApplication


def list_windows() -> list[tuple[int, str]]:
    """Number and title of each that is seen, the uppermost first; none where this desktop is not X11."""
    if QGuiApplication.platformName() != "xcb":
        return []
    from Xlib import display, error

    connection = display.Display()
    try:
        root = connection.screen().root
        told = root.get_full_property(connection.intern_atom("_NET_CLIENT_LIST_STACKING"), 0)
        # Without a window manager that tells, whatever stands on the root.
        numbers = list(told.value) if told else [one.id for one in root.query_tree().children]
        found = []
        for number in reversed(numbers):
            try:
                title = _window_title(connection, connection.create_resource_object("window", number))
            except error.XError:  # closed meanwhile
                continue
            if title:
                found.append((number, title))
        return found
    finally:
        connection.close()


def has_compositor() -> bool:
    """Whether what is behind a window of ours shows when it is drawn with no opacity: on X11 somebody must compose."""
    if QGuiApplication.platformName() != "xcb":
        return QGuiApplication.platformName() in ("windows", "cocoa")
    from Xlib import X, display, error

    try:
        connection = display.Display()
    except (error.DisplayError, OSError):
        return False
    try:
        atom = connection.intern_atom(f"_NET_WM_CM_S{connection.get_default_screen()}")
        return bool(connection.get_selection_owner(atom) != X.NONE)
    finally:
        connection.close()


def _window_title(connection: Any, window: Any) -> str:
    """Its title; "" where it is not seen, or ours."""
    from Xlib import X

    owner = window.get_full_property(connection.intern_atom("_NET_WM_PID"), X.AnyPropertyType)
    if window.get_attributes().map_state != X.IsViewable or (owner and owner.value[0] == os.getpid()):
        return ""
    named = window.get_full_property(connection.intern_atom("_NET_WM_NAME"), X.AnyPropertyType)
    title = named.value if named else window.get_wm_name()
    return title.decode("utf-8", "replace") if isinstance(title, bytes) else str(title or "")
