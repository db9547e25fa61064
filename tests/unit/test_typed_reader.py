"""External data is read by type and within limits, or refused with one kind of error."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import typed_reader
from assistant.typed_reader import InvalidValueError, MaxLength, NumberRange, TextPattern, parse_json, read_as

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    left: Annotated[int, NumberRange(0, 100)]
    label: str = ""


@dataclass(frozen=True)
class Page:
    places: tuple[Place, ...]
    digest: Annotated[str, TextPattern("[0-9a-f]{4}", "a digest")] = "0000"
    weight: float | None = None
    kind: Literal["still", "film"] = "still"
    names: dict[str, str] = field(default_factory=dict)
    box: tuple[int, int] = (0, 0)


@given(JSON)
def test_json_within_limits_is_parsed_as_the_library_does(value: Any) -> None:
    text = json.dumps(value)
    assert parse_json(text, max_depth=1000) == value
    assert parse_json(text.encode(), max_depth=1000) == value


@given(st.text() | st.binary())
def test_any_text_is_parsed_or_refused_by_one_error(text: str | bytes) -> None:
    try:
        parse_json(text)
    except InvalidValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    "text",
    [
        "", "not json", b"\xff\xfe[\0]\0", b"\xff", "NaN", "Infinity", "[-Infinity]", "1e999", "[" * 100_000,
        "[" * 65 + "]" * 65, '{"a":' * 100_000, "9" * 400, "9" * 5_000, "-" + "9" * 400, '"' + "\\" * 5,
    ],
    ids=range(15),
)  # fmt: skip
def test_json_that_is_broken_deep_or_not_finite_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidValueError):
        parse_json(text)


def test_json_over_its_length_or_with_too_many_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_json("[1, 2]", max_bytes=6) == [1, 2]
    with pytest.raises(InvalidValueError, match="too long"):
        parse_json("[1, 2]", max_bytes=5)
    monkeypatch.setattr(typed_reader, "MAX_JSON_VALUES", 70)
    with pytest.raises(InvalidValueError, match="too many"):
        parse_json("[" + "[]," * 70 + "[]]")


def test_brackets_within_texts_do_not_count_as_depth() -> None:
    value = ["[" * 500, '\\"[{' * 100, {"{" * 90: ","}]
    assert parse_json(json.dumps(value)) == value


def test_json_with_a_byte_order_mark_or_a_large_number_of_a_tokenizer_is_parsed() -> None:
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]
    assert parse_json("1000000000000000019884624838656") == 1000000000000000019884624838656


def test_a_dataclass_is_read_field_by_field() -> None:
    fields = {
        "places": [{"left": 3, "label": "a\0b\ud800"}], "digest": "09af", "weight": 2, "kind": "film",
        "names": {"a": "b"}, "box": [1, 2], "unknown": 1,
    }  # fmt: skip
    page = read_as(Page, fields, "page")
    assert page == Page((Place(3, "ab?"),), "09af", 2.0, "film", {"a": "b"}, (1, 2))
    assert isinstance(page.weight, float)
    assert read_as(Page, {"places": []}, "page") == Page(())


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (5, "page "),
        (None, "page "),
        ({}, "page.places is missing"),
        ({"places": 5}, "page.places "),
        ({"places": "ab"}, "page.places "),
        ({"places": [5]}, r"page.places\[0\] "),
        ({"places": [{"left": 101}]}, r"page.places\[0\].left must be from 0 to 100"),
        ({"places": [{"left": True}]}, r"page.places\[0\].left "),
        ({"places": [{"left": 1.0}]}, r"page.places\[0\].left "),
        ({"places": [{"left": 1, "label": 5}]}, r"page.places\[0\].label "),
        ({"places": [], "digest": "../x"}, "page.digest must be a digest"),
        ({"places": [], "digest": "09af\n"}, "page.digest must be a digest"),
        ({"places": [], "weight": math.inf}, "page.weight "),
        ({"places": [], "weight": 10**400}, "page.weight "),
        ({"places": [], "weight": "heavy"}, "page.weight "),
        ({"places": [], "kind": "other"}, "page.kind "),
        ({"places": [], "kind": ["still"]}, "page.kind "),
        ({"places": [], "names": {"a": 1}}, "page.names.a "),
        ({"places": [], "names": ["a"]}, "page.names "),
        ({"places": [], "box": [1]}, "page.box "),
        ({"places": [], "box": [1, 2**63]}, r"page.box\[1\] "),
    ],
)
def test_a_wrong_value_in_a_dataclass_is_refused_with_its_path(value: Any, where: str) -> None:
    with pytest.raises(InvalidValueError, match="^" + where):
        read_as(Page, value, "page")


@pytest.mark.parametrize("hint", [str, bytes, bool, int, float, None, int | None, list[int], tuple[str, ...], Page])
@given(value=JSON | st.binary() | st.just(10**5000) | st.just(math.nan) | st.builds(object))
def test_any_value_is_read_as_its_type_or_refused_by_one_error(hint: Any, value: Any) -> None:
    try:
        read = read_as(hint, value, "it")
    except InvalidValueError:
        return
    if isinstance(hint, type):
        assert type(read) is hint


def test_limits_of_length_range_and_pattern_hold_at_their_ends() -> None:
    assert read_as(Annotated[str, MaxLength(3)], "abc", "it") == "abc"
    assert read_as(Annotated[float, NumberRange(0.5, 3)], 3, "it") == 3.0
    for hint, value in (
        (Annotated[str, MaxLength(3)], "abcd"),
        (Annotated[float, NumberRange(0.5, 3)], 0.49),
        (Annotated[int, NumberRange(1)], 0),
        (Annotated[str, TextPattern("[a-z]", "a letter")], "ab"),
    ):
        with pytest.raises(InvalidValueError):
            read_as(hint, value, "it")


@pytest.mark.parametrize("text", ['\\"' * 2_000_000, '"' + '\\"' * 2_000_000, '"' * 2_000_001, '"' + "\\" * 2_000_001])
def test_quotes_without_end_are_looked_through_once(text: str) -> None:
    with pytest.raises(InvalidValueError):  # and not after hours
        parse_json("[" * 70 + text)


def test_unsupported_type_hint_is_a_programming_error() -> None:
    with pytest.raises(TypeError):
        read_as(set[int], [1], "it")
