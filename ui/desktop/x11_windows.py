"""What the X server knows about windows: those of other programs, and whether there is a compositor."""

from __future__ import annotations

import os
from typing import Any

from PySide6.QtGui import QGuiApplication


def list_windows() -> list[tuple[int, str]]:
    """The number and title of every visible window of other programs, the topmost first; empty without X11."""
    if QGuiApplication.platformName() != "xcb":
        return []
    from Xlib import display, error

    connection = display.Display()
    try:
        root = connection.screen().root
        stacking = root.get_full_property(connection.intern_atom("_NET_CLIENT_LIST_STACKING"), 0)
        # Without a window manager that reports them: the children of the root window.
        numbers = list(stacking.value) if stacking else [window.id for window in root.query_tree().children]
        windows = []
        for number in reversed(numbers):
            try:
                title = _window_title(connection, connection.create_resource_object("window", number))
            except error.XError:  # closed in the meantime
                continue
            if title:
                windows.append((number, title))
        return windows
    finally:
        connection.close()


def has_compositor() -> bool:
    """Whether a window with an opacity of 0 shows what is behind it; on X11 this takes a compositor."""
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
    """The title of a window; "" if it is not visible or belongs to this process."""
    from Xlib import X

    owner = window.get_full_property(connection.intern_atom("_NET_WM_PID"), X.AnyPropertyType)
    if window.get_attributes().map_state != X.IsViewable or (owner and owner.value[0] == os.getpid()):
        return ""
    name = window.get_full_property(connection.intern_atom("_NET_WM_NAME"), X.AnyPropertyType)
    title = name.value if name else window.get_wm_name()
    return title.decode("utf-8", "replace") if isinstance(title, bytes) else str(title or "")
