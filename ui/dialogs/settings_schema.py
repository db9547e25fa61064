"""The table of all settings in the settings dialog, with their titles and help."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.settings import MAX_SPEED
from assistant.text.i18n import tr_noop


@dataclass(frozen=True)
class SettingSpec:
    """One setting: which field it sets, and how it is shown. `title`, `help` and names of choices are translatable."""

    section: str  # a field of `Settings`
    field: str  # a field of that section
    title: str
    help: str  # one sentence
    choices: tuple[tuple[str, str], ...] = ()  # values with their names; empty if any value can be entered
    maximum: float = 1e8  # of a number
    is_device: bool = False  # the choices are the microphones or speakers that exist


_THEMES = (
    ("system", tr_noop("As the system")),
    ("light", tr_noop("Light")),
    ("dark", tr_noop("Dark")),
    ("contrast", tr_noop("High contrast")),
)
_LANGUAGES = (("system", tr_noop("As the system")), ("en", "English"), ("zh_CN", "简体中文"))
_SPEAKERS = (("hark", tr_noop("Hark's voice")), ("reader", tr_noop("The screen reader")))
_ANNOUNCEMENT_LEVELS = (
    ("all", tr_noop("Everything")),
    ("first", tr_noop("Of answers the first sentence")),
    ("ends", tr_noop("Beginnings and ends")),
    ("off", tr_noop("Nothing")),
)
_TRANSCRIBERS = (("sphinx", tr_noop("Starter kit (English)")), ("whisper", "Whisper"))
_RESPONDERS = (("starter", tr_noop("Starter kit")), ("qwen2-vl", "Qwen2-VL"))
_COMPUTE_DEVICES = (
    ("auto", tr_noop("Whatever fits")),
    ("cpu", tr_noop("Processor")),
    ("cuda", tr_noop("Graphics card")),
)
_MODEL_HUBS = (("huggingface", "Hugging Face"), ("modelscope", "ModelScope"))
_WEIGHT_FORMATS = (
    ("int4", tr_noop("Fastest (four bits)")),
    ("bfloat16", tr_noop("Exact")),
    ("stored", tr_noop("As they are stored")),
)

SETTING_SPECS = (
    SettingSpec(
        "audio",
        "input",
        tr_noop("Microphone"),
        tr_noop("Changed at once; the system's own follows the system."),
        is_device=True,
    ),
    SettingSpec(
        "audio",
        "output",
        tr_noop("Speaker"),
        tr_noop("Changed at once; the system's own follows the system."),
        is_device=True,
    ),
    SettingSpec(
        "audio",
        "headphones",
        tr_noop("I use headphones"),
        tr_noop("Hark cannot hear itself, so you can always interrupt by speaking."),
    ),
    SettingSpec(
        "voice",
        "speed",
        tr_noop("Speed of speech"),
        tr_noop("1 is the voice's own; Alt+Up and Alt+Down change it too."),
        maximum=MAX_SPEED,
    ),
    SettingSpec(
        "window",
        "announcement_level",
        tr_noop("Tell the screen reader"),
        tr_noop("What happens, without being asked; answers only where the screen reader speaks them."),
        _ANNOUNCEMENT_LEVELS,
    ),
    SettingSpec(
        "voice",
        "speaker",
        tr_noop("Who speaks answers"),
        tr_noop("Hark's voice or the screen reader, never both."),
        _SPEAKERS,
    ),
    SettingSpec(
        "audio",
        "earcons",
        tr_noop("Short sounds"),
        tr_noop("For recording on and off, sent, working, ready and error."),
    ),
    SettingSpec(
        "window", "theme", tr_noop("Colours"), tr_noop("Light, dark or strong, or as the system has it."), _THEMES
    ),
    SettingSpec(
        "window",
        "reduce_motion",
        tr_noop("Less motion"),
        tr_noop("No cursor blinks, and the level meter changes in steps."),
    ),
    SettingSpec(
        "window",
        "hotkeys",
        tr_noop("Keys everywhere on the desktop"),
        tr_noop(
            "Ctrl+Alt+H talks, Ctrl+Alt+J stops, Ctrl+Alt+K describes the screen. On Wayland the desktop asks you, or "
            "has settings of its own; macOS allows none."
        ),
    ),
    SettingSpec(
        "window",
        "close_to_tray",
        tr_noop("Stay in the tray when closed"),
        tr_noop("Where the desktop has a tray; else it ends."),
    ),
    SettingSpec(
        "window", "autostart", tr_noop("Start with the desktop"), tr_noop("Away in the tray, ready for its keys.")
    ),
    SettingSpec(
        "window", "language", tr_noop("Language"), tr_noop("Of this window, from the next start on."), _LANGUAGES
    ),
    SettingSpec(
        "transcriber",
        "backend",
        tr_noop("Who hears"),
        tr_noop("The starter kit knows a few English questions; Whisper hears anything."),
        _TRANSCRIBERS,
    ),
    SettingSpec(
        "transcriber", "model", tr_noop("Whisper model"), tr_noop("A name such as whisper-small, or a folder.")
    ),
    SettingSpec(
        "transcriber",
        "language",
        tr_noop("Language that is heard"),
        tr_noop("A code such as en or zh; empty: Whisper finds out."),
    ),
    SettingSpec(
        "transcriber",
        "device",
        tr_noop("Where Whisper runs"),
        tr_noop("On the graphics card where there is one and it fits."),
        _COMPUTE_DEVICES,
    ),
    SettingSpec(
        "transcriber",
        "gpu_memory_limit_gb",
        tr_noop("Whisper's part of the graphics card"),
        tr_noop("Gigabytes that it may take; 0: all that is free."),
        maximum=1000,
    ),
    SettingSpec(
        "responder",
        "backend",
        tr_noop("Who looks and answers"),
        tr_noop("The starter kit knows plain shapes and reads text; Qwen2-VL knows far more."),
        _RESPONDERS,
    ),
    SettingSpec("responder", "model", tr_noop("Qwen2-VL model"), tr_noop("A name such as qwen2-vl-2b, or a folder.")),
    SettingSpec(
        "responder",
        "device",
        tr_noop("Where Qwen2-VL runs"),
        tr_noop("On the graphics card where there is one and it fits."),
        _COMPUTE_DEVICES,
    ),
    SettingSpec(
        "responder",
        "gpu_memory_limit_gb",
        tr_noop("Qwen2-VL's part of the graphics card"),
        tr_noop("Gigabytes that it may take; 0: all that is free."),
        maximum=1000,
    ),
    SettingSpec(
        "responder",
        "cpu_weight_format",
        tr_noop("Weights on a processor"),
        tr_noop("Four bits are three times as fast and nearly as good."),
        _WEIGHT_FORMATS,
    ),
    SettingSpec(
        "responder",
        "answer_from_preview",
        tr_noop("Answer from a small view"),
        tr_noop("When a picture is not ready yet; else Hark waits for all of it."),
    ),
    SettingSpec(
        "responder",
        "auto_describe",
        tr_noop("Describe every picture"),
        tr_noop("As it is dropped, without being asked; else when a question comes."),
    ),
    SettingSpec("responder", "camera", tr_noop("Camera"), tr_noop("Its number, 0 for the first; empty: the first.")),
    SettingSpec(
        "responder",
        "system_prompt",
        tr_noop("System prompt"),
        tr_noop("What the model is told before every conversation."),
    ),
    SettingSpec(
        "responder",
        "default_prompt",
        tr_noop("Asked when nothing is"),
        tr_noop("The question that goes with a picture without one."),
    ),
    SettingSpec(
        "responder", "max_pixels", tr_noop("Largest picture"), tr_noop("Pixels that the model sees; 0: what fits.")
    ),
    SettingSpec(
        "responder",
        "max_new_tokens",
        tr_noop("Longest answer"),
        tr_noop("In tokens, about three quarters of a word each."),
        maximum=32768,
    ),
    SettingSpec(
        "responder",
        "video_frames",
        tr_noop("Frames of a video"),
        tr_noop("At most so many are looked at."),
        maximum=768,
    ),
    SettingSpec(
        "responder",
        "video_fps",
        tr_noop("Frames a second"),
        tr_noop("Of a video, until there are too many."),
        maximum=30,
    ),
    SettingSpec(
        "memory",
        "preload",
        tr_noop("Load models at the start"),
        tr_noop("Else at the first question, which then takes longer."),
    ),
    SettingSpec(
        "memory",
        "unload_after_minutes",
        tr_noop("Let models go after"),
        tr_noop("Minutes without anything to do; 0: never."),
        maximum=10000,
    ),
    SettingSpec(
        "hub",
        "model_hub",
        tr_noop("Models come from"),
        tr_noop("Nothing else is ever fetched, and only when you ask."),
        _MODEL_HUBS,
    ),
    SettingSpec(
        "history",
        "save_conversations",
        tr_noop("Keep conversations"),
        tr_noop("Else nothing is saved, from the next start on."),
    ),
)
