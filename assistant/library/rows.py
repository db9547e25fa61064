"""Rows of the database as values: every column is read by its type, and one that is not what it should be costs only
itself. A database may come from elsewhere, or from a damaged disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from assistant.typed_reader import InvalidValueError, NumberRange, TextPattern, parse_json, read_as
from assistant.words.clean import clean

Digest = Annotated[
    str, TextPattern("[0-9a-f]{64}", "a digest")
]  # it becomes a file's name: nothing else may come through
Moment = Annotated[float, NumberRange(0, 4e9)]  # in seconds since 1970, up to what clocks and calendars can show
State = Literal["asked", "answering", "answered", "failed", "interrupted"]
Side = Annotated[int, NumberRange(0, 2**31 - 1)]
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels
Regions = tuple[tuple[Side, Side, Side, Side], ...]
Letters = Annotated[int, NumberRange(0)]


@dataclass(frozen=True)
class Column:
    """`hint`: its type; `default`: what stands for a value of another one; `missing`: an SQL expression for it, where
    the table lacks it."""

    hint: Any
    default: object
    missing: str

    def read(self, value: object) -> Any:
        """The value, or the default."""
        if self.hint is str:
            return text_of(value)
        try:
            return read_as(self.hint, value, "")
        except InvalidValueError:
            return self.default


COLUMNS: dict[str, dict[str, Column]] = {
    "conversation": {
        "id": Column(int, None, "rowid"),
        "title": Column(str, "", "'…'"),
        "created": Column(Moment, 0.0, "0.0"),
        "deleted": Column(Moment | None, None, "NULL"),
    },
    "turn": {
        "id": Column(int, None, "rowid"),
        "conversation": Column(int, 1, "1"),
        "asked": Column(Moment, 0.0, "0.0"),
        "question": Column(str, "", "''"),
        "answer": Column(str, "", "''"),
        "by": Column(str, "", "''"),
        "state": Column(State, "interrupted", "'answered'"),
        "heard": Column(Letters | None, None, "NULL"),
        "regions": Column(str, "[]", "'[]'"),
    },
    "turn_picture": {
        "turn": Column(int, None, "NULL"),
        "place": Column(int, 0, "rowid"),
        "digest": Column(Digest | None, None, "NULL"),
        "name": Column(str, "", "''"),
    },
}


def text_of(value: object) -> str:
    """A text, cleaned; bytes that stand in its place are decoded as far as they go."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return clean("" if value is None else str(value))


def regions_of(text: object) -> tuple[Box, ...]:
    """The regions of a turn; none where they cannot be read."""
    try:
        regions: tuple[Box, ...] = read_as(Regions, parse_json(text_of(text), max_depth=2), "regions")
    except InvalidValueError:
        return ()
    return regions


def is_digest(value: object) -> bool:
    """Whether it is 64 hexadecimal digits and no path, also before it is cleaned."""
    return value is not None and COLUMNS["turn_picture"]["digest"].read(value) == value
