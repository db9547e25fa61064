"""What the window says about events, in the user's language. Knows nothing of widgets."""

from __future__ import annotations

from assistant.events import MicrophoneTestResult, TurnEnded, TurnTimings
from assistant.words.tongue import mark, tr

_STATES = {
    "loading": mark("Getting ready …"),
    "ready": mark("Ready. Hold F9 and talk, or type."),
    "hearing": mark("Listening …"),
    "thinking": mark("Thinking …"),
    "speaking": mark("Answering. Ctrl stops."),
    "restarting": mark("Starting again …"),
    "working": mark("Still working on it. Ctrl stops."),
    "frozen": mark("Hark's engine does not answer. It is started again if that lasts."),
}
_ANNOUNCED = {
    "hearing": mark("Listening"), "thinking": mark("Answering"), "restarting": mark("Hark starts again"),
    "working": mark("Still working on it"), "frozen": mark("Hark's engine does not answer"),
}  # fmt: skip
_LOADING = {
    "ear": mark("Getting ready: loading the ear …"),
    "eye": mark("Getting ready: loading the eye …"),
    "voice": mark("Getting ready: loading the voice …"),
}
_STAGES = (
    ("look", mark("opened pictures in {n} s")), ("hear", mark("heard in {n} s")),
    ("first_word", mark("first word at {n} s")), ("first_sound", mark("first sound at {n} s")),
    ("answer", mark("written at {n} s")),
)  # fmt: skip
_BY = {"tiny": mark("the starter kit"), "reader": mark("the reader")}
_TRIED = {
    "speech": mark("Hark hears you; you hear what you said."),
    "sound": mark("There was sound, but no speech in it. Speak louder, or nearer to the microphone."),
    "silence": mark("Nothing but silence came. Is the microphone muted, or another one meant? See the settings."),
}
_KEYS = (
    (mark("F9, or Space on the talk button"), mark("hold and talk, or tap and speak")),
    (mark("Ctrl alone, or Esc"), mark("stop speaking, at once")),
    ("Enter, Shift+Enter", mark("ask, new line")),
    ("Ctrl+O, Ctrl+V, F7", mark("add a picture, paste one, capture the screen")),
    ("Shift+F7, Ctrl+Shift+F7", mark("capture a part of the screen, another program's window")),
    ("Ctrl+F7", mark("take a photograph")),
    (mark("Delete on a picture"), mark("let it go")),
    (mark("Arrows, plus, minus, Enter on the large picture"), mark("move in a grid, zoom, ask about the place")),
    (mark("X, T on the large picture"), mark("cut it to the place, turn it by a quarter")),
    (mark("Up and Down, or K and J"), mark("message before and after")),
    ("Home, End", mark("first and last message")),
    (mark("R or Space on a message"), mark("read it again")),
    (mark("S on a message"), mark("spell it")),
    (mark("C, B on a message"), mark("copy it, copy the code in it")),
    (mark("A on a message"), mark("ask its question again, in a branch")),
    (mark("E on a message"), mark("change its question and ask from there")),
    (mark("L on a message"), mark("open a link that it names, after asking")),
    (mark("Enter, F2, Delete on a conversation"), mark("open, rename, delete it")),
    ("Ctrl+Z", mark("bring back what was deleted last")),
    ("Ctrl+F", mark("search conversations")),
    ("Ctrl+S, Ctrl+I", mark("export this conversation, import one")),
    ("Alt+Left, Alt+R, Alt+Right", mark("sentence before, again, and after, while Hark speaks")),
    ("Alt+Up, Alt+Down", mark("speak faster, speak slower")),
    ("Ctrl+L", mark("the question field")),
    ("Ctrl+N", mark("new conversation")),
    ("Ctrl+H", mark("hands-free on or off")),
    ("Ctrl+comma", mark("settings")),
    ("Ctrl+M", mark("models")),
    ("F6", mark("next part of the window")),
    ("F8", mark("check this computer")),
    ("F1", mark("these keys")),
)


def state(name: str) -> str:
    """What Hark does, for the status line."""
    return tr(_STATES.get(name, name))


def announced(name: str) -> str:
    """The same for a screen reader, where it must know without asking."""
    return tr(_ANNOUNCED.get(name, ""))


def loading(what: str) -> str:
    return tr(_LOADING.get(what, _STATES["loading"]))


def by(name: str) -> str:
    """Who wrote an answer."""
    return tr(_BY.get(name, name))


def tried(event: MicrophoneTestResult) -> str:
    """What came of trying the microphone."""
    heard = tr(_TRIED[event.result])
    return heard if event.is_playing else heard + " " + tr("There is no speaker to play it on.")


def all_keys() -> list[tuple[str, str]]:
    """All keys, and what they do."""
    return [(tr(keys), tr(what)) for keys, what in _KEYS]


def ended(event: TurnEnded) -> str:
    """One sentence for the end of a turn."""
    if event.reason == "nothing heard":
        return tr("I heard no speech.")
    if event.reason == "failed":
        return ""
    return (
        tr("Stopped.") if event.reason == "interrupted" else tr("Answered by {who}.").format(who=by(event.model_name))
    )


def times(timings: TurnTimings) -> str:
    """The times of the stages that happened, in seconds."""
    parts = []
    for name, sentence in _STAGES:
        value = getattr(timings, name)
        # An answer of one piece is written with its first word.
        if name == "answer" and value is not None and value - (timings.first_word or 0.0) < 0.05:
            continue
        if value is not None and value >= 0.01:
            parts.append(tr(sentence).format(n=f"{value:.2f}"))
    text = ", ".join(parts)
    return text[:1].upper() + text[1:] + "." if text else ""
