"""The user's settings: one frozen, checked value. Knows nothing of who uses it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

from assistant.text.i18n import tr, tr_noop
from assistant.text.sanitize import sanitize
from assistant.typed_reader import InvalidValueError, MaxLength, NumberRange, TextPattern, field_hints, read_as

_SHOWN = 60  # letters of a name or value in a sentence
_MOST_NOTES = 10
MIN_SPEED, MAX_SPEED = 0.5, 3.0  # of speech
Name = Annotated[str, MaxLength(4096)]  # of a model, folder, device, voice
Prompt = Annotated[str, MaxLength(100_000)]
Gigabytes = Annotated[float, NumberRange(0, 100_000)]
Pixels = Annotated[int, NumberRange(0, 1_000_000_000)]


@dataclass(frozen=True)
class TranscriberSettings:
    """`language`: a code such as "en", or "" to detect it. `model`: a hub name or folder, for whisper.
    `budget`: gigabytes of the graphics card that it may take; 0 for all that is free."""

    backend: Name = "sphinx"
    model: Name = ""
    language: Name = ""
    device: Name = "auto"
    gpu_memory_limit_gb: Gigabytes = 0.0


DEFAULT_SYSTEM_PROMPT = (
    "Answer in the language of the question. Whoever asks may not see the picture: begin with one sentence that says "
    "the main thing, dangers first, and give details when asked. Copy text in a picture word for word. Say where "
    "things are as on a clock or in a grid of nine. Say when you are not sure."
)
DESCRIBE = tr_noop("Describe this picture.")  # in the user's language, as long as it is this one


@dataclass(frozen=True)
class ResponderSettings:
    """`max_memory`: what each device of a `device_map` may take, such as "0=6GiB, cpu=16GiB". `system` and `describe`
    are prompts, the user's to edit. Pixels: 0 leaves the model's own limits. Of a video at most `video_frames` are
    looked at, `video_rate` a second; together they cost as much as one picture. `weights`: on a processor, "int4" is
    fastest, "bfloat16" as exact as the checkpoint, "stored" leaves it as it is. `glance`: asked about a picture that is
    not ready yet, Hark answers from a small view of it, or else waits. `budget`: gigabytes of the graphics card that it
    may take; 0 for all that is free. `describe_dropped`: every picture is described as it comes. `camera`: its number,
    or "" for the first."""

    backend: Name = "starter"
    model: Name = ""
    device: Name = "auto"
    dtype: Name = "auto"
    device_map: Name = ""
    max_memory: Name = ""
    system_prompt: Prompt = DEFAULT_SYSTEM_PROMPT
    default_prompt: Prompt = DESCRIBE
    min_pixels: Pixels = 0
    max_pixels: Pixels = 0
    max_new_tokens: Annotated[int, NumberRange(0, 1_000_000)] = 512
    video_frames: Annotated[int, NumberRange(0, 10_000)] = 16
    video_fps: Annotated[float, NumberRange(0, 1000)] = 1.0
    cpu_weight_format: Annotated[str, TextPattern("int4|bfloat16|stored", "a format")] = "int4"
    answer_from_preview: bool = True
    auto_describe: bool = False
    camera: Name = ""
    gpu_memory_limit_gb: Gigabytes = 0.0


@dataclass(frozen=True)
class VoiceSettings:
    """`voice`: an id such as "espeak/en-us". `speed`: 1 is the voice's own, 0.5 to 3. `by`: who speaks answers,
    "hark" or the screen "reader", never both."""

    id: Name = "espeak/en-us"
    speed: Annotated[float, NumberRange(MIN_SPEED, MAX_SPEED)] = 1.0
    speaker: Annotated[str, TextPattern("hark|reader", "a speaker")] = "hark"


@dataclass(frozen=True)
class AudioSettings:
    """Device names as the system tells them; "" is the system's default. `headphones`: Hark cannot hear itself.
    `earcons`: short sounds say what Hark does."""

    input: Name = ""
    output: Name = ""
    headphones: bool = False
    earcons: bool = True


@dataclass(frozen=True)
class MemorySettings:
    """`preload`: models are loaded when Hark starts, not at the first question. `unload_after`: minutes without
    anything to do after which they are let go; 0 keeps them."""

    preload: bool = True
    unload_after_minutes: Annotated[float, NumberRange(0, 1_000_000)] = 0.0


@dataclass(frozen=True)
class WindowSettings:
    """`theme`: "system", "light", "dark" or "contrast". `language`: "system", "en" or "zh_CN". `announce`: what a
    screen reader is told: "all", "first" (of an answer its first sentence), "ends" (beginnings and ends), "off".
    `welcomed`: it was started before. `stay`: closed, it stays in the tray. `autostart`: it starts with the desktop.
    `hotkeys`: keys that work in all programs. `still`: nothing moves by itself."""

    theme: Annotated[str, TextPattern("system|light|dark|contrast", "a theme")] = "system"
    language: Name = "system"
    announcement_level: Annotated[str, TextPattern("all|first|ends|off", "a level")] = "all"
    first_run_done: bool = False
    close_to_tray: bool = False
    autostart: bool = False
    hotkeys: bool = False
    reduce_motion: bool = False


@dataclass(frozen=True)
class HistorySettings:
    """`keep`: whether turns are written to disk."""

    save_conversations: bool = True


@dataclass(frozen=True)
class HubSettings:
    """`source`: where models are got from, "huggingface" or "modelscope"."""

    model_hub: Annotated[str, TextPattern("huggingface|modelscope", "a hub")] = "huggingface"


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. `notes` says what was wrong with the file, for the user."""

    transcriber: TranscriberSettings = field(default_factory=TranscriberSettings)
    responder: ResponderSettings = field(default_factory=ResponderSettings)
    voice: VoiceSettings = field(default_factory=VoiceSettings)
    audio: AudioSettings = field(default_factory=AudioSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    window: WindowSettings = field(default_factory=WindowSettings)
    hub: HubSettings = field(default_factory=HubSettings)
    notes: tuple[str, ...] = ()


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
    """The settings as `checked` takes them."""
    return {name: asdict(getattr(settings, name)) for name in _SECTIONS}


def from_table(table: dict[str, Any]) -> Settings:
    """Settings from a parsed table. A value that cannot be takes its default; `notes` names it, and unknown names."""
    notes: list[str] = []
    sections = {}
    for name, values in table.items():
        kind = _SECTIONS.get(name)
        if kind is not None and isinstance(values, dict):
            sections[name] = _read_section(name, kind, values, notes)
        elif kind is not None:
            told = tr("In the settings file “{name}” must be a section, [{name}]; its defaults are used.")
            notes.append(told.format(name=name))
        else:
            notes.append(_unknown_entry_note(name))
    if len(notes) > _MOST_NOTES:
        more = tr("There are {n} more faults in the settings file.").format(n=len(notes) - _MOST_NOTES)
        notes[_MOST_NOTES:] = [more]
    return replace(Settings(**sections), notes=tuple(notes))


def _read_section(name: str, kind: Any, values: dict[str, Any], notes: list[str]) -> Any:
    """A section with the default for every value that cannot be."""
    hints, usual, read = field_hints(kind), kind(), {}
    for key, value in values.items():
        if key not in hints:
            notes.append(_unknown_entry_note(f"{name}.{key}"))
            continue
        try:
            read[key] = read_as(hints[key], value, f"{name}.{key}")
        except InvalidValueError:
            told = tr("In the settings file “{name}” cannot be {value}; its default, {default}, is used.")
            default = _display_value(getattr(usual, key))
            notes.append(told.format(name=f"{name}.{key}", value=_display_value(value), default=default))
    return kind(**read)


def _unknown_entry_note(name: str) -> str:
    told = tr("The settings file has an unknown entry “{name}”; it was passed over.")
    return told.format(name=sanitize(name)[:_SHOWN])


def _display_value(value: object) -> str:
    """A value in a sentence, as the file would have it."""
    if isinstance(value, int) and value.bit_length() > 64:
        return tr("so large a number")
    if not isinstance(value, str | int | float):
        return tr("of this kind")
    text = str(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
    text = sanitize(text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
