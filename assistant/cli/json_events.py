"""The JSON lines of the command line: which events are printed, and with which keys.

The keys are documented (docs/command-line.md) and must not change; the fields' names in the code may. These tables map
one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.events import ErrorOccurred, Event, Heard, RegionPointed, Said, TurnEnded, TurnTimings, Wrote

if TYPE_CHECKING:
    from assistant.doctor import DoctorFinding

_FieldOfKey = dict[str, str]  # JSON key to the field's name

_TIMING_KEYS: _FieldOfKey = {
    "load": "load", "hear": "transcribe", "look": "open_pictures", "first_word": "first_word", "answer": "answer",
    "first_sound": "first_sound", "total": "total",
}  # fmt: skip
_EVENT_KEYS: dict[type, tuple[str, _FieldOfKey]] = {
    Heard: ("heard", {"text": "text"}),
    Wrote: ("wrote", {"text": "text"}),
    RegionPointed: (
        "pointed",
        {
            "label": "label", "picture": "picture", "left": "left", "top": "top", "right": "right",
            "bottom": "bottom",
        },
    ),
    Said: ("said", {"text": "text", "until": "until"}),
    ErrorOccurred: ("failed", {"stage": "stage", "message": "message", "hint": "hint"}),
    TurnEnded: (
        "ended",
        {
            "reason": "reason", "heard": "heard", "answer": "answer", "by": "model_name", "timings": "timings",
            "heard_until": "heard_until", "id": "id",
        },
    ),
}  # fmt: skip
_FINDING_KEYS: _FieldOfKey = {
    "what": "subject", "state": "state", "message": "message", "hint": "hint", "grave": "is_grave",
}  # fmt: skip


def event_to_json(event: Event) -> dict[str, Any] | None:
    """The JSON object of an event; None for events that are not printed."""
    if type(event) not in _EVENT_KEYS:
        return None
    name, keys = _EVENT_KEYS[type(event)]
    return {"event": name, **_select_fields(event, keys)}


def finding_to_json(finding: DoctorFinding) -> dict[str, Any]:
    """The JSON object of one result of `hark doctor`."""
    return {"event": "checked", **_select_fields(finding, _FINDING_KEYS)}


def _select_fields(source: object, keys: _FieldOfKey) -> dict[str, Any]:
    values = {key: getattr(source, field) for key, field in keys.items()}
    return {
        key: _select_fields(value, _TIMING_KEYS) if isinstance(value, TurnTimings) else value
        for key, value in values.items()
    }
