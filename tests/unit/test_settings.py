"""The settings file as any editor may leave it: a fault affects only its own entry and is reported."""

from __future__ import annotations

import os
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from assistant import settings_file
from assistant.paths import AppPaths
from assistant.settings import ResponderSettings, Settings, TranscriberSettings, VoiceSettings, from_table, to_table
from tests.conftest import missing
from tests.support.paths import SHARED_FILES


def write_settings(home: Path, text: str | bytes) -> Settings:
    home.mkdir(exist_ok=True)
    (home / "settings.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    return settings_file.load_settings(AppPaths.locate())


def test_settings_are_read(home: Path) -> None:
    read = write_settings(home, '[responder]\nbackend = "qwen2-vl"\nmax_pixels = 5\n[voice]\nid = "espeak/cmn"\n')
    assert (read.responder.backend, read.responder.max_pixels, read.voice.id, read.notes) == (
        "qwen2-vl",
        5,
        "espeak/cmn",
        (),
    )


def test_whole_number_is_accepted_for_a_float(home: Path) -> None:
    assert write_settings(home, "[memory]\nunload_after_minutes = 5\n").memory.unload_after_minutes == 5.0


def test_no_file_or_an_empty_one_is_the_defaults(home: Path) -> None:
    assert settings_file.load_settings(AppPaths.locate()) == Settings()
    assert write_settings(home, "") == Settings()


def test_defaults_are_values_that_a_file_may_have() -> None:
    assert from_table(to_table(Settings())) == Settings()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('responder.max_pixels = "many"', "responder.max_pixels"),
        ("responder.max_pixels = -1", "responder.max_pixels"),
        ("responder.max_pixels = 2_000_000_000", "responder.max_pixels"),
        ("responder.max_pixels = 5.5", "responder.max_pixels"),
        ("responder.max_pixels = [5]", "responder.max_pixels"),
        ("responder.max_pixels.a.b = 5", "responder.max_pixels"),
        ("responder.model" + ".a" * 20_000 + " = 5", "responder.model"),
        ("responder.model = 2026-01-01", "responder.model"),
        ('responder.cpu_weight_format = "int3"', "responder.cpu_weight_format"),
        ('responder.model = "' + "x" * 5000 + '"', "responder.model"),
        ("history.save_conversations = 1", "history.save_conversations"),
        ("voice.speed = " + "9" * 400, "voice.speed"),
        ("voice.speed = " + "9" * 5_000, "voice.speed"),
        ("voice.speed = 0x" + "f" * 5_000, "voice.speed"),
        ("voice.speed = 9e999", "voice.speed"),
        ("voice.speed = 3.01", "voice.speed"),
        ("voice.speed = true", "voice.speed"),
        ("memory.unload_after_minutes = -1", "memory.unload_after_minutes"),
        ("memory.unload_after_minutes = inf", "memory.unload_after_minutes"),
        ("memory.unload_after_minutes = nan", "memory.unload_after_minutes"),
        ("transcriber = 5", "[transcriber]"),
        ('transcriber = "whisper"', "[transcriber]"),
        ("[[transcriber]]", "[transcriber]"),
    ],
    ids=lambda text: text[:30],
)
def test_wrong_value_is_ignored_and_reported_by_name(home: Path, text: str, name: str) -> None:
    read = write_settings(home, f'audio.input = "Mikrofon"\n{text}\n')
    assert len(read.notes) == 1 and name in read.notes[0] and len(read.notes[0]) < 300
    assert replace(read, notes=(), audio=Settings().audio) == Settings() and read.audio.input == "Mikrofon"
    assert [path.name for path in home.iterdir()] == ["settings.toml"]


@pytest.mark.parametrize(
    "text", [b"[responder", b"\x00", b'[responder]\nmodel = "a', b"a = " + b"[" * 100_000, b"#" * 2_000_000]
)
def test_file_that_is_not_toml_is_set_aside_and_reported(home: Path, text: bytes) -> None:
    read = write_settings(home, text)
    assert read.responder == Settings().responder and "was broken" in read.notes[0]
    assert (home / "settings.broken.toml").read_bytes() == text
    assert not (home / "settings.toml").exists()


