"""Reads and writes the settings file: TOML that a person may have edited by hand, with any editor."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

from assistant.errors import InvalidInputError, first_line
from assistant.paths import AppPaths
from assistant.safe_open import open_regular_file
from assistant.settings import Settings, from_table, to_table
from assistant.text.i18n import tr, tr_noop

_FILE_NAME = "settings.toml"
_MAX_FILE_BYTES = 1024**2
_OVERLONG_NUMBER = re.compile(r"[0-9_]{4000,}")  # Python refuses to convert it, and the parser gives up the whole file
_KEY_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_DEEPLY_DOTTED_KEY = re.compile(
    rf"(?<![\w-])((?:{_KEY_PART}\.[ \t]*+){{32}}){_KEY_PART}(?:\.[ \t]*+{_KEY_PART})*+"
)  # a key of more than 32 parts, for which the parser takes minutes
_ESCAPE = r'\\(?:[btnfr"\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})'
_BASIC_STRING = re.compile(rf'"(?:[^"\\\n]|{_ESCAPE})*+(\\?)"?')  # group 1: the start of an invalid escape: "C:\Users"


def load_settings(paths: AppPaths) -> Settings:
    """The settings on disk; their `notes` say what was wrong with the file.

    An invalid value is replaced by its default. A file that is not TOML is renamed to `settings.broken.toml`, and the
    defaults are used."""
    path = paths.config / _FILE_NAME
    try:
        if not os.path.lexists(path) or (path.is_file() and path.stat().st_size == 0):
            return Settings()
        with open_regular_file(path, "settings", tr_noop("settings file")) as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except (InvalidInputError, OSError) as error:
        return Settings(notes=(_unreadable_note(error),))
    try:
        return from_table(_parse_toml(data))
    except (ValueError, RecursionError) as error:
        return Settings(notes=(_set_aside(path, error, _repair_hint(data)),))


def save_settings(settings: Settings, paths: AppPaths) -> str | None:
    """Writes the values that differ from those in the file, whose comments and order stay.

    Returns None when it was saved, or else the reason why not, in a sentence for the user."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = paths.config / _FILE_NAME
    try:
        text = path.read_text("utf-8-sig") if path.is_file() else ""
        document, file_table = tomlkit.parse(_shorten_tokens(text)), to_table(from_table(_parse_toml(text.encode())))
        for name, values in to_table(settings).items():
            for key, value in values.items():
                if value != file_table[name][key]:  # an invalid value stays in the file until the user sets another
                    if not isinstance(document.get(name), dict):
                        document.pop(name, None)
                        document[name] = tomlkit.table()  # at the end: the keys behind it would belong to this section
                    document[name][key] = value
        path.parent.mkdir(parents=True, exist_ok=True)
        part_path = path.with_suffix(".part")
        part_path.write_text(tomlkit.dumps(document), "utf-8")
        part_path.replace(path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, TOMLKitError) as error:
        return tr("The settings cannot be kept: {why}.").format(why=first_line(error))
    return None


def format_settings(settings: Settings) -> str:
    """All settings as the text of a settings file."""
    import tomlkit

    return tomlkit.dumps(to_table(settings))


def _parse_toml(data: bytes) -> dict[str, Any]:
    """The tables of a TOML file. Raises `ValueError` or `RecursionError` for data that is not TOML, or too large."""
    import tomllib

    if len(data) > _MAX_FILE_BYTES:
        raise ValueError(tr("it is too large"))
    return tomllib.loads(_shorten_tokens(data.decode("utf-8-sig")))


def _shorten_tokens(text: str) -> str:
    """Cuts absurdly long numbers and keys down to a length that is still invalid, but that the parser can read."""
    return _DEEPLY_DOTTED_KEY.sub(r"\1x", _OVERLONG_NUMBER.sub("9" * 400, text))


def _repair_hint(data: bytes) -> str:
    """What the user can do about a file that is not TOML; "" where the cause cannot be seen."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return tr("Save it as UTF-8 in your editor.")
    if any(match[1] for match in _BASIC_STRING.finditer(text)):
        return tr("Put names with a backslash in single quotes, such as 'C:\\models', or write each backslash twice.")
    return ""


def _set_aside(path: Path, error: Exception, hint: str) -> str:
    """Renames a broken settings file; returns the note for the user."""
    aside_path = path.with_name("settings.broken.toml")
    while os.path.lexists(aside_path):  # never overwrite an earlier one
        aside_path = aside_path.with_name(f"settings.broken-{time.time_ns()}.toml")
    try:
        path.replace(aside_path)
    except OSError:
        return f"{_unreadable_note(error)} {hint}".strip()
    message = tr("The settings file was broken ({reason}); it was kept as {aside}, and the defaults are used.")
    return f"{message.format(reason=first_line(error), aside=aside_path)} {hint}".strip()


def _unreadable_note(error: Exception) -> str:
    return tr("The settings file cannot be read ({why}); the defaults are used.").format(why=first_line(error))
