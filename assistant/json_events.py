"""The JSON lines of the command line: which events are printed, and under which keys.

The keys are a contract (docs/command-line.md), the names in the code are not: this table stands between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.events import Event, Failed, Heard, Pointed, Said, Timings, TurnEnded, Wrote

if TYPE_CHECKING:
    from assistant.doctor import Finding

_Keys = dict[str, str]  # JSON key to the field's name

_TIMINGS: _Keys = {
    "load": "load", "hear": "hear", "look": "look", "first_word": "first_word", "answer": "answer",
    "first_sound": "first_sound", "total": "total",
}  # fmt: skip
_EVENTS: dict[type, tuple[str, _Keys]] = {
    Heard: ("heard", {"text": "text"}),
    Wrote: ("wrote", {"text": "text"}),
    Pointed: (
        "pointed",
        {
            "label": "label", "picture": "picture", "left": "left", "top": "top", "right": "right",
            "bottom": "bottom",
        },
    ),
    Said: ("said", {"text": "text", "until": "until"}),
    Failed: ("failed", {"stage": "stage", "message": "message", "hint": "hint"}),
    TurnEnded: (
        "ended",
        {
            "reason": "reason", "heard": "heard", "answer": "answer", "by": "by", "timings": "timings",
            "heard_until": "heard_until", "id": "id",
        },
    ),
}  # fmt: skip
_FINDING: _Keys = {"what": "what", "state": "state", "message": "message", "hint": "hint", "grave": "grave"}


def to_json(event: Event) -> dict[str, Any] | None:
    """The object that is printed for an event of a turn; None for one that is not."""
    if type(event) not in _EVENTS:
        return None
    name, keys = _EVENTS[type(event)]
    return {"event": name, **_by_keys(event, keys)}


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """The object that is printed for one finding of the doctor."""
    return {"event": "checked", **_by_keys(finding, _FINDING)}


def _by_keys(source: object, keys: _Keys) -> dict[str, Any]:
    values = {key: getattr(source, field) for key, field in keys.items()}
    return {key: _by_keys(value, _TIMINGS) if isinstance(value, Timings) else value for key, value in values.items()}
