"""The command line's JSON keys, on which other programs rely."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from assistant import events
from assistant.cli.json_events import event_to_json, finding_to_json
from assistant.doctor import DoctorFinding
from tests.conftest import Ran

TIMINGS = events.TurnTimings(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
GOLDEN = [
    (events.Heard("Hello?"), '{"event": "heard", "text": "Hello?"}'),
    (events.Wrote("A dog."), '{"event": "wrote", "text": "A dog."}'),
    (
        events.RegionPointed("dog", "ab" * 32, 1, 2, 3, 4),
        '{"event": "pointed", "label": "dog", "picture": "' + "ab" * 32 + '", "left": 1, "top": 2, "right": 3, '
        '"bottom": 4}',
    ),
    (events.Said("a dog", 6), '{"event": "said", "text": "a dog", "until": 6}'),
    (
        events.ErrorOccurred("look", "It is damaged.", "Save it again."),
        '{"event": "failed", "stage": "look", "message": "It is damaged.", "hint": "Save it again."}',
    ),
    (
        events.TurnEnded("answered", "Hello?", "A dog.", "tiny", TIMINGS, 6, 12),
        '{"event": "ended", "reason": "answered", "heard": "Hello?", "answer": "A dog.", "by": "tiny", "timings": '
        '{"load": 0.1, "hear": 0.2, "look": 0.3, "first_word": 0.4, "answer": 0.5, "first_sound": 0.6, "total": 0.7}, '
        '"heard_until": 6, "id": 12}',
    ),
]


@pytest.mark.parametrize(("event", "line"), GOLDEN, ids=lambda value: type(value).__name__)
def test_event_is_printed_under_the_keys_of_the_contract(event: events.Event, line: str) -> None:
    assert json.dumps(event_to_json(event)) == line


def test_finding_is_printed_under_the_keys_of_the_contract() -> None:
    line = json.dumps(finding_to_json(DoctorFinding("GPU", "note", "There is none.", "Go on.", False)))
    assert line == (
        '{"event": "checked", "what": "GPU", "state": "note", "message": "There is none.", "hint": "Go on.", '
        '"grave": false}'
    )


def test_events_outside_the_contract_are_not_printed() -> None:
    printed = {type(event) for event, _ in GOLDEN}
    for kind in get_args(events.Event):
        if kind not in printed:
            assert event_to_json(object.__new__(kind)) is None


def test_doctor_json_keeps_its_keys_and_subjects(hark: Callable[..., Ran]) -> None:
    ran = hark("doctor", "--json")
    *findings, ended = ran.events
    assert {tuple(finding) for finding in findings} == {("event", "what", "state", "message", "hint", "grave")}
    assert {finding["event"] for finding in findings} == {"checked"}
    assert {finding["state"] for finding in findings} <= {"ok", "note", "missing"}
    subjects = [finding["what"] for finding in findings]
    for subject in ("packages", "microphone", "speaker", "starter kit", "GPU", "hub", "log", "voice"):
        assert subject in subjects, subjects
    assert (ended["event"], ended["reason"]) == ("ended", "checked")


def test_ask_json_keeps_its_keys(hark: Callable[..., Ran], tmp_path: Path) -> None:
    ran = hark("ask", "What is this?", "--speak-to", tmp_path / "answer.wav", "--json")
    keys = {str(event["event"]): tuple(event) for event in ran.events}
    assert keys["heard"] == ("event", "text") and keys["wrote"] == ("event", "text")
    assert keys["said"] == ("event", "text", "until")
    assert keys["ended"] == ("event", "reason", "heard", "answer", "by", "timings", "heard_until", "id")
