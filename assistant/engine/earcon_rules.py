"""Which earcons tell of which event. Knows no sound and no devices."""

from __future__ import annotations

from assistant.events import ErrorOccurred, Event, Heard, StateChanged, TurnEnded


class EarconRules:
    """Follows the events of one engine."""

    def __init__(self) -> None:
        self._state = ""

    def for_event(self, event: Event) -> tuple[str, ...] | None:
        """The earcons for it, one after another; () ends those that sound, None changes nothing."""
        match event:
            case StateChanged(state):
                before, self._state = self._state, state
                return _for_state(before, state)
            case Heard(text) if text:
                return ("sent", "working")
            case ErrorOccurred() | TurnEnded("failed" | "nothing heard"):
                return ("error",)
            case TurnEnded(reason):
                return ("ready",) if reason == "answered" else ()
        return None


def _for_state(before: str, state: str) -> tuple[str, ...] | None:
    if state == "hearing":
        return ("on",)
    after = ("off",) if before == "hearing" else ()
    match state:
        case "thinking":
            return (*after, "working")
        case "speaking":
            return after
    return after or None
