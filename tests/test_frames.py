"""What goes between window and engine: typed, capped, never code."""

from __future__ import annotations

import io
import json
import struct

import pytest

from assistant import events, frames
from assistant.events import Event, Timings
from assistant.frames import BadFrame

EXAMPLES: list[Event] = [
    events.Heard("红色 \U0001f600"),
    events.Wrote("a\nb"),
    events.Said("a", 3),
    events.Noted("n"),
    events.Failed("look", "It broke.", "Mend it."),
    events.Pointed("the star", "d", 1, 2, 30, 40),
    events.Opened(7),
    events.TurnStarted(None, "t", 4),
    events.TurnEnded("interrupted", "q", "a b", "tiny", Timings(load=0.1, total=2.0), 1, 7),
    events.StateChanged("ready"),
    events.Level(0.5),
    events.Hearing("wh"),
    events.Loading("eye", True),
    events.Listening(True, False, ""),
    events.Shown("d", "p.png", 3, 2, 2, 1, b"\0\1\2\3\4\5", "t"),
    events.Weighed("d", 28, 56, 2, 0.1, 0.25),
    events.Forgotten("d"),
    events.Voices(("a", "b"), ("A", "B")),
    events.DevicesFound((), ("speaker",)),
    events.MicrophoneTried("speech", True),
]


def through(data: bytes) -> Event:
    frame = frames.read(io.BytesIO(data))
    assert frame
    return frames.event_of(*frame)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_every_event_comes_through_as_it_was(event: Event) -> None:
    assert through(frames.pack_event(event)) == event


def test_there_is_an_example_of_every_event() -> None:
    assert {type(one) for one in EXAMPLES} == set(frames._EVENTS.values())


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b'["Heard"]',
        b'["Heard", []]',
        b'["Unknown", {}]',
        b'["Heard", {}]',
        b'["Heard", {"text": 3}]',
        b'["Level", {"value": "loud"}]',
        b'["Voices", {"ids": [1], "names": []}]',
        b'["TurnEnded", {"reason": "x", "timings": {"load": "long"}}]',
        b'["Sound", {"audio": "x"}]',
    ],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises((BadFrame, ValueError)):
        through(struct.pack(">II", len(body), 0) + body)


def test_lengths_are_not_believed() -> None:
    with pytest.raises(BadFrame):
        frames.read(io.BytesIO(struct.pack(">II", 2**31, 0)))
    with pytest.raises(BadFrame):
        frames.read(io.BytesIO(struct.pack(">II", 2, 2**31) + b"{}"))
    with pytest.raises(BadFrame):
        frames.pack("ask", {"text": "x" * frames.MOST_JSON})


@pytest.mark.parametrize("cut", [0, 3, 8, 12])
def test_a_stream_that_ends_in_a_frame_is_an_end(cut: int) -> None:
    assert frames.read(io.BytesIO(frames.pack("ask", {"text": "hello"})[:cut])) is None


def test_settings_survive_the_way() -> None:
    from dataclasses import replace

    from assistant.settings import Settings, Sound, checked, table

    settings = replace(Settings(), sound=Sound(input="Mikrofon", headphones=True))
    assert checked(json.loads(json.dumps(table(settings)))) == settings