def test_byte_order_mark_is_ignored_when_read_or_written(home: Path) -> None:
    read = write_settings(home, b"\xef\xbb\xbf# mine\r\n[voice]\r\nspeed = 1.5\r\n")
    assert read.voice.speed == 1.5 and not read.notes
    assert (
        settings_file.save_settings(replace(read, responder=ResponderSettings(max_pixels=7)), AppPaths.locate()) is None
    )
    again = settings_file.load_settings(AppPaths.locate())
    assert (again.voice.speed, again.responder.max_pixels, again.notes) == (1.5, 7, ())
    assert "# mine" in (home / "settings.toml").read_text("utf-8")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_another_encoding_is_said_with_what_to_do(home: Path, encoding: str) -> None:
    [note] = write_settings(home, '[voice]\nid = "käse"\n'.encode(encoding)).notes
    assert "Save it as UTF-8" in note


@pytest.mark.parametrize("name", [r"C:\Users\me", r"D:\models", r"C:\temp\x", r"\\server\x"])
def test_backslashes_in_double_quotes_are_said_with_what_to_do(home: Path, name: str) -> None:
    [note] = write_settings(home, f'[responder]\nbackend = "a\\\\b"\nmodel = "{name}"\n').notes
    assert "single quotes" in note
    assert not write_settings(home, f"[responder]\nmodel = '{name}'\n").notes


def test_a_second_broken_file_does_not_replace_the_first(home: Path) -> None:
    write_settings(home, "[one")
    write_settings(home, "[two" + "[" * 5000)
    assert len(list(home.glob("settings.broken*.toml"))) == 2


def test_a_settings_file_that_cannot_be_read_stays(home: Path) -> None:
    (home / "settings.toml").mkdir(parents=True)
    assert "cannot be read" in settings_file.load_settings(AppPaths.locate()).notes[0]


def test_a_pipe_in_place_of_the_settings_does_not_block(home: Path) -> None:
    if not hasattr(os, "mkfifo"):
        missing("no pipes here")
    home.mkdir(exist_ok=True)
    os.mkfifo(home / "settings.toml")
    assert "cannot be read" in settings_file.load_settings(AppPaths.locate()).notes[0]


def test_unknown_entries_are_said_and_passed_over(home: Path) -> None:
    read = write_settings(home, '[responder]\ncolour = "red"\n[pony]\nx = 1\n')
    assert len(read.notes) == 2 and "responder.colour" in read.notes[0] and "pony" in read.notes[1]


def test_a_thousand_faults_are_a_few_sentences(home: Path) -> None:
    notes = write_settings(home, "".join(f"k{number} = 1\n" for number in range(1000))).notes
    assert len(notes) == 11 and "990" in notes[-1]


@pytest.mark.parametrize(
    "text",
    ["transcriber = 5 # no\nother = 1\n", 'transcriber = "x"\n[responder]\nmax_pixels = 3\n', "[[transcriber]]\n"],
)
def test_a_setting_is_saved_into_a_file_with_a_wrong_section(home: Path, text: str) -> None:
    read = write_settings(home, text)
    assert (
        settings_file.save_settings(
            replace(read, transcriber=TranscriberSettings(model="m"), voice=VoiceSettings(speed=2.0)), AppPaths.locate()
        )
        is None
    )
    again = settings_file.load_settings(AppPaths.locate())
    assert (again.transcriber.model, again.voice.speed, again.responder) == ("m", 2.0, read.responder)
    assert ("other" in text) == any("other" in note for note in again.notes)


def test_a_wrong_value_stays_in_the_file_until_it_is_set(home: Path) -> None:
    read = write_settings(home, '[voice]\nspeed = 9 # fast\n[responder]\nmax_pixels = "x"\n')
    assert (
        settings_file.save_settings(replace(read, responder=ResponderSettings(max_pixels=7)), AppPaths.locate()) is None
    )
    assert (home / "settings.toml").read_text("utf-8") == "[voice]\nspeed = 9 # fast\n[responder]\nmax_pixels = 7\n"


