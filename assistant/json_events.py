"""The JSON lines of the command line: which events are printed, and under which keys.

The keys are a contract (docs/command-line.md), the names in the code are not: this table stands between them."""

from __future__ import annotations

from typing import Any

from assistant.doctor import Finding
from assistant.events import Event, Failed, Heard, Pointed, Said, Timings, TurnEnded, Wrote

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
    Finding: (
        "checked", {"what": "what", "state": "state", "message": "message", "hint": "hint", "grave": "grave"},
    ),
}  # fmt: skip


def to_json(event: Event | Finding) -> dict[str, Any] | None:
    """The object that is printed for an event of a turn or a finding of the doctor; None for one that is not."""
    if type(event) not in _EVENTS:
        return None
    name, keys = _EVENTS[type(event)]
    return {"event": name, **_by_keys(event, keys)}


def _by_keys(source: object, keys: _Keys) -> dict[str, Any]:
    values = {key: getattr(source, field) for key, field in keys.items()}
    return {key: _by_keys(value, _TIMINGS) if isinstance(value, Timings) else value for key, value in values.items()}
