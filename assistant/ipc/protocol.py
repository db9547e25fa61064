"""Commands, events and worker marks as frames on a pipe: typed JSON and raw bytes, both limited in length.

Nothing is pickled: whoever writes a frame can make the other side build the listed dataclasses and nothing else. A
frame is two lengths of 32 bits, the JSON `[class name, fields]`, and the bytes of the one field that holds bytes."""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import IO, Any, NamedTuple, get_args

from assistant.engine_commands import Command, EngineCommand, Start
from assistant.events import AudioProduced, Event
from assistant.progress import WorkerMarks
from assistant.settings import Settings, from_table, to_table
from assistant.typed_reader import InvalidValueError, field_hints, parse_json, read_as

_HEAD = struct.Struct(">II")  # lengths of the JSON and of the payload, in bytes
MAX_JSON_BYTES, MAX_PAYLOAD_BYTES = 16 * 1024**2, 256 * 1024**2
EVENT_TYPES: dict[str, Any] = {kind.__name__: kind for kind in get_args(Event) if kind is not AudioProduced}
COMMAND_TYPES: dict[str, Any] = {kind.__name__: kind for kind in (Start, *get_args(Command))}


class InvalidFrameError(Exception):
    """The other side sent something that is no frame of this protocol."""


class Frame(NamedTuple):
    """One frame as it was read.

    `name`: the class, `fields`: its fields but for the one of bytes, which is the `payload`."""

    name: str
    fields: dict[str, Any]
    payload: bytes


def encode_frame(name: str, fields: dict[str, Any], payload: bytes = b"") -> bytes:
    """One frame; the fields may be anything that JSON can say. Raises `InvalidFrameError` when it is too long."""
    body = json.dumps([name, fields], ensure_ascii=False).encode("utf-8", "surrogatepass")
    if len(body) > MAX_JSON_BYTES or len(payload) > MAX_PAYLOAD_BYTES:
        raise InvalidFrameError(f"a frame {name} is too long")
    return _HEAD.pack(len(body), len(payload)) + body + payload


def read_frame(stream: IO[bytes]) -> Frame | None:
    """The next frame, or None at the end of the stream. Raises `InvalidFrameError`."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    body_length, payload_length = _HEAD.unpack(head)
    if body_length > MAX_JSON_BYTES or payload_length > MAX_PAYLOAD_BYTES:
        raise InvalidFrameError("a frame is too long")
    body, payload = stream.read(body_length), stream.read(payload_length)
    if len(body) < body_length or len(payload) < payload_length:
        return None
    try:
        name, fields = read_as(tuple[str, dict[str, Any]], parse_json(body, max_bytes=MAX_JSON_BYTES), "frame")
    except InvalidValueError as error:
        raise InvalidFrameError(str(error)) from None
    return Frame(name, fields, payload)


def encode(message: Event | EngineCommand | WorkerMarks) -> bytes:
    """A command, event or mark as a frame. Raises `InvalidFrameError` when it is too long."""
    fields, payload = {}, b""
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        if isinstance(value, bytes):
            payload = value
        elif isinstance(value, Settings):
            fields[field.name] = to_table(value)
        else:
            fields[field.name] = dataclasses.asdict(value) if dataclasses.is_dataclass(type(value)) else value
    return encode_frame(type(message).__name__, fields, payload)


def decode_event(frame: Frame) -> Event | WorkerMarks:
    """What the engine's process tells. Raises `InvalidFrameError` for an unknown class, or a field that is missing or
    has a wrong type or size. Unknown fields are passed over."""
    event: Event | WorkerMarks = _decode(frame, {**EVENT_TYPES, WorkerMarks.__name__: WorkerMarks})
    return event


def decode_command(frame: Frame) -> Command | Start:
    """What the engine is asked to do. Raises `InvalidFrameError` as `decode_event` does, and for unknown fields."""
    command: Command | Start = _decode(frame, COMMAND_TYPES)
    unknown_names = frame.fields.keys() - {field.name for field in dataclasses.fields(command)}
    if unknown_names:
        raise InvalidFrameError(f"{frame.name} has no field {min(unknown_names)}")
    return command


def _decode(frame: Frame, types: dict[str, Any]) -> Any:
    kind = types.get(frame.name)
    if kind is None:
        raise InvalidFrameError(f"there is no {frame.name}")
    hints = field_hints(kind)
    fields = frame.fields | {name: frame.payload for name, hint in hints.items() if hint is bytes}
    try:
        if hints.get("settings") is Settings:  # lenient, as with the settings file: a wrong value takes its default
            fields["settings"] = to_table(from_table(read_as(dict[str, Any], fields.get("settings"), "settings")))
        return read_as(kind, fields, frame.name)
    except ValueError as error:
        raise InvalidFrameError(str(error)) from None
