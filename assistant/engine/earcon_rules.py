"""Which earcons are played for which event."""

from __future__ import annotations

from assistant.events import ErrorOccurred, Event, Heard, StateChanged, TurnEnded


class EarconRules:
    """Follows the events of one engine: what is played depends on the state before."""

    def __init__(self) -> None:
        self._state = ""

    def for_event(self, event: Event) -> tuple[str, ...] | None:
        """The earcons to play one after another; () stops those that are being played, None changes nothing."""
        match event:
            case StateChanged(state):
                previous_state, self._state = self._state, state
                return _for_state(previous_state, state)
            case Heard(text) if text:
                return ("sent", "working")
            case ErrorOccurred() | TurnEnded("failed" | "nothing heard"):
                return ("error",)
            case TurnEnded(reason):
                return ("ready",) if reason == "answered" else ()
        return None


def _for_state(previous_state: str, state: str) -> tuple[str, ...] | None:
    if state == "hearing":
        return ("on",)
    microphone_off = ("off",) if previous_state == "hearing" else ()
    match state:
        case "thinking":
            return (*microphone_off, "working")
        case "speaking":
            return microphone_off
    return microphone_off or None
