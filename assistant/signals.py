"""Which earcons tell of which event. Knows no sound and no devices."""

from __future__ import annotations

from assistant.events import Event, Failed, Heard, StateChanged, TurnEnded


class Signals:
    """Follows the events of one engine."""

    def __init__(self) -> None:
        self._state = ""

    def of(self, event: Event) -> tuple[str, ...] | None:
        """The earcons for it, one after another; () ends those that sound, None changes nothing."""
        match event:
            case StateChanged(state):
                before, self._state = self._state, state
                return _of_state(before, state)
            case Heard(text) if text:
                return ("sent", "working")
            case Failed() | TurnEnded("failed" | "nothing heard"):
                return ("error",)
            case TurnEnded(reason):
                return ("ready",) if reason == "answered" else ()
        return None


def _of_state(before: str, state: str) -> tuple[str, ...] | None:
    if state == "hearing":
        return ("on",)
    after = ("off",) if before == "hearing" else ()
    match state:
        case "thinking":
            return (*after, "working")
        case "speaking":
            return after
    return after or None
