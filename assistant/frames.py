"""Events and calls as length-capped frames of typed JSON and raw bytes. Knows nothing of processes.

Never pickles: whoever writes a frame can only make the values that are listed here."""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import IO, Any, get_args

from assistant import events
from assistant.events import Event, Timings

_HEAD = struct.Struct(">II")  # lengths of the JSON and of the raw bytes
MOST_JSON, MOST_RAW = 16 * 1024**2, 256 * 1024**2
_EVENTS = {kind.__name__: kind for kind in get_args(Event) if kind is not events.Sound}
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "float": (float, int),
    "float | None": (float, int, type(None)),
    "int | None": (int, type(None)),
    "bytes": (bytes,),
    "Timings": (Timings,),
    "tuple[str, ...]": (tuple,),
}


class BadFrame(Exception):
    """What came is no frame of ours."""


def pack(name: str, facts: dict[str, Any], raw: bytes = b"") -> bytes:
    """One frame. `facts` is anything that JSON can say."""
    body = json.dumps([name, facts], ensure_ascii=False).encode("utf-8", "surrogatepass")
    if len(body) > MOST_JSON or len(raw) > MOST_RAW:
        raise BadFrame(f"a frame {name} is too long")
    return _HEAD.pack(len(body), len(raw)) + body + raw


def read(stream: IO[bytes]) -> tuple[str, dict[str, Any], bytes] | None:
    """The next frame, or None at the end of the stream. Raises `BadFrame`."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, raw_length = _HEAD.unpack(head)
    if length > MOST_JSON or raw_length > MOST_RAW:
        raise BadFrame("a frame is too long")
    body, raw = stream.read(length), stream.read(raw_length)
    if len(body) < length or len(raw) < raw_length:
        return None
    try:
        name, facts = json.loads(body.decode("utf-8", "surrogatepass"))
    except ValueError:
        raise BadFrame("a frame is not JSON") from None
    if not isinstance(name, str) or not isinstance(facts, dict):
        raise BadFrame("a frame has the wrong shape")
    return name, facts, raw


def pack_event(event: Event) -> bytes:
    """An event as a frame; its one field of bytes goes as raw bytes."""
    facts = dataclasses.asdict(event)
    raw = b"".join(facts.pop(key) for key in [key for key, value in facts.items() if isinstance(value, bytes)])
    return pack(type(event).__name__, facts, raw)


def event_of(name: str, facts: dict[str, Any], raw: bytes) -> Event:
    """The event in a frame. Raises `BadFrame` for an unknown one or a field of the wrong type."""
    kind = _EVENTS.get(name)
    if kind is None:
        raise BadFrame(f"an unknown event {name}")
    return _made(kind, facts, raw)


def _made(kind: Any, facts: dict[str, Any], raw: bytes) -> Any:
    values = {}
    for one in dataclasses.fields(kind):
        value: Any = raw if one.type == "bytes" else facts.get(one.name)
        if one.type == "Timings" and isinstance(value, dict):
            value = _made(Timings, value, b"")
        if one.type == "tuple[str, ...]" and isinstance(value, list) and all(isinstance(v, str) for v in value):
            value = tuple(value)
        if not isinstance(value, _TYPES[str(one.type)]):
            raise BadFrame(f"{kind.__name__}.{one.name} is of the wrong type")
        values[one.name] = value
    return kind(**values)
