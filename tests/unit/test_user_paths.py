"""Paths as people type and paste them, for pictures, sounds, models and voices."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.backends.piper import PiperVoice
from assistant.errors import NotAvailableError
from assistant.events import PictureAdded
from assistant.models import local_store, voices
from assistant.safe_open import user_path
from tests.conftest import Ran
from tests.support.engine_harness import InProcessEngine

Cli = Callable[..., Ran]


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "Ada Müller"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


def ways(path: Path, user: Path) -> list[str]:
    """Return the ways to write the path of a file in the user's folder."""
    inside = path.relative_to(user).as_posix()
    return [
        str(path), f"~/{inside}", f"$HOME/{inside}", f"${{HOME}}/{inside}", f"  {path} ", f'"{path}"', f"'{path}'",
        f" “{path}”\n", path.as_uri(), f"file://localhost{path.as_uri()[7:]}", f"FILE:{path}", f'"~/{inside}"',
    ]  # fmt: skip


def test_each_way_to_write_a_path_leads_to_the_file(user: Path) -> None:
    (user / "50% off.png").write_text("x")
    for text in ways(user / "50% off.png", user):
        assert user_path(text) == user / "50% off.png", text


@pytest.mark.parametrize("name", ["$HOME", "~", "%41.png", " a ", '"a"', "file:x"])
def test_file_with_exactly_that_name_takes_precedence(user: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(user)
    Path(name).write_text("x")
    assert user_path(name) == Path(name) and (name == " a " or user_path(f"  {name}") == Path(name))


def test_a_drive_letter_in_an_address_is_kept() -> None:
    assert str(user_path("file:///C:/Users/Ada%20M/a.png")) == os.path.normpath("C:/Users/Ada M/a.png")


def test_missing_file_is_named_by_its_resolved_path(cli: Cli, user: Path) -> None:
    ran = cli("read", "~/nothing.png")
    assert ran.code == 3 and str(user / "nothing.png") in ran.err


def test_command_line_accepts_every_way_to_write_a_path(cli: Cli, user: Path, sign: Path, samples: Path) -> None:
    picture = shutil.copy(sign, user / "a sign.png")
    for text in ways(Path(picture), user)[1:9:3]:
        assert "PLATFORM" in cli("read", text).out, text
    sound = Path(shutil.copy(samples / "shape.flac", user / "shape.flac"))
    ran = cli("ask", "--audio", f'"~/{sound.name}"', "--picture", "$HOME/a sign.png", "--speak-to", "~/a.wav", "--json")
    assert ran.code == 0 and (user / "a.wav").is_file(), ran.err


def test_engine_accepts_every_way_to_write_a_picture_path(harness: InProcessEngine, user: Path, sign: Path) -> None:
    shutil.copy(sign, user / "a sign.png")
    harness.engine.attach_file("~/a sign.png")
    assert harness.until(PictureAdded).name == "a sign.png"


def test_a_model_is_found_by_its_folder_and_by_a_file_in_it(user: Path, tiny: Path) -> None:
    folder = shutil.copytree(tiny, user / "my model")
    for path in (folder, folder / "model.safetensors", folder / "config.json"):
        for text in ways(path, user):
            assert local_store.find_model(text, "qwen2-vl") == str(folder), text
    assert local_store.model_title(f"~/{folder.name}/config.json", str(folder)) == "my model"


@pytest.mark.parametrize("name", ["~/nothing", "/no/such/model", "./x", "C:\\models\\x", "nobody"])
def test_a_folder_that_is_not_there_is_not_to_be_got_from_a_hub(name: str) -> None:
    with pytest.raises(NotAvailableError, match="no folder of this name"):
        local_store.find_model(name, "qwen2-vl")


def test_a_model_of_a_hub_is_called_by_its_name_not_by_its_commit(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--Qwen--Qwen2-VL-2B-Instruct" / "snapshots" / ("8" * 40)
    assert local_store.model_title("", str(snapshot)) == "qwen2-vl-2b"
    assert local_store.model_title("Qwen/Qwen2-VL-2B-Instruct", str(snapshot)) == "Qwen2-VL-2B-Instruct"
    assert local_store.model_title("qwen2-vl-2b", str(snapshot)) == "qwen2-vl-2b"


def test_a_voice_is_found_by_its_folder_and_by_a_file_in_it(user: Path, checkpoints: Path) -> None:
    folder = shutil.copytree(checkpoints / "piper-random-1", user / "my voice")
    for file in list(folder.iterdir()):  # a second one, of another rate, beside it
        other = Path(shutil.copy(file, file.with_name(file.name.replace("en_US", "zz_ZZ"))))
    config = other.parent / "zz_ZZ-random-low.onnx.json"
    voice_config = json.loads(config.read_text())
    config.write_text(json.dumps({**voice_config, "audio": {"sample_rate": 16_000}}))
    rates = {}
    for path in (folder, folder / "en_US-random-low.onnx", folder / "zz_ZZ-random-low.onnx", config):
        for text in (
            f"piper/~/my voice/{path.name}" if path != folder else "piper/~/my voice",
            str(path),
            path.as_uri(),
        ):
            voice = voices.open_voice(text, user)
            assert isinstance(voice, PiperVoice)
            rates.setdefault(path.name, set()).add(voice.sample_rate_hz)
            voice.close()
    usual = voice_config["audio"]["sample_rate"]
    assert rates == {
        "my voice": {usual}, "en_US-random-low.onnx": {usual}, "zz_ZZ-random-low.onnx": {16_000}, config.name: {16_000},
    }  # fmt: skip


def test_a_speaker_stands_behind_the_path_of_a_voice(user: Path, checkpoints: Path) -> None:
    shutil.copytree(checkpoints / "vits-random-3", user / "choir")
    for voice_id in ("coqui/~/choir:speaker-1", "~/choir:speaker-1", f"coqui/{user}/choir:speaker-1"):
        voices.open_voice(voice_id, user).close()
    with pytest.raises(NotAvailableError, match="speaker"):
        voices.open_voice("coqui/~/choir:nobody", user)


def test_voice_of_an_unknown_kind_is_not_accepted(user: Path) -> None:
    (user / "notes").mkdir()
    for voice_id in ("~/notes", "~/nothing", "no"):
        with pytest.raises(NotAvailableError, match="There is no voice"):
            voices.open_voice(voice_id, user)


def test_settings_accept_every_way_to_write_a_model_path(cli: Cli, user: Path, home: Path, tiny: Path) -> None:
    shutil.copytree(tiny, user / "my model")
    home.mkdir()
    (home / "settings.toml").write_text(
        '[responder]\nbackend = "qwen2-vl"\nmodel = "~/my model/model.safetensors"\n[voice]\nspeaker = "reader"\n'
    )
    ran = cli("ask", "What is this?", "--json")
    assert ran.code == 0 and ran.ended["by"] == "my model", ran.err
