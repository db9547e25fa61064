"""Checks every value that comes from outside: parses JSON within limits, and reads values by type hints."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from assistant.text.sanitize import sanitize

MAX_JSON_BYTES = 16 * 1024**2
MAX_JSON_DEPTH = 64
MAX_JSON_VALUES = 2_000_000  # each becomes a Python object: a short text of "[[],[],…" would fill the memory
_MAX_DIGITS = 300  # of a whole number in JSON; every shorter one is also a finite float
_MAX_SHOWN_LETTERS = 40  # of a key in a path
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
_T = TypeVar("_T")
# A string without an end reaches to the end of the text, so that every letter is read only once.
_JSON_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_JSON_BRACKET = re.compile(r"[\[\]{}]")


class InvalidValueError(ValueError):
    """A value from outside is not what it should be.

    where: its path, such as "turns[3].asked".
    reason: the rest of the sentence, such as "must be a whole number"."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where} {reason}")
        self.where, self.reason = where, reason


@dataclasses.dataclass(frozen=True)
class NumberRange:
    """A limit for `Annotated` numbers."""

    low: float  # the smallest number that is allowed
    high: float = math.inf  # the largest number that is allowed

    def rejection_reason(self, value: Any) -> str | None:
        """The reason why the value does not fit; None when it does."""
        if self.low <= value <= self.high:
            return None
        return f"must be at least {self.low}" if self.high == math.inf else f"must be from {self.low} to {self.high}"


@dataclasses.dataclass(frozen=True)
class MaxLength:
    """A limit for `Annotated` texts, bytes, lists and tables."""

    max_length: int  # letters, bytes or entries

    def rejection_reason(self, value: Any) -> str | None:
        """The reason why the value does not fit; None when it does."""
        return f"is longer than {self.max_length}" if len(value) > self.max_length else None


@dataclasses.dataclass(frozen=True)
class TextPattern:
    """A limit for `Annotated` texts."""

    expression: str  # a regular expression that has to match the whole text
    description: str  # of such texts, for the reason: "a theme"

    def rejection_reason(self, value: Any) -> str | None:
        """The reason why the value does not fit; None when it does."""
        return None if re.fullmatch(self.expression, value) else f"must be {self.description}"


@dataclasses.dataclass(frozen=True)
class Verbatim:
    """For `Annotated` texts that are not cleaned: a path may hold any character."""


def parse_json(text: str | bytes, *, max_bytes: int = MAX_JSON_BYTES, max_depth: int = MAX_JSON_DEPTH) -> object:
    """The value of a JSON text in UTF-8, with or without a byte order mark.

    Strings in it may hold lone surrogates and control characters; `read_as` removes them. Raises `InvalidValueError`
    for a text that is too long, too deeply nested, has too many values or is not JSON, and for a number that is NaN,
    infinite or has more than 300 digits."""
    if len(text) > max_bytes:
        raise InvalidValueError("it", "is too long")
    try:
        json_text = text if isinstance(text, str) else text.decode("utf-8", "surrogatepass")
        json_text = json_text.removeprefix("\ufeff")
        _check_nesting(json_text, max_depth)
        return json.loads(
            json_text, parse_int=_parse_whole_number, parse_float=_parse_finite, parse_constant=_parse_finite
        )
    except InvalidValueError:
        raise
    except ValueError as error:
        raise InvalidValueError("it", f"is not JSON ({error})") from None


@overload
def read_as(hint: type[_T], value: object, where: str) -> _T: ...
@overload
def read_as(hint: Any, value: object, where: str) -> Any: ...
def read_as(hint: Any, value: object, where: str) -> Any:
    """The value, converted to what the type hint asks for. Raises `InvalidValueError` with its path, which begins with
    `where`.

    Hints: str (sanitized), bytes, bool, int (64 bits; never bool), float (finite; whole numbers become floats), None,
    Literal, unions, list[X], tuple[X, ...], tuple[X, Y], dict[str, X], dataclasses, Any, and `Annotated` with
    `NumberRange`, `MaxLength` or `TextPattern`. A dataclass is read from a table: a missing field takes its default
    where it has one, and unknown names are ignored."""
    if hint in _PLAIN_READERS:
        return _PLAIN_READERS[hint](value, where)
    if dataclasses.is_dataclass(hint):
        return _read_dataclass(hint, value, where)
    reader = _GENERIC_READERS.get(typing.get_origin(hint))
    if reader is None:
        raise TypeError(f"no reader for {hint}")
    return reader(typing.get_args(hint), value, where)


@functools.cache
def field_hints(kind: type) -> dict[str, Any]:
    """The type hints of a dataclass by field, as `read_as` takes them."""
    return typing.get_type_hints(kind, include_extras=True)


