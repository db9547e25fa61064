"""Hark in a Linux desktop's menu, and at its start: files where freedesktop.org has them. Knows nothing of widgets."""

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
_ELSEWHERE = tr_noop("Only Linux desktops are set up so; elsewhere the system's own settings do it.")


def desktop_entry(program: str, hidden: str = "") -> str:
    """The menu's entry for a program, with what is added to its start."""
    return _ENTRY.format(program=program, hidden=hidden)


def install_entry(png: bytes) -> str:
    """Puts Hark into the desktop's menu, with `png` of 256 pixels as its icon; returns what was done, in a sentence."""
    if sys.platform != "linux":
        return tr(_ELSEWHERE)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    try:
        _write_file(data / "icons" / "hicolor" / "256x256" / "apps" / "hark.png", png)
        _write_file(data / "applications" / "hark.desktop", desktop_entry(_program_command()).encode())
    except OSError as error:
        return tr("Hark could not be put into the menu: {why}.").format(why=error)
    return tr(
        "Hark is in the desktop's menu; its keys can be bound to “{program} --talk”, “--stop” and “--describe”."
    ).format(program=_program_command())


def install_with_icon() -> str:
    """The same with the icon drawn here."""
    from ui.desktop.screen_capture import encode_png
    from ui.desktop.tray_icon import app_icon

    return install_entry(encode_png(app_icon().pixmap(256, 256)))


def set_autostart(enabled: bool) -> None:
    """Has Hark start with the desktop, or no longer. Raises `NotAvailableError` where that cannot be changed."""
    if sys.platform != "linux":
        raise NotAvailableError("desktop", tr(_ELSEWHERE), "")
    file = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "autostart" / "hark.desktop"
    try:
        if enabled:
            _write_file(file, desktop_entry(_program_command(), hidden=" --away").encode())
        else:
            file.unlink(missing_ok=True)
    except OSError as error:
        message = tr("The desktop's start could not be changed: {why}.").format(why=error)
        raise NotAvailableError("desktop", message, "") from error


def _program_command() -> str:
    found = shutil.which("hark-window", path=str(Path(sys.executable).parent)) or shutil.which("hark-window")
    return found or f"{sys.executable} -m ui"


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
