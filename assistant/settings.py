"""The user's settings as frozen dataclasses, and how they are read from a parsed file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

from assistant.text.i18n import tr, tr_noop
from assistant.text.sanitize import sanitize
from assistant.typed_reader import InvalidValueError, MaxLength, NumberRange, TextPattern, field_hints, read_as

_MAX_SHOWN_LETTERS = 60  # of a name or value in a sentence; the rest is cut off
_MAX_NOTES = 10  # about one settings file
MIN_SPEED, MAX_SPEED = 0.5, 3.0  # factors of a voice's own speed
Name = Annotated[str, MaxLength(4096)]  # of a model, folder, device or voice
Prompt = Annotated[str, MaxLength(100_000)]
Gigabytes = Annotated[float, NumberRange(0, 100_000)]
Pixels = Annotated[int, NumberRange(0, 1_000_000_000)]


@dataclass(frozen=True)
class TranscriberSettings:
    """Which back end turns speech into text, and how."""

    backend: Name = "sphinx"  # "sphinx" or "whisper"
    model: Name = ""  # hub name or folder, for whisper
    language: Name = ""  # code such as "en", "" to detect it
    device: Name = "auto"  # "auto", "cpu" or "cuda"
    gpu_memory_limit_gb: Gigabytes = 0.0  # of the graphics card that it may take; 0 for all that is free


DEFAULT_SYSTEM_PROMPT = (
    "Answer in the language of the question. Whoever asks may not see the picture: begin with one sentence that says "
    "the main thing, dangers first, and give details when asked. Copy text in a picture word for word. Say where "
    "things are as on a clock or in a grid of nine. Say when you are not sure."
)
DEFAULT_PROMPT = tr_noop("Describe this picture.")  # sent in the user's language while the setting is unchanged


@dataclass(frozen=True)
class ResponderSettings:
    """Which back end answers, and how it looks at pictures."""

    backend: Name = "starter"  # "starter" or "qwen2-vl"
    model: Name = ""  # hub name or folder, for qwen2-vl
    device: Name = "auto"  # "auto", "cpu" or "cuda"
    dtype: Name = "auto"  # "auto" or the name of a torch dtype
    device_map: Name = ""  # as in accelerate, "" for none
    max_memory: Name = ""  # what each device of `device_map` may take, such as "0=6GiB, cpu=16GiB"
    system_prompt: Prompt = DEFAULT_SYSTEM_PROMPT  # the first message of every conversation
    default_prompt: Prompt = DEFAULT_PROMPT  # the question where pictures come without one
    min_pixels: Pixels = 0  # a picture is enlarged to at least so many; 0 for the model's own limit
    max_pixels: Pixels = 0  # a picture is reduced to at most so many; 0 for the model's own limit
    max_new_tokens: Annotated[int, NumberRange(0, 1_000_000)] = 512  # length of an answer at most
    video_frames: Annotated[int, NumberRange(0, 10_000)] = 16  # of a video at most; together they cost as one picture
    video_fps: Annotated[float, NumberRange(0, 1000)] = 1.0  # frames taken from a second of video
    # On a processor: "int4" is fastest, "bfloat16" as exact as the checkpoint, "stored" leaves the weights unchanged.
    cpu_weight_format: Annotated[str, TextPattern("int4|bfloat16|stored", "a format")] = "int4"
    answer_from_preview: bool = True  # from a small view while a picture is being encoded; otherwise the question waits
    auto_describe: bool = False  # describe every picture when it is added
    camera: Name = ""  # the camera's number, "" for the first
    gpu_memory_limit_gb: Gigabytes = 0.0  # of the graphics card that it may take; 0 for all that is free


@dataclass(frozen=True)
class VoiceSettings:
    """Which voice speaks the answers."""

    id: Name = "espeak/en-us"  # engine and voice
    speed: Annotated[float, NumberRange(MIN_SPEED, MAX_SPEED)] = 1.0  # a factor; 1 is the voice's own speed
    speaker: Annotated[str, TextPattern("hark|reader", "a speaker")] = "hark"  # or the screen "reader"; never both


@dataclass(frozen=True)
class AudioSettings:
    """The sound devices, and the short sounds of Hark's own."""

    input: Name = ""  # the microphone's name as the system gives it, "" for the default
    output: Name = ""  # the speaker's name as the system gives it, "" for the default
    headphones: bool = False  # the microphone does not pick up Hark's voice: no echo cancellation
    earcons: bool = True  # short sounds that say what Hark does


@dataclass(frozen=True)
class MemorySettings:
    """When models are loaded and unloaded."""

    preload: bool = True  # when Hark starts; otherwise at the first question
    unload_after_minutes: Annotated[float, NumberRange(0, 1_000_000)] = 0.0  # of idleness; 0 never unloads them


