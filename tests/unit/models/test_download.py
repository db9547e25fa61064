"""Models from a hub of our own: lines that are cut, sizes and contents that are not what was promised."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from assistant.errors import NotAvailableError
from assistant.models import catalog, local_store
from tests.support import hub_server as hubs
from tests.support.hub_server import Hub

WEIGHTS = random.Random(0).randbytes(3_000_000)


@pytest.fixture(params=["huggingface", "modelscope"])
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    files = {"config.json": b"{}", "model.safetensors": WEIGHTS, "evil.py": b"x", "pytorch_model.pt": b"pickle"}
    with hubs.started(Hub(files)) as server:
        monkeypatch.setenv("HF_ENDPOINT" if request.param == "huggingface" else "MODELSCOPE_DOMAIN", server.address)
        monkeypatch.setattr(local_store, "download", partial(local_store.download, hub=request.param))
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


def test_download_of_a_model_contains_only_weights_and_tables(hub: Hub) -> None:
    progress: list[tuple[int, int]] = []
    folder = local_store.download("small/one", lambda done, total: progress.append((done, total)))
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert progress[-2][0] == progress[-2][1] == len(WEIGHTS) + 2
    hub.asked.clear()
    assert local_store.download("small/one") == folder and hub.asked == [], "what is here is not fetched again"


def test_broken_download_is_continued_where_it_stopped(hub: Hub) -> None:
    hub.cuts = 2
    folder = local_store.download("small/one")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    ranges = [wanted for name, wanted in hub.asked if name == "model.safetensors"]
    assert ranges[0] == "" and len(ranges) == 3
    begun = [int(range_header.removeprefix("bytes=").rstrip("-")) for range_header in ranges[1:]]
    assert 1_000_000 < begun[0] <= 1_500_000 and begun[0] < begun[1] <= 2_250_000, ranges


def test_stopped_download_is_continued_by_the_next_one(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(done: int, total: int) -> None:
        if done > 1_000_000:
            raise KeyboardInterrupt

    hub.cuts = 99
    with pytest.raises((KeyboardInterrupt, NotAvailableError)):
        local_store.download("small/one", stop)
    hub.cuts = 0
    hub.asked.clear()
    assert (local_store.download("small/one") / "model.safetensors").read_bytes() == WEIGHTS
    assert [bool(wanted) for name, wanted in hub.asked if name == "model.safetensors"] == [True]


def test_wrong_content_is_deleted_and_reported(hub: Hub) -> None:
    hub.wrong["model.safetensors"] = b"\0" * len(WEIGHTS)
    with pytest.raises(NotAvailableError, match=r"model\.safetensors.*other content"):
        local_store.download("small/one")
    hub.wrong.clear()
    folder = local_store.download("small/one")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS, "nothing of it was kept"


def test_a_wrong_small_file_is_noticed_too(hub: Hub) -> None:
    hub.wrong["config.json"] = b"[]"
    with pytest.raises(NotAvailableError, match=r"config\.json.*other content"):
        local_store.download("small/one")


def test_file_of_another_size_than_announced_is_refused(hub: Hub) -> None:
    hub.lies["model.safetensors"] = 10**15
    with pytest.raises(NotAvailableError, match="on the disk"):
        local_store.download("small/one")
    hub.lies["model.safetensors"] = 10
    with pytest.raises(NotAvailableError, match="other content"):
        local_store.download("small/one")
    hub.lies["model.safetensors"] = len(WEIGHTS) + 5
    with pytest.raises(NotAvailableError, match="could not be fetched"):
        local_store.download("small/one")


def test_unreachable_hub_or_unknown_model_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.files = {"readme.md": b"x"}
    with pytest.raises(NotAvailableError, match="holds no model"):
        local_store.download("small/one")
    for name in ("HF_ENDPOINT", "MODELSCOPE_DOMAIN"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(NotAvailableError, match="could not be fetched"):
        local_store.download("small/one")
    with pytest.raises(NotAvailableError, match="knows no model"):
        local_store.download("nothing")


def test_installed_model_is_removed(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local_store.download("small/one")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    assert local_store.remove_model("small/one") == len(WEIGHTS) + 2
    assert not list((tmp_path / "hf" / "hub").glob("models--small--one/blobs/*"))


def test_download_stopped_while_it_was_checked_is_finished(hub: Hub, tmp_path: Path) -> None:
    blobs = tmp_path / "hf" / "hub" / "models--small--one" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{hub.etag('model.safetensors')}.hark-part").write_bytes(WEIGHTS)
    assert (local_store.download("small/one") / "model.safetensors").read_bytes() == WEIGHTS
    assert [name for name, _ in hub.asked] == ["config.json"]


def test_incomplete_download_is_listed_and_discarded(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    assert local_store.partial_bytes("small/one") == local_store.discard_partial("small/one") == 0
    hub.cuts = 99
    with pytest.raises(NotAvailableError):
        local_store.download("small/one")
    begun = local_store.partial_bytes("small/one")
    assert 1_500_000 < begun < len(WEIGHTS) + 2
    hub.cuts = 0
    local_store.download("small/one")
    assert local_store.partial_bytes("small/one") == local_store.discard_partial("small/one") == 0, (
        "what is whole is nobody's rest"
    )
    hub.files["newer.safetensors"], hub.cuts = WEIGHTS[::-1], 99
    with pytest.raises(NotAvailableError):
        local_store.download("small/one")
    assert 0 < local_store.discard_partial("small/one") < len(WEIGHTS), (
        "of a newer state only what the older one does not have"
    )
    hub.cuts = 0
    hub.asked.clear()
    local_store.download("small/one")
    assert [name for name, _ in hub.asked] == ["newer.safetensors"]
    local_store.remove_model("small/one")
    del hub.files["newer.safetensors"]
    hub.cuts = 99
    with pytest.raises(NotAvailableError):
        local_store.download("small/one")
    assert local_store.remove_model("small/one") == begun and local_store.partial_bytes("small/one") == 0
    assert not list((tmp_path / "hf" / "hub").glob("models--*"))


def test_discarding_a_voice_keeps_the_other_one_of_its_repository(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    hub.files = {"voices.json": b"{}"}
    for name in ("piper-ljspeech", "piper-cori"):
        for file in ("voice.onnx", "voice.onnx.json"):
            hub.files[f"{catalog.CATALOG[name].folder}/{file}"] = f"{name} {file}".encode() * 60_000
    local_store.download("piper-ljspeech")
    hub.cuts = 99
    with pytest.raises(NotAvailableError):
        local_store.download("piper-cori")
    assert local_store.partial_bytes("piper-cori") > 500_000 and local_store.partial_bytes("piper-ljspeech") == 0
    assert local_store.discard_partial("piper-ljspeech") == 0 and local_store.partial_bytes("piper-cori") > 500_000
    assert local_store.remove_model("piper-cori") > 500_000 and local_store.partial_bytes("piper-cori") == 0
    assert local_store.is_installed(catalog.CATALOG["piper-ljspeech"])


def test_voice_of_a_large_repository_is_downloaded_and_removed_alone(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.address)  # whatever other models come from: voices are nowhere else
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    voices = {name: catalog.CATALOG[name] for name in ("piper-ljspeech", "piper-cori")}
    hub.files = {"voices.json": b"{}"}
    for name, entry in voices.items():
        for file in ("voice.onnx", "voice.onnx.json", "MODEL_CARD", "samples/one.mp3"):
            hub.files[f"{entry.folder}/{file}"] = f"{name} {file}".encode()
        folder = local_store.download(name)
        assert sorted(file.name for file in folder.iterdir()) == ["MODEL_CARD", "voice.onnx", "voice.onnx.json"]
        assert local_store.find_model(name, "piper") == str(folder)
    assert local_store.remove_model("piper-cori") == sum(
        len(f"piper-cori {name}") for name in ("MODEL_CARD", "voice.onnx", "voice.onnx.json")
    )
    assert not local_store.is_installed(voices["piper-cori"]) and local_store.is_installed(voices["piper-ljspeech"])
    blobs = (tmp_path / "hf" / "hub" / "models--rhasspy--piper-voices" / "blobs").iterdir()
    assert all(b"ljspeech" in blob.read_bytes() for blob in blobs if blob.suffix != ".lock")


def test_voice_of_several_revisions_is_found_and_removed_whole(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    entry = catalog.CATALOG["piper-cori"]
    hub.files = {f"{entry.folder}/{file}": file.encode() for file in ("voice.onnx", "voice.onnx.json")}
    first = local_store.download("piper-cori")
    snapshots = first.parents[len(Path(entry.folder).parts)]
    assert snapshots.name == "snapshots"
    shutil.copytree(first, snapshots / ("a" * 40) / entry.folder, symlinks=True)
    broken = snapshots / ("0" * 40) / entry.folder
    broken.mkdir(parents=True)
    (broken / "voice.onnx").symlink_to(tmp_path / "nowhere")
    (first / "samples").mkdir()  # another program may have got more of it
    assert local_store.find_model("piper-cori", "piper") == str(first)
    assert local_store.remove_model("piper-cori") == len(b"voice.onnx") + len(b"voice.onnx.json")
    assert not local_store.is_installed(entry) and local_store.remove_model("piper-cori") == 0
    assert local_store.download("piper-cori") == first and local_store.is_installed(entry)


def test_model_is_downloaded_in_one_form_only(hub: Hub) -> None:
    hub.files["onnx/model.onnx"] = b"another form"
    assert not list(local_store.download("small/one").rglob("*.onnx"))


def test_damaged_content_in_the_cache_is_downloaded_again(hub: Hub, tmp_path: Path) -> None:
    blob = (local_store.download("small/one") / "model.safetensors").resolve()
    blob.write_bytes(b"\0" * len(WEIGHTS))
    hub.asked.clear()
    notes: list[str] = []
    assert (local_store.download("small/one", on_note=notes.append) / "model.safetensors").read_bytes() == WEIGHTS
    assert [name for name, _ in hub.asked] == ["model.safetensors"]
    assert notes == ["“model.safetensors” was damaged on the disk; it is fetched again."]
