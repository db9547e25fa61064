"""What the window says about events, in words. Knows nothing of widgets."""

from __future__ import annotations

from assistant.events import Timings, TurnEnded

STATES = {
    "loading": "Getting ready …",
    "ready": "Ready. Hold F9 and talk, or type.",
    "hearing": "Listening …",
    "thinking": "Thinking …",
    "speaking": "Answering. Ctrl stops.",
    "restarting": "Starting again …",
}
ANNOUNCED = {"hearing": "Listening", "thinking": "Answering", "restarting": "Hark starts again"}
LOADING = {"ear": "the ear", "eye": "the eye", "voice": "the voice"}
_STAGES = (
    ("look", "opened pictures in"), ("hear", "heard in"), ("first_word", "first word at"),
    ("first_sound", "first sound at"), ("answer", "written at"),
)  # fmt: skip
KEYS = (
    ("F9, or Space on the talk button", "hold and talk, or tap and speak"),
    ("Ctrl alone, or Esc", "stop speaking, at once"),
    ("Enter, Shift+Enter", "ask, new line"),
    ("Ctrl+O, Ctrl+V, F7", "add a picture, paste one, capture the screen"),
    ("Delete on a picture", "let it go"),
    ("Up and Down, or K and J", "message before and after"),
    ("Home and End", "first and last message"),
    ("R or Space on a message", "read it again"),
    ("C on a message", "copy it"),
    ("Alt+Left, Alt+Right", "sentence before and after, while Hark speaks"),
    ("Alt+Up, Alt+Down", "speak faster, speak slower"),
    ("Ctrl+L", "the question field"),
    ("Ctrl+N", "new conversation"),
    ("Ctrl+H", "hands-free on or off"),
    ("Ctrl+comma", "voice and devices"),
    ("F6", "next part of the window"),
    ("F1", "these keys"),
)


def ended(event: TurnEnded, stages: bool = True) -> str:
    """One sentence for the end of a turn, with the time of each stage."""
    if event.reason == "nothing heard":
        return "I heard no speech."
    if event.reason == "failed":
        return ""
    said = "Stopped." if event.reason == "interrupted" else f"Answered by {BY.get(event.by, event.by)}."
    return f"{said} {times(event.timings)}".strip() if stages else said


BY = {"tiny": "the starter kit", "reader": "the reader", "": "Hark"}


def times(timings: Timings) -> str:
    """The times of the stages that happened, in seconds."""
    parts = []
    for name, words in _STAGES:
        value = getattr(timings, name)
        # An answer of one piece is written with its first word.
        if name == "answer" and value is not None and value - (timings.first_word or 0.0) < 0.05:
            continue
        if value is not None and value >= 0.01:
            parts.append(f"{words} {value:.2f} s")
    return (", ".join(parts).capitalize() + ".") if parts else ""