def test_a_number_of_thousands_of_digits_keeps_no_setting_from_being_saved(home: Path) -> None:
    read = write_settings(home, f"[responder]\nmin_pixels = {'9' * 5000}\n")
    assert (
        settings_file.save_settings(replace(read, transcriber=TranscriberSettings(model="x")), AppPaths.locate())
        is None
    )
    assert settings_file.load_settings(AppPaths.locate()).transcriber.model == "x"


@pytest.mark.parametrize("text", ["{key} = 1", "[{key}]", '"x".{key} = 1', "  [ {key} ]"])
def test_a_key_of_a_hundred_thousand_parts_is_passed_over_at_once(home: Path, text: str) -> None:
    read = write_settings(home, "responder.model = 'x'\n" + text.format(key=".".join("ab" * 100_000)))
    assert read.responder.model == "x" and len(read.notes) == 1
    assert (
        settings_file.save_settings(replace(read, transcriber=TranscriberSettings(model="y")), AppPaths.locate())
        is None
    )


@pytest.mark.parametrize("text", ['a = "' + '\\"' * 400_000, '"' * 900_001, 'a = "' + "\\" * 900_001])
def test_quotes_without_end_are_looked_through_once(home: Path, text: str) -> None:
    assert len(write_settings(home, text).notes) == 1


@pytest.mark.parametrize("text", [b"[responder", b"a = " + b"[" * 100_000, b"\xff\xfea\0"])
def test_settings_that_cannot_be_saved_are_said_and_the_file_stays(home: Path, text: bytes) -> None:
    home.mkdir(exist_ok=True)
    (home / "settings.toml").write_bytes(text)
    why = settings_file.save_settings(replace(Settings(), responder=ResponderSettings(max_pixels=7)), AppPaths.locate())
    assert "cannot be kept" in why and (home / "settings.toml").read_bytes() == text


SECTIONS = {field.name for field in fields(Settings)} - {"notes"}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data())
def test_any_table_gives_settings_that_are_in_range(data: st.DataObject) -> None:
    keys = st.sampled_from(["model", "speed", "gpu_memory_limit_gb", "save_conversations", "theme", "max_pixels", "x"])
    sections = st.sampled_from(sorted(SECTIONS)) | st.text()
    given_table = data.draw(st.dictionaries(sections, VALUES | st.dictionaries(keys, VALUES)))
    read = from_table(given_table)
    assert from_table(to_table(read)) == replace(read, notes=())


PIECES = [
    "[transcriber]",
    "[responder]",
    "transcriber",
    "voice.speed",
    "=",
    ".",
    '"',
    "'",
    "\\",
    "5",
    "\n",
    "[[",
    "]]",
    "{",
    "}",
    "\ufeff",
    "#",
]


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.binary() | st.lists(st.sampled_from(PIECES)).map(lambda pieces: "".join(pieces).encode()))
def test_any_file_can_be_loaded_and_saved_over(home: Path, text: bytes) -> None:
    write_settings(home, text)
    settings_file.save_settings(replace(Settings(), responder=ResponderSettings(max_pixels=7)), AppPaths.locate())
    settings_file.load_settings(AppPaths.locate())


@pytest.mark.parametrize("path", sorted(SHARED_FILES.glob("settings-*.toml")), ids=lambda path: path.name)
def test_a_settings_file_of_the_collection_is_read_as_far_as_it_goes(home: Path, path: Path) -> None:
    read = write_settings(home, path.read_bytes())
    assert (home / "settings.toml").exists() and len(read.notes) <= 1
    if "bom" in path.name:  # it was parsed: only its section has another name now
        assert len(read.notes) == 1 and "speak" in read.notes[0]
    assert tomllib.loads(settings_file.format_settings(read))
