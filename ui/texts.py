"""What the window says about events, in the user's language, and its list of keys."""

from __future__ import annotations

from assistant.events import MicrophoneTestResult, TurnEnded, TurnTimings
from assistant.text.i18n import tr, tr_noop

_STATE_TEXTS = {
    "loading": tr_noop("Getting ready …"),
    "ready": tr_noop("Ready. Hold F9 and talk, or type."),
    "hearing": tr_noop("Listening …"),
    "thinking": tr_noop("Thinking …"),
    "speaking": tr_noop("Answering. Ctrl stops."),
    "restarting": tr_noop("Starting again …"),
    "working": tr_noop("Still working on it. Ctrl stops."),
    "frozen": tr_noop("Hark's engine does not answer. It is started again if that lasts."),
}
_STATE_ANNOUNCEMENTS = {
    "hearing": tr_noop("Listening"), "thinking": tr_noop("Answering"), "restarting": tr_noop("Hark starts again"),
    "working": tr_noop("Still working on it"), "frozen": tr_noop("Hark's engine does not answer"),
}  # fmt: skip
_LOADING_TEXTS = {
    "transcriber": tr_noop("Getting ready: loading the ear …"),
    "responder": tr_noop("Getting ready: loading the eye …"),
    "voice": tr_noop("Getting ready: loading the voice …"),
}
_TIMING_TEXTS = (
    ("open_pictures", tr_noop("opened pictures in {n} s")), ("transcribe", tr_noop("heard in {n} s")),
    ("first_word", tr_noop("first word at {n} s")), ("first_sound", tr_noop("first sound at {n} s")),
    ("answer", tr_noop("written at {n} s")),
)  # fmt: skip
_MODEL_TEXTS = {"tiny": tr_noop("the starter kit"), "reader": tr_noop("the reader")}
_TEST_RESULT_TEXTS = {
    "speech": tr_noop("Hark hears you; you hear what you said."),
    "sound": tr_noop("There was sound, but no speech in it. Speak louder, or nearer to the microphone."),
    "silence": tr_noop("Nothing but silence came. Is the microphone muted, or another one meant? See the settings."),
}
_SHORTCUTS = (
    (tr_noop("F9, or Space on the talk button"), tr_noop("hold and talk, or tap and speak")),
    (tr_noop("Ctrl alone, or Esc"), tr_noop("stop speaking, at once")),
    ("Enter, Shift+Enter", tr_noop("ask, new line")),
    ("Ctrl+O, Ctrl+V, F7", tr_noop("add a picture, paste one, capture the screen")),
    ("Shift+F7, Ctrl+Shift+F7", tr_noop("capture a part of the screen, another program's window")),
    ("Ctrl+F7", tr_noop("take a photograph")),
    (tr_noop("Delete on a picture"), tr_noop("let it go")),
    (tr_noop("Arrows, plus, minus, Enter on the large picture"), tr_noop("move in a grid, zoom, ask about the place")),
    (tr_noop("X, T on the large picture"), tr_noop("cut it to the place, turn it by a quarter")),
    (tr_noop("Up and Down, or K and J"), tr_noop("message before and after")),
    ("Home, End", tr_noop("first and last message")),
    (tr_noop("R or Space on a message"), tr_noop("read it again")),
    (tr_noop("S on a message"), tr_noop("spell it")),
    (tr_noop("C, B on a message"), tr_noop("copy it, copy the code in it")),
    (tr_noop("A on a message"), tr_noop("ask its question again, in a branch")),
    (tr_noop("E on a message"), tr_noop("change its question and ask from there")),
    (tr_noop("L on a message"), tr_noop("open a link that it names, after asking")),
    (tr_noop("Enter, F2, Delete on a conversation"), tr_noop("open, rename, delete it")),
    ("Ctrl+Z", tr_noop("bring back what was deleted last")),
    ("Ctrl+F", tr_noop("search conversations")),
    ("Ctrl+S, Ctrl+I", tr_noop("export this conversation, import one")),
    ("Alt+Left, Alt+R, Alt+Right", tr_noop("sentence before, again, and after, while Hark speaks")),
    ("Alt+Up, Alt+Down", tr_noop("speak faster, speak slower")),
    ("Ctrl+L", tr_noop("the question field")),
    ("Ctrl+N", tr_noop("new conversation")),
    ("Ctrl+H", tr_noop("hands-free on or off")),
    ("Ctrl+comma", tr_noop("settings")),
    ("Ctrl+M", tr_noop("models")),
    ("F6", tr_noop("next part of the window")),
    ("F8", tr_noop("check this computer")),
    ("F1", tr_noop("these keys")),
)


def state_text(state: str) -> str:
    """The state of the engine for the status line."""
    return tr(_STATE_TEXTS.get(state, state))


def state_announcement(state: str) -> str:
    """The state of the engine for the screen reader; "" if it need not be announced."""
    return tr(_STATE_ANNOUNCEMENTS.get(state, ""))


def loading_text(part: str) -> str:
    """That the "transcriber", "responder" or "voice" is being loaded, for the status line."""
    return tr(_LOADING_TEXTS.get(part, _STATE_TEXTS["loading"]))


def model_text(model_name: str) -> str:
    """The name of the model that wrote an answer, as the user should read it."""
    return tr(_MODEL_TEXTS.get(model_name, model_name))


def test_result_text(event: MicrophoneTestResult) -> str:
    """The result of a microphone test."""
    result = tr(_TEST_RESULT_TEXTS[event.result])
    return result if event.is_playing else result + " " + tr("There is no speaker to play it on.")


def list_shortcuts() -> list[tuple[str, str]]:
    """All keys of the window with what they do."""
    return [(tr(keys), tr(action)) for keys, action in _SHORTCUTS]


def turn_ended_text(event: TurnEnded) -> str:
    """One sentence for the end of a turn; "" after a failure, which has a message of its own."""
    if event.reason == "nothing heard":
        return tr("I heard no speech.")
    if event.reason == "failed":
        return ""
    return (
        tr("Stopped.")
        if event.reason == "interrupted"
        else tr("Answered by {who}.").format(who=model_text(event.model_name))
    )


def timings_text(timings: TurnTimings) -> str:
    """How long the stages of a turn took, as one sentence; "" if nothing was measured."""
    parts = []
    for name, sentence in _TIMING_TEXTS:
        value = getattr(timings, name)
        # An answer of one piece is complete with its first word.
        if name == "answer" and value is not None and value - (timings.first_word or 0.0) < 0.05:
            continue
        if value is not None and value >= 0.01:
            parts.append(tr(sentence).format(n=f"{value:.2f}"))
    text = ", ".join(parts)
    return text[:1].upper() + text[1:] + "." if text else ""
