"""Coqui's voices: their speakers, and configs and pickles that would run or fetch something."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from assistant import backends
from assistant.errors import NotAvailableError
from assistant.interfaces import LoadOptions

pytestmark = pytest.mark.usefixtures("no_thread_left")


@pytest.mark.parametrize("speaker", ["speaker-0", "speaker-2", "1", ""])
def test_coqui_voice_of_many_speakers_speaks_as_the_chosen_one(speaker: str, checkpoints: Path) -> None:
    options = LoadOptions(model=str(checkpoints / "vits-random-3"), speaker=speaker)
    assert list(backends.load_voice("coqui", options).synthesize("Hello."))


def test_coqui_reads_safetensors_and_knows_its_speakers(checkpoints: Path) -> None:
    assert list(
        backends.load_voice("coqui", LoadOptions(model=str(checkpoints / "vits-random-1-safe"))).synthesize("Hello.")
    )
    with pytest.raises(NotAvailableError, match="speaker-1"):
        backends.load_voice("coqui", LoadOptions(model=str(checkpoints / "vits-random-3"), speaker="anna"))


def test_coqui_runs_no_code_from_a_pickle(checkpoints: Path, tmp_path: Path) -> None:
    import pickle

    folder = tmp_path / "voice"
    shutil.copytree(checkpoints / "vits-random-1", folder)
    mark = tmp_path / "ran"

    class PickledCommand:
        def __reduce__(self) -> tuple[object, tuple[str, ...]]:
            return open, (str(mark), "w")

    (folder / "model_file.pth").write_bytes(pickle.dumps({"model": PickledCommand()}))
    with pytest.raises(NotAvailableError, match="cannot be loaded"):
        backends.load_voice("coqui", LoadOptions(model=str(folder)))
    assert not mark.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"characters": {"characters_class": "os.system", "characters": "abc", "punctuations": "", "pad": "_"}},
        {"text_cleaner": "no_such_cleaner"},
        {"model": "xtts"},
    ],
)
def test_a_coqui_config_imports_nothing(change: dict[str, object], checkpoints: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoints / "vits-random-1", tmp_path / "voice")
    config = json.loads((folder / "config.json").read_text())
    for name, value in change.items():
        config[name] = (
            {**config[name], **value} if isinstance(value, dict) and isinstance(config[name], dict) else value
        )
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(NotAvailableError, match="cannot be loaded"):
        backends.load_voice("coqui", LoadOptions(model=str(folder)))


def test_a_coqui_config_fetches_nothing(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    connections: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *address: connections.append(address) or 1 / 0)
    folder = shutil.copytree(checkpoints / "vits-random-1", tmp_path / "voice")
    config = json.loads((folder / "config.json").read_text())
    address = "http://127.0.0.1:9/x"
    config["model_args"] |= {"d_vector_file": [address], "speaker_encoder_config_path": address}
    (folder / "config.json").write_text(json.dumps(config))
    assert list(backends.load_voice("coqui", LoadOptions(model=str(folder))).synthesize("Hello."))
    assert not connections
