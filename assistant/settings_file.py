"""The settings on disk: TOML that a person may have written, with any editor. Knows nothing of what they mean."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

from assistant.errors import BadInput, first_line
from assistant.files import open_regular
from assistant.settings import Folders, Settings, checked, table
from assistant.words.tongue import mark, tr

_FILE = "settings.toml"
_MAX_BYTES = 1024**2
_LONG_NUMBER = re.compile(r"[0-9_]{4000,}")  # Python refuses such with an error that costs the whole file
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_DEEP_KEY = re.compile(rf"(?<![\w-])((?:{_PART}\.[ \t]*+){{32}}){_PART}(?:\.[ \t]*+{_PART})*+")  # read in minutes
_ESCAPE = r'\\(?:[btnfr"\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})'
_TEXT = re.compile(rf'"(?:[^"\\\n]|{_ESCAPE})*+(\\?)"?')  # and the wrong escape in it, such as "C:\Users"


def load(folders: Folders) -> Settings:
    """The settings on disk; `notes` says what is wrong with them. A wrong value takes its default; a file that is no
    TOML is kept aside, and the defaults are used."""
    path = folders.config / _FILE
    try:
        if not os.path.lexists(path) or (path.is_file() and path.stat().st_size == 0):
            return Settings()
        with open_regular(path, "settings", mark("settings file")) as file:
            data = file.read(_MAX_BYTES + 1)
    except (BadInput, OSError) as error:
        return Settings(notes=(_cannot_be_read(error),))
    try:
        return checked(_parse(data))
    except (ValueError, RecursionError) as error:
        return Settings(notes=(_set_aside(path, error, _hint(data)),))


def save(settings: Settings, folders: Folders) -> str:
    """Writes what differs from the file's values, keeping its comments; returns why it cannot, or ""."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = folders.config / _FILE
    try:
        text = path.read_text("utf-8-sig") if path.is_file() else ""
        document, before = tomlkit.parse(_legible(text)), table(checked(_parse(text.encode())))
        for name, values in table(settings).items():
            for key, value in values.items():
                if value != before[name][key]:  # what the file has and cannot be stays, until it is set here
                    if not isinstance(document.get(name), dict):
                        document.pop(name, None)
                        document[name] = tomlkit.table()  # at the end: what stands behind it would belong to it
                    document[name][key] = value
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(tomlkit.dumps(document), "utf-8")
        part.replace(path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, TOMLKitError) as error:
        return tr("The settings cannot be kept: {why}.").format(why=first_line(error))
    return ""


def written(settings: Settings) -> str:
    """All settings as a file has them."""
    import tomlkit

    return tomlkit.dumps(table(settings))


def _parse(data: bytes) -> dict[str, Any]:
    """Raises `ValueError` and `RecursionError` for what is no TOML."""
    import tomllib

    if len(data) > _MAX_BYTES:
        raise ValueError(tr("it is too large"))
    return tomllib.loads(_legible(data.decode("utf-8-sig")))


def _legible(text: str) -> str:
    """With numbers and keys that are still far too long, and can be read."""
    return _DEEP_KEY.sub(r"\1x", _LONG_NUMBER.sub("9" * 400, text))


def _hint(data: bytes) -> str:
    """What a person may do about a file that is no TOML, as far as it can be seen."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return tr("Save it as UTF-8 in your editor.")
    if any(match[1] for match in _TEXT.finditer(text)):
        return tr("Put names with a backslash in single quotes, such as 'C:\\models', or write each backslash twice.")
    return ""


def _set_aside(path: Path, error: Exception, hint: str) -> str:
    aside = path.with_name("settings.broken.toml")
    while os.path.lexists(aside):  # never over one that was kept before
        aside = aside.with_name(f"settings.broken-{time.time_ns()}.toml")
    try:
        path.replace(aside)
    except OSError:
        return f"{_cannot_be_read(error)} {hint}".strip()
    told = tr("The settings file was broken ({reason}); it was kept as {aside}, and the defaults are used.")
    return f"{told.format(reason=first_line(error), aside=aside)} {hint}".strip()


def _cannot_be_read(error: Exception) -> str:
    return tr("The settings file cannot be read ({why}); the defaults are used.").format(why=first_line(error))
