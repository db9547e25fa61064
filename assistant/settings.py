"""The user's settings: one frozen, checked value, read from TOML. Knows nothing of who uses it."""

from __future__ import annotations

import math
import os
import time
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from assistant.environment import hark_home
from assistant.errors import BadInput, first_line
from assistant.files import open_regular
from assistant.words.tongue import mark, tr


@dataclass(frozen=True)
class Folders:
    """Where Hark keeps its files; `HARK_HOME` puts all of them in one place."""

    config: Path
    data: Path
    logs: Path

    @property
    def temporary(self) -> Path:
        """For files that libraries make while they work; see `environment.keep_temporary_files`."""
        return self.data / "temporary"

    @classmethod
    def find(cls) -> Folders:
        if root := hark_home():
            return cls(root, root, root / "logs")
        import platformdirs

        here = platformdirs.PlatformDirs("hark", appauthor=False)
        return cls(here.user_config_path, here.user_data_path, here.user_log_path)


@dataclass(frozen=True)
class Hear:
    """`language`: a code such as "en", or "" to detect it. `model`: a hub name or folder, for whisper.
    `budget`: gigabytes of the graphics card that it may take; 0 for all that is free."""

    transcriber: str = "sphinx"
    model: str = ""
    language: str = ""
    device: str = "auto"
    budget: float = 0.0


SYSTEM = (
    "Answer in the language of the question. Whoever asks may not see the picture: begin with one sentence that says "
    "the main thing, dangers first, and give details when asked. Copy text in a picture word for word. Say where "
    "things are as on a clock or in a grid of nine. Say when you are not sure."
)


@dataclass(frozen=True)
class Look:
    """`max_memory`: what each device of a `device_map` may take, such as "0=6GiB, cpu=16GiB". `system` and `describe`
    are prompts, the user's to edit. Pixels: 0 leaves the model's own limits. Of a video at most `video_frames` are
    looked at, `video_rate` a second; together they cost as much as one picture. `weights`: on a processor, "int4" is
    fastest, "bfloat16" as exact as the checkpoint, "stored" leaves it as it is. `glance`: asked about a picture that is
    not ready yet, Hark answers from a small view of it, or else waits. `budget`: gigabytes of the graphics card that it
    may take; 0 for all that is free. `describe_dropped`: every picture is described as it comes. `camera`: its number,
    or "" for the first."""

    responder: str = "starter"
    model: str = ""
    device: str = "auto"
    dtype: str = "auto"
    device_map: str = ""
    max_memory: str = ""
    system: str = SYSTEM
    describe: str = mark("Describe this picture.")  # in the user's language, as long as it is this one
    min_pixels: int = 0
    max_pixels: int = 0
    max_new_tokens: int = 512
    video_frames: int = 16
    video_rate: float = 1.0
    weights: str = "int4"
    glance: bool = True
    describe_dropped: bool = False
    camera: str = ""
    budget: float = 0.0


SLOWEST, FASTEST = 0.5, 3.0  # of speech


@dataclass(frozen=True)
class Speak:
    """`voice`: an id such as "espeak/en-us". `speed`: 1 is the voice's own, 0.5 to 3. `by`: who speaks answers,
    "hark" or the screen "reader", never both."""

    voice: str = "espeak/en-us"
    speed: float = 1.0
    by: str = "hark"


@dataclass(frozen=True)
class Sound:
    """Device names as the system tells them; "" is the system's default. `headphones`: Hark cannot hear itself.
    `earcons`: short sounds say what Hark does."""

    input: str = ""
    output: str = ""
    headphones: bool = False
    earcons: bool = True


@dataclass(frozen=True)
class Memory:
    """`preload`: models are loaded when Hark starts, not at the first question. `unload_after`: minutes without
    anything to do after which they are let go; 0 keeps them."""

    preload: bool = True
    unload_after: float = 0.0


@dataclass(frozen=True)
class Window:
    """`theme`: "system", "light", "dark" or "contrast". `language`: "system", "en" or "zh_CN". `announce`: what a
    screen reader is told: "all", "first" (of an answer its first sentence), "ends" (beginnings and ends), "off".
    `welcomed`: it was started before. `stay`: closed, it stays in the tray. `autostart`: it starts with the desktop.
    `hotkeys`: keys that work in all programs. `still`: nothing moves by itself."""

    theme: str = "system"
    language: str = "system"
    announce: str = "all"
    welcomed: bool = False
    stay: bool = False
    autostart: bool = False
    hotkeys: bool = False
    still: bool = False


