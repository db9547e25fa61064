"""Reads the columns of the database by type: an invalid value, as in a damaged or foreign database, becomes a
default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from assistant.text.sanitize import sanitize
from assistant.typed_reader import InvalidValueError, NumberRange, TextPattern, parse_json, read_as

Digest = Annotated[str, TextPattern("[0-9a-f]{64}", "a digest")]  # strict, because it becomes a file's name
Timestamp = Annotated[float, NumberRange(0, 4e9)]  # seconds since 1970, up to what calendars can show
TurnState = Literal["asked", "answering", "answered", "failed", "interrupted"]
PixelCoordinate = Annotated[int, NumberRange(0, 2**31 - 1)]
RegionBox = tuple[int, int, int, int]  # left, top, right, bottom in pixels
RegionBoxes = tuple[tuple[PixelCoordinate, PixelCoordinate, PixelCoordinate, PixelCoordinate], ...]
LetterCount = Annotated[int, NumberRange(0)]


@dataclass(frozen=True)
class ColumnSpec:
    """How a column is read."""

    type_hint: Any  # the type of its values
    default: object  # used for a value of another type
    missing_sql: str  # SQL expression used if a damaged table lacks the column

    def read_value(self, value: object) -> Any:
        """The value if it has the column's type, else the default."""
        if self.type_hint is str:
            return to_text(value)
        try:
            return read_as(self.type_hint, value, "")
        except InvalidValueError:
            return self.default


TABLE_COLUMNS: dict[str, dict[str, ColumnSpec]] = {
    "conversation": {
        "id": ColumnSpec(int, None, "rowid"),
        "title": ColumnSpec(str, "", "'…'"),
        "created": ColumnSpec(Timestamp, 0.0, "0.0"),
        "deleted": ColumnSpec(Timestamp | None, None, "NULL"),
    },
    "turn": {
        "id": ColumnSpec(int, None, "rowid"),
        "conversation": ColumnSpec(int, 1, "1"),
        "asked": ColumnSpec(Timestamp, 0.0, "0.0"),
        "question": ColumnSpec(str, "", "''"),
        "answer": ColumnSpec(str, "", "''"),
        "by": ColumnSpec(str, "", "''"),
        "state": ColumnSpec(TurnState, "interrupted", "'answered'"),
        "heard": ColumnSpec(LetterCount | None, None, "NULL"),
        "regions": ColumnSpec(str, "[]", "'[]'"),
    },
    "turn_picture": {
        "turn": ColumnSpec(int, None, "NULL"),
        "place": ColumnSpec(int, 0, "rowid"),
        "digest": ColumnSpec(Digest | None, None, "NULL"),
        "name": ColumnSpec(str, "", "''"),
    },
}


def to_text(value: object) -> str:
    """Converts a column's value to sanitized text; bytes are decoded as UTF-8, with replacements."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return sanitize("" if value is None else str(value))


def parse_regions(text: object) -> tuple[RegionBox, ...]:
    """Parses the regions of a turn from JSON; () if they are invalid."""
    try:
        regions: tuple[RegionBox, ...] = read_as(RegionBoxes, parse_json(to_text(text), max_depth=2), "regions")
    except InvalidValueError:
        return ()
    return regions


def is_digest(value: object) -> bool:
    """Whether a value is a digest exactly as it is, so that it is safe as a file's name."""
    return value is not None and TABLE_COLUMNS["turn_picture"]["digest"].read_value(value) == value
