"""What goes between window and engine: typed, capped, never code."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import events
from assistant.engine_commands import Ask
from assistant.events import Event, TurnTimings
from assistant.ipc import protocol
from assistant.ipc.protocol import InvalidFrameError
from assistant.progress import WorkerMarks
from tests.support.paths import SHARED_FILES

EXAMPLES: list[Event] = [
    events.Heard("红色 \U0001f600", opening_id=3),
    events.Wrote("a\nb"),
    events.Said("a", 3),
    events.Notice("n"),
    events.ErrorOccurred("look", "It broke.", "Mend it."),
    events.RegionPointed("the star", "d", 1, 2, 30, 40),
    events.ConversationOpened(7),
    events.TurnStarted(None, "3", 4, ("d",)),
    events.TurnEnded("interrupted", "q", "a b", "tiny", TurnTimings(load=0.1, total=2.0), 1, 7),
    events.StateChanged("ready"),
    events.InputLevel(0.5),
    events.PartialTranscript("wh"),
    events.ModelLoading("responder", True),
    events.MicrophoneState(True, False, ""),
    events.PictureAdded("d", "p.png", 3, 2, 2, 1, b"\0\1\2\3\4\5", "t"),
    events.PictureCostEstimated("d", 28, 56, 2, 0.1, 0.25),
    events.PictureRemoved("d"),
    events.VoicesAvailable(("a", "b"), ("A", "B")),
    events.AudioDevicesAvailable((), ("speaker",)),
    events.MicrophoneTestResult("speech", True),
]


def framed(body: bytes) -> bytes:
    return struct.pack(">II", len(body), 0) + body


def through(data: bytes) -> Event:
    frame = protocol.read_frame(io.BytesIO(data))
    assert frame
    event = protocol.decode_event(frame)
    assert not isinstance(event, WorkerMarks)
    return event


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_event_survives_the_codec(event: Event) -> None:
    assert through(protocol.encode(event)) == event


def test_every_event_has_an_example() -> None:
    assert {type(event) for event in EXAMPLES} == set(protocol.EVENT_TYPES.values())


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
        b'["InputLevel", {"value": "loud"}]',
        b'["VoicesAvailable", {"ids": [1], "names": []}]',
        b'["VoicesAvailable", {"ids": ["a", "b"], "names": ["A"]}]',
        b'["TurnEnded", {"reason": "x", "timings": {"load": "long"}}]',
        b'["AudioProduced", {"audio": "x"}]',
        b"5",
        b"null",
        b"true",
        b'"ab"',
        b"{}",
        b'["Heard", {"text": "a"}, 1]',
        b'[["Heard"], {"text": "a"}]',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'["Heard", ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"]",
        b"9" * 5_000,
        b'["ConversationOpened", {"conversation": ' + b"9" * 400 + b"}]",
        b'["ConversationOpened", {"conversation": 9223372036854775808}]',
        b'["ConversationOpened", {"conversation": true}]',
        b'["InputLevel", {"value": NaN}]',
        b'["InputLevel", {"value": 1e999}]',
        b'["InputLevel", {"value": -1}]',
        b'["ModelLoading", {"role": "stomach", "is_loaded": false}]',
        b'["MicrophoneTestResult", {"result": "rats", "is_playing": false}]',
        b'["TurnStarted", {"id": 1, "request_id": "' + b"9" * 5_000 + b'"}]',
        b'["TurnEnded", {"reason": "answered", "timings": {"total": 1e300}}]',
        b'["RegionPointed", {"label": "", "picture": "", "left": 0, "top": 0, "right": 4294967296, "bottom": 1}]',
        b'["Wrote", {"text": "\xff"}]',
    ],
    ids=lambda body: body[:40].decode(errors="replace"),
)
def test_frame_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidFrameError):
        through(framed(body))


VALUES = st.none() | st.integers() | st.text() | st.floats() | st.booleans() | st.lists(st.integers())
NAMES = st.sampled_from(["text", "id", "role", "is_loaded", "timings", "ids", "names", "digest"])
FRAMES = (
    st.tuples(st.sampled_from(sorted(protocol.EVENT_TYPES)), st.dictionaries(NAMES, VALUES))
    | st.recursive(VALUES, st.lists, max_leaves=5)
).map(lambda value: json.dumps(value).encode())


@given(body=st.binary(max_size=60) | FRAMES, raw=st.binary(max_size=9))
def test_random_bytes_are_an_event_or_refused(body: bytes, raw: bytes) -> None:
    with contextlib.suppress(InvalidFrameError):
        assert type(through(struct.pack(">II", len(body), len(raw)) + body + raw)) in protocol.EVENT_TYPES.values()


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(20_000, 20_000, 48), (2, 2, 11), (2, 2, 13), (0, 0, 0), (-2, -2, 12), (4097, 1, 12291), (2**40, 1, 3)],
)
def test_thumbnail_of_another_length_than_its_size_is_refused(width: int, height: int, size: int) -> None:
    facts = {"digest": "d", "name": "n", "width": 3, "height": 2, "thumb_width": width, "thumb_height": height}
    with pytest.raises(InvalidFrameError):
        through(protocol.encode_frame("PictureAdded", facts, bytes(size)))


def test_picture_event_with_a_short_thumbnail_cannot_be_made() -> None:
    with pytest.raises(ValueError):
        events.PictureAdded("d", "n", 3, 2, 20_000, 20_000, bytes(48))


def test_texts_of_a_decoded_event_are_cleaned() -> None:
    shown = events.PictureAdded("d", "a\udce9\0.png", 3, 2, 1, 1, b"abc")
    assert through(protocol.encode(shown)) == dataclasses.replace(shown, name="a?.png")


@pytest.mark.parametrize("path", sorted(SHARED_FILES.glob("frame-*.bin")), ids=lambda path: path.name)
def test_hostile_frame_of_the_collection_is_refused(path: Path) -> None:
    with pytest.raises(InvalidFrameError):
        through(path.read_bytes())


def test_frame_that_claims_an_excessive_length_is_refused() -> None:
    with pytest.raises(InvalidFrameError):
        protocol.read_frame(io.BytesIO(struct.pack(">II", 2**31, 0)))
    with pytest.raises(InvalidFrameError):
        protocol.read_frame(io.BytesIO(struct.pack(">II", 2, 2**31) + b"{}"))
    with pytest.raises(InvalidFrameError):
        protocol.encode(Ask("x" * protocol.MAX_JSON_BYTES))


@pytest.mark.parametrize("cut", [0, 3, 8, 12])
def test_stream_that_ends_within_a_frame_gives_none(cut: int) -> None:
    assert protocol.read_frame(io.BytesIO(protocol.encode(Ask("hello"))[:cut])) is None