@dataclass(frozen=True)
class History:
    """`keep`: whether turns are written to disk."""

    keep: bool = True


@dataclass(frozen=True)
class Hub:
    """`source`: where models are got from, "huggingface" or "modelscope"."""

    source: str = "huggingface"


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. `notes` says what was wrong with the file, for the user."""

    hear: Hear = field(default_factory=Hear)
    look: Look = field(default_factory=Look)
    speak: Speak = field(default_factory=Speak)
    sound: Sound = field(default_factory=Sound)
    history: History = field(default_factory=History)
    memory: Memory = field(default_factory=Memory)
    window: Window = field(default_factory=Window)
    hub: Hub = field(default_factory=Hub)
    notes: tuple[str, ...] = ()


_SECTIONS: dict[str, type[Any]] = {
    "hear": Hear,
    "look": Look,
    "speak": Speak,
    "sound": Sound,
    "history": History,
    "memory": Memory,
    "window": Window,
    "hub": Hub,
}


def load(folders: Folders) -> Settings:
    """The settings on disk. A broken file is kept aside and the defaults are used; `notes` says so."""
    path = folders.config / "settings.toml"
    try:
        if not os.path.lexists(path):
            return Settings()
        import tomllib

        with open_regular(path, "settings", mark("settings file")) as file:
            return checked(tomllib.loads(file.read().decode("utf-8")))
    except (BadInput, OSError) as error:
        return Settings(
            notes=(tr("The settings file cannot be read ({why}); the defaults are used.").format(why=error),)
        )
    except (ValueError, RecursionError) as error:
        return Settings(notes=(_set_aside(path, error),))


def save(settings: Settings, folders: Folders) -> str:
    """Writes what differs from the file's values, keeping its comments; returns why it cannot, or ""."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = folders.config / "settings.toml"
    try:
        document = tomlkit.parse(path.read_text("utf-8")) if path.is_file() else tomlkit.document()
        defaults = table(Settings())
        for name, values in table(settings).items():
            for key, value in values.items():
                if value != document.get(name, {}).get(key, defaults[name][key]):
                    document.setdefault(name, tomlkit.table())[key] = value
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(tomlkit.dumps(document), "utf-8")
        part.replace(path)
    except (OSError, UnicodeError, TOMLKitError) as error:
        return tr("The settings cannot be kept: {why}.").format(why=error)
    return ""


def written(settings: Settings) -> str:
    """All settings as a file has them."""
    import tomlkit

    return tomlkit.dumps(table(settings))


def table(settings: Settings) -> dict[str, Any]:
    """The settings as `checked` takes them."""
    return {name: asdict(getattr(settings, name)) for name in _SECTIONS}


def checked(table: dict[str, Any]) -> Settings:
    """Settings from a parsed table. Raises `ValueError` for a value of the wrong type; unknown names are noted."""
    sections: dict[str, Any] = {}
    notes: list[str] = []
    for name, values in table.items():
        kind = _SECTIONS.get(name)
        if kind is None or not isinstance(values, dict):
            notes.append(tr("The settings file has an unknown entry “{name}”; it was passed over.").format(name=name))
            continue
        known = {one.name: type(one.default) for one in fields(kind)}
        for key in [key for key in values if key not in known]:
            notes.append(
                tr("The settings file has an unknown entry “{name}.{key}”; it was passed over.").format(
                    name=name, key=key
                )
            )
        values = {
            key: float(one) if known.get(key) is float and type(one) is int else one for key, one in values.items()
        }
        for key, value in values.items():
            if type(value) is float and not 0 <= value < math.inf:
                raise ValueError(f"{name}.{key} cannot be {value}")
            if key in known and type(value) is not known[key]:
                raise ValueError(f"{name}.{key} must be a {known[key].__name__}")
        sections[name] = kind(**{key: value for key, value in values.items() if key in known})
    return replace(Settings(**sections), notes=tuple(notes))


def _set_aside(path: Path, error: Exception) -> str:
    aside = path.with_name("settings.broken.toml")
    while os.path.lexists(aside):  # never over one that was kept before
        aside = aside.with_name(f"settings.broken-{time.time_ns()}.toml")
    reason = first_line(error)
    try:
        path.replace(aside)
    except OSError:
        return tr("The settings file cannot be read ({reason}); the defaults are used.").format(reason=reason)
    return tr("The settings file was broken ({reason}); it was kept as {aside}, and the defaults are used.").format(
        reason=reason, aside=aside
    )