def _check_nesting(text: str, max_depth: int) -> None:
    """Checks depth and number of values before parsing: the parser recurses, and makes an object of every value."""
    if sum(map(text.count, "[{,")) <= max_depth:
        return
    without_strings = _JSON_STRING.sub("", text)
    if sum(map(without_strings.count, "[{,")) > MAX_JSON_VALUES:
        raise InvalidValueError("it", "has too many values")
    depth = 0
    for bracket in _JSON_BRACKET.findall(without_strings):
        depth += 1 if bracket in "[{" else -1
        if depth > max_depth:
            raise InvalidValueError("it", "is nested too deeply")


def _parse_whole_number(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise InvalidValueError("it", "has a number that is too large")
    return int(digits)


def _parse_finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidValueError("it", "has a number that is not finite")
    return number


def _read_str(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidValueError(where, "must be a text")
    return sanitize(value)


def _read_bool(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidValueError(where, "must be true or false")
    return value


def _read_int(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidValueError(where, "must be a whole number")
    if not _MIN_INT <= value <= _MAX_INT:
        raise InvalidValueError(where, "is too large a number")
    return value


def _read_float(value: object, where: str) -> float:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(_read_int(value, where))
    if not isinstance(value, float):
        raise InvalidValueError(where, "must be a number")
    if not math.isfinite(value):
        raise InvalidValueError(where, "must be a finite number")
    return value


def _read_bytes(value: object, where: str) -> bytes:
    if not isinstance(value, bytes):
        raise InvalidValueError(where, "must be bytes")
    return value


def _read_none(value: object, where: str) -> None:
    if value is not None:
        raise InvalidValueError(where, "must be empty")


def _read_anything(value: object, where: str) -> object:
    return value


def _read_annotated(parts: tuple[Any, ...], value: object, where: str) -> Any:
    hint, *limits = parts
    if Verbatim() not in limits or not isinstance(value, str):
        value = read_as(hint, value, where)
    for limit in limits:
        if isinstance(limit, NumberRange | MaxLength | TextPattern) and (reason := limit.rejection_reason(value)):
            raise InvalidValueError(where, reason)
    return value


def _read_union(parts: tuple[Any, ...], value: object, where: str) -> Any:
    reasons = []
    for part in parts:
        try:
            return read_as(part, value, where)
        except InvalidValueError as error:
            reasons.append(error)
    raise min(reasons, key=lambda error: error.where == where)  # an error deeper inside says more


def _read_literal(parts: tuple[Any, ...], value: object, where: str) -> Any:
    for part in parts:
        if type(part) is type(value) and part == value:
            return part
    raise InvalidValueError(where, "must be one of " + ", ".join(map(repr, parts)))


def _read_list(parts: tuple[Any, ...], value: object, where: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise InvalidValueError(where, "must be a list")
    return [read_as(parts[0], part, f"{where}[{place}]") for place, part in enumerate(value)]


def _read_tuple(parts: tuple[Any, ...], value: object, where: str) -> tuple[Any, ...]:
    if parts[-1] is Ellipsis:
        return tuple(_read_list(parts, value, where))
    if not isinstance(value, list | tuple) or len(value) != len(parts):
        raise InvalidValueError(where, f"must be a list of {len(parts)}")
    return tuple(read_as(parts[place], part, f"{where}[{place}]") for place, part in enumerate(value))


def _read_dict(parts: tuple[Any, ...], value: object, where: str) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise InvalidValueError(where, "must be a table")
    return {
        read_as(parts[0], key, where): read_as(parts[1], part, f"{where}.{str(key)[:_MAX_SHOWN_LETTERS]}")
        for key, part in value.items()
    }


def _read_dataclass(kind: Any, value: object, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise InvalidValueError(where, "must be a table")
    values, hints = {}, field_hints(kind)
    for field in dataclasses.fields(kind):
        if field.name in value:
            values[field.name] = read_as(hints[field.name], value[field.name], f"{where}.{field.name}")
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise InvalidValueError(f"{where}.{field.name}", "is missing")
    return kind(**values)


_PLAIN_READERS: dict[Any, Callable[[object, str], Any]] = {
    str: _read_str,
    bytes: _read_bytes,
    bool: _read_bool,
    int: _read_int,
    float: _read_float,
    None: _read_none,
    type(None): _read_none,
    Any: _read_anything,
    object: _read_anything,
}
_GENERIC_READERS: dict[Any, Callable[[tuple[Any, ...], object, str], Any]] = {
    typing.Annotated: _read_annotated,
    typing.Union: _read_union,
    types.UnionType: _read_union,
    typing.Literal: _read_literal,
    list: _read_list,
    tuple: _read_tuple,
    dict: _read_dict,
}
