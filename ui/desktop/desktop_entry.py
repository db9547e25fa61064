"""Installs Hark into the menu and the autostart of a Linux desktop (freedesktop.org: Desktop Entry, Autostart)."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from assistant.errors import NotAvailableError
from assistant.text.i18n import tr, tr_noop

_ENTRY = """[Desktop Entry]
Type=Application
Name=Hark
Comment=Listens, looks and answers aloud, on this computer
Comment[zh_CN]=能听、能看、会说话，一切都在这台电脑上
Exec={program}{hidden}
Icon=hark
Categories=Utility;Accessibility;
StartupNotify=true
Actions=Talk;Stop;Describe;

[Desktop Action Talk]
Name=Talk
Name[zh_CN]=说话
Exec={program} --talk

[Desktop Action Stop]
Name=Stop speaking
Name[zh_CN]=停止说话
Exec={program} --stop

[Desktop Action Describe]
Name=Describe what is on my screen
Name[zh_CN]=描述屏幕上的内容
Exec={program} --describe
"""
_LINUX_ONLY_TEXT = tr_noop("Only Linux desktops are set up so; elsewhere the system's own settings do it.")


def desktop_entry(program: str, hidden: str = "") -> str:
    """The desktop entry that starts `program`; `hidden` is appended to the command that shows the window."""
    return _ENTRY.format(program=program, hidden=hidden)


def install_entry(png: bytes) -> str:
    """Puts Hark into the menu, with an icon of 256 x 256 pixels; returns a sentence on what was done or went wrong."""
    if sys.platform != "linux":
        return tr(_LINUX_ONLY_TEXT)
    data_folder = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    try:
        _write_file(data_folder / "icons" / "hicolor" / "256x256" / "apps" / "hark.png", png)
        _write_file(data_folder / "applications" / "hark.desktop", desktop_entry(_program_command()).encode())
    except OSError as error:
        return tr("Hark could not be put into the menu: {why}.").format(why=error)
    return tr(
        "Hark is in the desktop's menu; its keys can be bound to “{program} --talk”, “--stop” and “--describe”."
    ).format(program=_program_command())


def install_with_icon() -> str:
    """Puts Hark into the menu with its own icon; see `install_entry`."""
    from ui.desktop.screen_capture import encode_png
    from ui.desktop.tray_icon import app_icon

    return install_entry(encode_png(app_icon().pixmap(256, 256)))


def set_autostart(enabled: bool) -> None:
    """Has Hark start with the desktop, or no longer. Raises `NotAvailableError` where that cannot be changed."""
    if sys.platform != "linux":
        raise NotAvailableError("desktop", tr(_LINUX_ONLY_TEXT), "")
    config_folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    entry = config_folder / "autostart" / "hark.desktop"
    try:
        if enabled:
            _write_file(entry, desktop_entry(_program_command(), hidden=" --away").encode())
        else:
            entry.unlink(missing_ok=True)
    except OSError as error:
        message = tr("The desktop's start could not be changed: {why}.").format(why=error)
        raise NotAvailableError("desktop", message, "") from error


def _program_command() -> str:
    """The command that starts the window: the script of this installation, else the module."""
    script = shutil.which("hark-window", path=str(Path(sys.executable).parent)) or shutil.which("hark-window")
    return script or f"{sys.executable} -m ui"


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
