"""The layouts in which models are published, from a hub that sends on like the real one: got by the command, by the
window's button, and the chain that then answers with them."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from assistant.models import local_store
from assistant.models.catalog import CATALOG
from assistant.paths import AppPaths
from assistant.settings import Settings
from assistant.settings_file import load_settings, save_settings
from tests.conftest import Ran
from tests.support import published_models
from tests.support.hub_server import Hub, started
from tests.ui.dialogs.test_models_dialog import ModelsHarness

Cli = Callable[..., Ran]
NAMES = ("whisper-small", "qwen2-vl-2b", "piper-ljspeech")


@pytest.fixture(scope="module")
def repos(checkpoints: Path) -> dict[str, dict[str, bytes]]:
    voice = CATALOG["piper-ljspeech"]
    return {
        CATALOG["whisper-small"].repo: published_models.whisper(checkpoints / "whisper-random"),
        CATALOG["qwen2-vl-2b"].repo: published_models.qwen2_vl(),
        voice.repo: published_models.piper(checkpoints / "piper-random-1", voice.folder, "en_US-ljspeech-medium"),
    }


@pytest.fixture
def hub(repos: dict[str, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with started(Hub(repos=repos, real=True)) as hub:
        for name, value in (
            ("HF_ENDPOINT", hub.address), ("HF_HOME", str(tmp_path / "hf")), ("HF_HUB_OFFLINE", "0"),
            ("NO_PROXY", "127.0.0.1,localhost"), ("HF_TOKEN", "hf_secret"),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
        yield hub


def answered(cli: Cli, red_circle: Path, samples: Path, wav: Path) -> None:
    """What is used now hears, looks, answers and speaks."""
    ran = cli("ask", "What colour is the circle?", "--picture", red_circle, "--speak-to", wav, "--json")
    assert ran.code == 0, ran.err
    assert (ran.ended["answer"], ran.ended["by"]) == ("The circle is red.", "qwen2-vl-2b")
    with wave.open(str(wav)) as file:
        assert file.getnframes() > 1000 and file.getframerate() == 22_050
    heard = cli("ask", "--audio", samples / "shape.flac", "--picture", red_circle, "--speak-to", wav, "--json")
    assert heard.code == 0 and heard.ended["heard"], heard.err


def test_command_downloads_the_models_and_uses_them(
    cli: Cli, hub: Hub, red_circle: Path, samples: Path, tmp_path: Path
) -> None:
    for name in NAMES:
        ran = cli("models", "get", name)
        assert ran.code == 0 and f"{name} is used from now on." in ran.out, ran.err
        assert CATALOG[name].revision in ran.out
    settings = load_settings(AppPaths.locate())
    for name in NAMES:
        assert all(change.is_applied(settings) for change in CATALOG[name].setting_changes)
    answered(cli, red_circle, samples, tmp_path / "answer.wav")
    assert not [path for _, path, headers in hub.requests if "hf_secret" in str(headers)]
    assert not [path for _, path, _ in hub.requests if path.endswith((".mp3", "README.md", "other-low.onnx"))]
    assert {host.partition(":")[0] for host, path, _ in hub.requests if "/cdn/" in path} == {"localhost"}


def test_button_downloads_the_models_and_uses_them(
    qtbot: QtBot, cli: Cli, hub: Hub, red_circle: Path, samples: Path, tmp_path: Path
) -> None:
    view = ModelsHarness(qtbot)
    for name in NAMES:
        row = view.dialog.rows[name]
        row.download_button.click()
        qtbot.waitUntil(lambda name=name: name not in view.downloads.running)
        assert row.state_label.text() == "It is used now."
    assert save_settings(view.settings, AppPaths.locate()) is None
    view.downloads.stop_all()
    view.parent.deleteLater()
    answered(cli, red_circle, samples, tmp_path / "answer.wav")


def test_earlier_choice_stays_and_the_command_to_change_it_is_shown(cli: Cli, hub: Hub, home: Path) -> None:
    home.mkdir()
    (home / "settings.toml").write_text('[voice]\nid = "espeak/de" # mine\n')
    ran = cli("models", "get", "piper-ljspeech")
    assert ran.code == 0 and "Use it: hark models use piper-ljspeech" in ran.out
    assert load_settings(AppPaths.locate()).voice.id == "espeak/de"
    ran = cli("models", "use", "piper-ljspeech")
    assert ran.code == 0 and load_settings(AppPaths.locate()).voice.id == "piper/piper-ljspeech"
    assert "# mine" in (home / "settings.toml").read_text()
    assert cli("models", "get", "piper-ljspeech").out.endswith("It is used.\n")


def test_a_model_in_a_folder_is_used_and_the_starter_kit_again(cli: Cli, tiny: Path, checkpoints: Path) -> None:
    for folder in (tiny, checkpoints / "whisper-random", checkpoints / "piper-random-1"):
        ran = cli("models", "use", f"{folder}/config.json" if (folder / "config.json").exists() else folder)
        assert ran.code == 0, ran.err
    settings = load_settings(AppPaths.locate())
    assert (settings.responder.backend, settings.responder.model) == ("qwen2-vl", str(tiny))
    assert (settings.transcriber.backend, settings.transcriber.model) == (
        "whisper",
        str(checkpoints / "whisper-random"),
    )
    assert settings.voice.id == f"piper/{checkpoints / 'piper-random-1'}"
    assert cli("models", "use", "starter").code == 0
    assert load_settings(AppPaths.locate()).responder == Settings().responder


@pytest.mark.parametrize("name", ["qwen2-vl-2b", "small/one", "nobody", "~/nothing"])
def test_model_that_is_not_installed_cannot_be_used(cli: Cli, hub: Hub, home: Path, name: str) -> None:
    ran = cli("models", "use", name)
    assert ran.code == 4 and ran.err.strip() and not (home / "settings.toml").exists()
    assert ("hark models get" in ran.err) == (name in ("qwen2-vl-2b", "small/one"))


@pytest.mark.parametrize("verb", ["get", "use", "remove"])
def test_a_verb_without_a_name_is_2(cli: Cli, verb: str) -> None:
    ran = cli("models", verb)
    assert ran.code == 2 and f"hark models {verb} needs a name" in ran.err


def test_refusal_of_the_starter_kit_names_installed_models(cli: Cli, hub: Hub, red_circle: Path) -> None:
    for arguments in (("Why is it so?",), ("Why is it so?", "--picture", red_circle)):
        before = cli("ask", *arguments, "--json").ended["answer"]
        assert "get it under Models" in str(before)
    local_store.download("qwen2-vl-2b")
    for arguments in (("Why is it so?",), ("Why is it so?", "--picture", red_circle)):
        after = str(cli("ask", *arguments, "--json").ended["answer"])
        assert "is here" in after and "hark models use qwen2-vl-2b" in after and "models get" not in after
