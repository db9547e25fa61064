"""What can be set, in words: a table. Knows nothing of widgets."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.settings import MAX_SPEED
from assistant.words.tongue import mark


@dataclass(frozen=True)
class Option:
    """`choices` are values and their names; none for whatever is typed, or a `device` that is there. `most`: of a
    number."""

    section: str
    field: str
    title: str
    help: str
    choices: tuple[tuple[str, str], ...] = ()
    most: float = 1e8
    device: bool = False


_THEMES = (
    ("system", mark("As the system")),
    ("light", mark("Light")),
    ("dark", mark("Dark")),
    ("contrast", mark("High contrast")),
)
_TONGUES = (("system", mark("As the system")), ("en", "English"), ("zh_CN", "简体中文"))
_SPEAKERS = (("hark", mark("Hark's voice")), ("reader", mark("The screen reader")))
_LEVELS = (
    ("all", mark("Everything")),
    ("first", mark("Of answers the first sentence")),
    ("ends", mark("Beginnings and ends")),
    ("off", mark("Nothing")),
)
_HEARS = (("sphinx", mark("Starter kit (English)")), ("whisper", "Whisper"))
_LOOKS = (("starter", mark("Starter kit")), ("qwen2-vl", "Qwen2-VL"))
_DEVICES = (("auto", mark("Whatever fits")), ("cpu", mark("Processor")), ("cuda", mark("Graphics card")))
_HUBS = (("huggingface", "Hugging Face"), ("modelscope", "ModelScope"))
_WEIGHTS = (("int4", mark("Fastest (four bits)")), ("bfloat16", mark("Exact")), ("stored", mark("As they are stored")))

OPTIONS = (
    Option(
        "sound", "input", mark("Microphone"), mark("Changed at once; the system's own follows the system."), device=True
    ),
    Option(
        "sound", "output", mark("Speaker"), mark("Changed at once; the system's own follows the system."), device=True
    ),
    Option(
        "sound",
        "headphones",
        mark("I use headphones"),
        mark("Hark cannot hear itself, so you can always interrupt by speaking."),
    ),
    Option(
        "speak",
        "speed",
        mark("Speed of speech"),
        mark("1 is the voice's own; Alt+Up and Alt+Down change it too."),
        most=MAX_SPEED,
    ),
    Option(
        "window",
        "announce",
        mark("Tell the screen reader"),
        mark("What happens, without being asked; answers only where the screen reader speaks them."),
        _LEVELS,
    ),
    Option(
        "speak",
        "by",
        mark("Who speaks answers"),
        mark("Hark's voice or the screen reader, never both."),
        _SPEAKERS,
    ),
    Option(
        "sound",
        "earcons",
        mark("Short sounds"),
        mark("For recording on and off, sent, working, ready and error."),
    ),
    Option("window", "theme", mark("Colours"), mark("Light, dark or strong, or as the system has it."), _THEMES),
    Option("window", "still", mark("Less motion"), mark("No cursor blinks, and the level meter changes in steps.")),
    Option(
        "window",
        "hotkeys",
        mark("Keys everywhere on the desktop"),
        mark(
            "Ctrl+Alt+H talks, Ctrl+Alt+J stops, Ctrl+Alt+K describes the screen. On Wayland the desktop asks you, or "
            "has settings of its own; macOS allows none."
        ),
    ),
    Option("window", "stay", mark("Stay in the tray when closed"), mark("Where the desktop has a tray; else it ends.")),
    Option("window", "autostart", mark("Start with the desktop"), mark("Away in the tray, ready for its keys.")),
    Option("window", "language", mark("Language"), mark("Of this window, from the next start on."), _TONGUES),
    Option(
        "hear",
        "transcriber",
        mark("Who hears"),
        mark("The starter kit knows a few English questions; Whisper hears anything."),
        _HEARS,
    ),
    Option("hear", "model", mark("Whisper model"), mark("A name such as whisper-small, or a folder.")),
    Option(
        "hear", "language", mark("Language that is heard"), mark("A code such as en or zh; empty: Whisper finds out.")
    ),
    Option(
        "hear",
        "device",
        mark("Where Whisper runs"),
        mark("On the graphics card where there is one and it fits."),
        _DEVICES,
    ),
    Option(
        "hear",
        "budget",
        mark("Whisper's part of the graphics card"),
        mark("Gigabytes that it may take; 0: all that is free."),
        most=1000,
    ),
    Option(
        "look",
        "responder",
        mark("Who looks and answers"),
        mark("The starter kit knows plain shapes and reads text; Qwen2-VL knows far more."),
        _LOOKS,
    ),
    Option("look", "model", mark("Qwen2-VL model"), mark("A name such as qwen2-vl-2b, or a folder.")),
    Option(
        "look",
        "device",
        mark("Where Qwen2-VL runs"),
        mark("On the graphics card where there is one and it fits."),
        _DEVICES,
    ),
    Option(
        "look",
        "budget",
        mark("Qwen2-VL's part of the graphics card"),
        mark("Gigabytes that it may take; 0: all that is free."),
        most=1000,
    ),
    Option(
        "look",
        "weights",
        mark("Weights on a processor"),
        mark("Four bits are three times as fast and nearly as good."),
        _WEIGHTS,
    ),
    Option(
        "look",
        "glance",
        mark("Answer from a small view"),
        mark("When a picture is not ready yet; else Hark waits for all of it."),
    ),
    Option(
        "look",
        "describe_dropped",
        mark("Describe every picture"),
        mark("As it is dropped, without being asked; else when a question comes."),
    ),
    Option("look", "camera", mark("Camera"), mark("Its number, 0 for the first; empty: the first.")),
    Option("look", "system", mark("System prompt"), mark("What the model is told before every conversation.")),
    Option(
        "look", "describe", mark("Asked when nothing is"), mark("The question that goes with a picture without one.")
    ),
    Option("look", "max_pixels", mark("Largest picture"), mark("Pixels that the model sees; 0: what fits.")),
    Option(
        "look",
        "max_new_tokens",
        mark("Longest answer"),
        mark("In tokens, about three quarters of a word each."),
        most=32768,
    ),
    Option("look", "video_frames", mark("Frames of a video"), mark("At most so many are looked at."), most=768),
    Option("look", "video_rate", mark("Frames a second"), mark("Of a video, until there are too many."), most=30),
    Option(
        "memory",
        "preload",
        mark("Load models at the start"),
        mark("Else at the first question, which then takes longer."),
    ),
    Option(
        "memory",
        "unload_after",
        mark("Let models go after"),
        mark("Minutes without anything to do; 0: never."),
        most=10000,
    ),
    Option(
        "hub", "source", mark("Models come from"), mark("Nothing else is ever fetched, and only when you ask."), _HUBS
    ),
    Option("history", "keep", mark("Keep conversations"), mark("Else nothing is saved, from the next start on.")),
)