@dataclass(frozen=True)
class WindowSettings:
    """How the window looks and behaves."""

    theme: Annotated[str, TextPattern("system|light|dark|contrast", "a theme")] = "system"
    language: Name = "system"  # "system", "en" or "zh_CN"
    # What a screen reader announces: "all", of an answer only the "first" sentence, beginnings and "ends", or "off".
    announcement_level: Annotated[str, TextPattern("all|first|ends|off", "a level")] = "all"
    first_run_done: bool = False  # the welcome was shown
    close_to_tray: bool = False  # a closed window stays in the tray
    autostart: bool = False  # Hark starts with the desktop
    hotkeys: bool = False  # keys that work while another program has the focus
    reduce_motion: bool = False  # no animations


@dataclass(frozen=True)
class HistorySettings:
    """What is kept of conversations."""

    save_conversations: bool = True  # write every turn to disk


@dataclass(frozen=True)
class HubSettings:
    """Where models are downloaded from."""

    model_hub: Annotated[str, TextPattern("huggingface|modelscope", "a hub")] = "huggingface"


@dataclass(frozen=True)
class Settings:
    """Everything that can be set, a section a field."""

    transcriber: TranscriberSettings = field(default_factory=TranscriberSettings)
    responder: ResponderSettings = field(default_factory=ResponderSettings)
    voice: VoiceSettings = field(default_factory=VoiceSettings)
    audio: AudioSettings = field(default_factory=AudioSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    window: WindowSettings = field(default_factory=WindowSettings)
    hub: HubSettings = field(default_factory=HubSettings)
    notes: tuple[str, ...] = ()  # what was wrong with the settings file, in sentences for the user


_SECTIONS: dict[str, type[Any]] = {
    "transcriber": TranscriberSettings,
    "responder": ResponderSettings,
    "voice": VoiceSettings,
    "audio": AudioSettings,
    "history": HistorySettings,
    "memory": MemorySettings,
    "window": WindowSettings,
    "hub": HubSettings,
}


def to_table(settings: Settings) -> dict[str, Any]:
    """The settings as nested tables, a table a section; `from_table` reads them again."""
    return {name: asdict(getattr(settings, name)) for name in _SECTIONS}


def from_table(table: dict[str, Any]) -> Settings:
    """Settings from the tables of a parsed file.

    A value of the wrong kind or out of range is replaced by its default; `notes` names every such value and every
    unknown entry."""
    notes: list[str] = []
    sections = {}
    for name, values in table.items():
        section_class = _SECTIONS.get(name)
        if section_class is not None and isinstance(values, dict):
            sections[name] = _read_section(name, section_class, values, notes)
        elif section_class is not None:
            note = tr("In the settings file “{name}” must be a section, [{name}]; its defaults are used.")
            notes.append(note.format(name=name))
        else:
            notes.append(_unknown_entry_note(name))
    if len(notes) > _MAX_NOTES:
        more = tr("There are {n} more faults in the settings file.").format(n=len(notes) - _MAX_NOTES)
        notes[_MAX_NOTES:] = [more]
    return replace(Settings(**sections), notes=tuple(notes))


def _read_section(name: str, section_class: Any, values: dict[str, Any], notes: list[str]) -> Any:
    """A section with its default in place of every invalid value."""
    hints, defaults, checked_values = field_hints(section_class), section_class(), {}
    for key, value in values.items():
        if key not in hints:
            notes.append(_unknown_entry_note(f"{name}.{key}"))
            continue
        try:
            checked_values[key] = read_as(hints[key], value, f"{name}.{key}")
        except InvalidValueError:
            note = tr("In the settings file “{name}” cannot be {value}; its default, {default}, is used.")
            default = _display_value(getattr(defaults, key))
            notes.append(note.format(name=f"{name}.{key}", value=_display_value(value), default=default))
    return section_class(**checked_values)


def _unknown_entry_note(name: str) -> str:
    note = tr("The settings file has an unknown entry “{name}”; it was passed over.")
    return note.format(name=sanitize(name)[:_MAX_SHOWN_LETTERS])


def _display_value(value: object) -> str:
    """A value as it would stand in the settings file, short enough for a sentence."""
    if isinstance(value, int) and value.bit_length() > 64:
        return tr("so large a number")
    if not isinstance(value, str | int | float):
        return tr("of this kind")
    text = str(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
    text = sanitize(text)
    return text if len(text) <= _MAX_SHOWN_LETTERS else f"{text[:_MAX_SHOWN_LETTERS]}…"
