"""Events and calls as length-capped frames of typed JSON and raw bytes. Knows nothing of processes.

Never pickles: whoever writes a frame can only make the values that are listed here."""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import IO, Any, get_args

from assistant import events
from assistant.events import Event
from assistant.typed_reader import InvalidValueError, parse_json, read_as

_HEAD = struct.Struct(">II")  # lengths of the JSON and of the raw bytes
MAX_JSON_BYTES, MAX_PAYLOAD_BYTES = 16 * 1024**2, 256 * 1024**2
_EVENTS = {kind.__name__: kind for kind in get_args(Event) if kind is not events.AudioProduced}
_RAW = {
    name: field.name for name, kind in _EVENTS.items() for field in dataclasses.fields(kind) if field.type == "bytes"
}


class InvalidFrameError(Exception):
    """What came is no frame of ours."""


def encode(name: str, facts: dict[str, Any], raw: bytes = b"") -> bytes:
    """One frame. `facts` is anything that JSON can say."""
    body = json.dumps([name, facts], ensure_ascii=False).encode("utf-8", "surrogatepass")
    if len(body) > MAX_JSON_BYTES or len(raw) > MAX_PAYLOAD_BYTES:
        raise InvalidFrameError(f"a frame {name} is too long")
    return _HEAD.pack(len(body), len(raw)) + body + raw


def read_frame(stream: IO[bytes]) -> tuple[str, dict[str, Any], bytes] | None:
    """The next frame, or None at the end of the stream. Raises `BadFrame`."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, raw_length = _HEAD.unpack(head)
    if length > MAX_JSON_BYTES or raw_length > MAX_PAYLOAD_BYTES:
        raise InvalidFrameError("a frame is too long")
    body, raw = stream.read(length), stream.read(raw_length)
    if len(body) < length or len(raw) < raw_length:
        return None
    try:
        name, facts = read_as(tuple[str, dict[str, Any]], parse_json(body, max_bytes=MAX_JSON_BYTES), "frame")
    except InvalidValueError as error:
        raise InvalidFrameError(str(error)) from None
    return name, facts, raw


def encode_event(event: Event) -> bytes:
    """An event as a frame; its one field of bytes goes as raw bytes."""
    facts = dataclasses.asdict(event)
    raw = b"".join(facts.pop(key) for key in [key for key, value in facts.items() if isinstance(value, bytes)])
    return encode(type(event).__name__, facts, raw)


def decode_event(name: str, facts: dict[str, Any], raw: bytes) -> Event:
    """The event in a frame. Raises `BadFrame` for an unknown one, or a field of the wrong type or size."""
    kind = _EVENTS.get(name)
    if kind is None:
        raise InvalidFrameError(f"an unknown event {name}")
    if name in _RAW:
        facts = {**facts, _RAW[name]: raw}
    try:
        event: Event = read_as(kind, facts, name)
    except InvalidValueError as error:
        raise InvalidFrameError(str(error)) from None
    return event
