"""What a hub may know of the user, what Hark says when it refuses, and how little a hostile one costs."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from assistant.errors import NotAvailableError
from assistant.models import hub_cache, hubs, local_store
from assistant.models.catalog import CATALOG
from assistant.models.hub_errors import explain_error
from tests.support.hub_server import Hub, started

WEIGHTS = b"\1" * 300_000
TOKEN = "hf_" + "s" * 30


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with started(Hub({"config.json": b"{}", "model.safetensors": WEIGHTS}, real=True)) as hub:
        for name, value in (
            ("HF_ENDPOINT", hub.address), ("HF_HOME", str(tmp_path / "hf")), ("HF_HUB_OFFLINE", "0"),
            ("NO_PROXY", "127.0.0.1,localhost"), ("HF_TOKEN", TOKEN),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.address)
        yield hub


def authorized(hub: Hub) -> set[str]:
    """The hosts that were shown the token."""
    return {host for host, _, headers in hub.requests if TOKEN in str(headers)}


def test_a_model_comes_by_way_of_other_hosts_and_paths_as_from_the_real_hub(hub: Hub) -> None:
    folder = local_store.download("small/one")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS and (folder / "config.json").read_bytes() == b"{}"
    paths = [path for _, path, _ in hub.requests]
    assert any(path.startswith("/cdn/") for path in paths) and any("resolve-cache" in path for path in paths)


def test_a_token_is_not_shown_to_a_mirror(hub: Hub) -> None:
    local_store.download("small/one")
    assert hub.requests and not authorized(hub)


def test_a_token_in_a_file_is_not_shown_to_a_mirror(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text(TOKEN)
    local_store.download("small/one")
    assert hub.requests and not authorized(hub)


def test_token_is_sent_to_its_own_hub_and_not_after_a_redirect(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "TOKEN_HUB", hub.address)
    own = hubs.HuggingFaceHub()
    own.list_files("small/one", "", "")
    for name in ("config.json", "model.safetensors"):
        with own.open_file("small/one", "main", name, 0) as answer:
            assert b"".join(hubs.read_blocks(answer))
    assert {host.partition(":")[0] for host, _, _ in hub.requests} == {"127.0.0.1", "localhost"}
    assert {host.partition(":")[0] for host in authorized(hub)} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (404, {}, "has no “small/one”"),
        (401, {"X-Error-Code": "RepoNotFound"}, "has no “small/one”"),
        (401, {}, "private, or there is none.*sends the token to huggingface.co alone"),
        (403, {"X-Error-Code": "GatedRepo"}, "without permission.*log in"),
        (404, {"X-Error-Code": "RevisionNotFound"}, "does not have the version.*update Hark"),
        (429, {"Retry-After": "600"}, "too many requests.*in 10 minutes"),
        (429, {"Retry-After": "soon"}, "too many requests.*in 5 minutes"),
        (503, {}, "out of order"),
        (418, {}, "refuses"),
        (302, {"Location": "http://127.0.0.1:9/elsewhere"}, "offline, or “127.0.0.1” cannot be reached"),
        (302, {"Location": "file:///etc/passwd"}, "address is not valid"),
    ],
)
def test_each_refusal_has_a_sentence_of_its_own(hub: Hub, status: int, headers: dict[str, str], said: str) -> None:
    hub.refuses["/api/models/"] = (status, headers)
    with pytest.raises(NotAvailableError, match=said) as failed:
        local_store.download("small/one")
    assert not any(word in str(failed.value) for word in ("http", "Error", "url", "urllib"))


def test_refused_file_is_reported_at_once_and_not_retried(hub: Hub) -> None:
    hub.refuses["/resolve/"] = (403, {"X-Error-Code": "GatedRepo"})
    with pytest.raises(NotAvailableError, match=r"“config\.json” to nobody without permission"):
        local_store.download("small/one")
    assert len([path for _, path, _ in hub.requests if "/resolve/" in path]) == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (requests.exceptions.ProxyError(), "proxy"),
        (requests.exceptions.SSLError(), "certificate"),
        (requests.ReadTimeout(), "does not answer"),
        (requests.ConnectTimeout(), "offline"),
        (requests.ConnectionError("reset"), "line was cut"),
        (requests.TooManyRedirects(), "makes no sense"),
        (OSError("Could not find a suitable TLS CA certificate bundle"), "certificates is missing"),
        (OSError(28, "No space left on device"), "disk is full"),
        (PermissionError(13, "Permission denied", "/models"), "“/models” cannot be written"),
        (OSError(5, "Input/output error"), "disk reports"),
        (ValueError(), "makes no sense"),
    ],
)
def test_each_fault_has_a_sentence_of_its_own(error: Exception, said: str) -> None:
    sentence, hint = explain_error(error, "small/one")
    assert said in sentence and sentence.endswith(".") and hint


def test_a_proxy_that_does_not_answer_is_named(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "elsewhere")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(NotAvailableError, match="the proxy does not let it through"):
        local_store.download("small/one")


def test_a_computer_that_is_to_stay_offline_asks_no_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NotAvailableError, match="HF_HUB_OFFLINE"):
        local_store.download("small/one")
    assert not hub.requests


@pytest.mark.parametrize("name", ["a/b/c", "../etc", "a/../b", "a/b?x=", "https://huggingface.co/a/b", "a/ b", "/a"])
def test_invalid_model_name_is_not_requested_from_a_hub(hub: Hub, name: str) -> None:
    with pytest.raises(NotAvailableError, match="knows no model"):
        local_store.download(name)
    assert not hub.requests


def test_unwritable_hub_folder_is_reported(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "file" / "hf"))
    with pytest.raises(NotAvailableError, match="the disk reports"):
        local_store.download("small/one")


@pytest.mark.parametrize("packed", [False, True])
def test_endless_listing_is_given_up_within_a_limit(hub: Hub, packed: bool) -> None:
    zeros = b" " * 2**20
    blocks = itertools.repeat(zeros) if not packed else itertools.repeat(gzip.compress(zeros * 64)[:-8])
    hub.listed = ({"Content-Encoding": "gzip"} if packed else {}, blocks)
    tracemalloc.start()
    with pytest.raises(ValueError, match="without end"):
        hubs.HuggingFaceHub().list_files("small/one", "", "")
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()


def test_listing_that_arrives_too_slowly_is_given_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "MAX_LISTING_SECONDS", 0.0)
    hub.listed = ({}, itertools.repeat(b" "))
    with pytest.raises(requests.Timeout):
        hubs.HuggingFaceHub().list_files("small/one", "", "")


def test_compressed_listing_is_read(hub: Hub) -> None:
    hub.listed = ({"Content-Encoding": "gzip"}, [gzip.compress(json.dumps(hub.info("small/one", "main")).encode())])
    assert len(hubs.HuggingFaceHub().list_files("small/one", "", "")[1]) == 2


@pytest.mark.parametrize(
    "name",
    [
        "../model.json", "a/../b.json", "/etc/b.json", "a\\b.json", "C:b.json", "nul.json", "a/COM1.json", "aux .json",
        "a//b.json", "a. /b.json", "b*.json", "x" * 300 + ".json",
    ],
)  # fmt: skip
def test_a_file_name_that_leads_elsewhere_is_refused(hub: Hub, tmp_path: Path, name: str) -> None:
    hub.files[name] = b"{}"
    with pytest.raises(NotAvailableError, match="makes no sense"):
        local_store.download("small/one")
    assert not list((tmp_path / "hf").rglob("*.json"))


@pytest.mark.parametrize(
    "listing",
    [
        {"sha": 5}, {"sha": "../../x"}, {"siblings": None}, {"siblings": [5]}, {"siblings": [{"rfilename": "a.json"}]},
        {"siblings": [{"rfilename": "a.json", "size": -1, "blobId": "c" * 40}]},
        {"siblings": [{"rfilename": "a.json", "size": 2**70, "blobId": "c" * 40}]},
        {"siblings": [{"rfilename": "a.json", "size": 1, "blobId": "../" + "c" * 37}]},
        {"siblings": [{"rfilename": f"{n}.json", "size": 1, "blobId": "c" * 40} for n in range(2_000)]},
        {"siblings": [{"rfilename": name, "size": 1, "blobId": "c" * 40} for name in ("a.json", "A.json")]},
        {"siblings": [{"rfilename": name, "size": 1, "blobId": "c" * 40} for name in ("a.json", "a.json/b.json")]},
    ],
)  # fmt: skip
def test_nonsensical_listing_is_refused(hub: Hub, listing: dict[str, object]) -> None:
    hub.listed = ({}, [json.dumps({**hub.info("small/one", "main"), **listing}).encode()])
    with pytest.raises(NotAvailableError, match="makes no sense"):
        local_store.download("small/one")


def test_the_catalogue_pins_revisions_and_contents() -> None:
    pinned = {name for name, entry in CATALOG.items() if entry.revision}
    assert CATALOG.keys() - pinned == {"qwen2-vl-2b-awq", "qwen2-vl-7b-gptq", "qwen2-vl-72b-awq"}
    hashed = {name for name, entry in CATALOG.items() if entry.sha256}
    assert pinned - hashed == {"qwen2-vl-7b", "qwen2-vl-7b-awq", "qwen2-vl-72b"}
    for entry in CATALOG.values():
        assert all(len(digest) == 64 and int(digest, 16) for _, digest in entry.sha256)
        assert not entry.revision or len(entry.revision) == 40


def pin(monkeypatch: pytest.MonkeyPatch, hub: Hub, **sha256: str) -> None:
    """whisper-tiny at its hub, with these contents known."""
    hub.files = {"config.json": b"{}", "model.bin": WEIGHTS, "tokenizer.json": b"{}"}
    known = tuple((name.replace("_", "."), digest) for name, digest in sha256.items())
    monkeypatch.setitem(CATALOG, "whisper-tiny", replace(CATALOG["whisper-tiny"], sha256=known))


@pytest.mark.parametrize("file", ["model_bin", "config_json"])
def test_content_with_another_hash_than_the_catalogue_is_refused(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """The hub itself names its hash: of a large file ours tells before it comes, of a small one after it."""
    pin(monkeypatch, hub, **{file: "5" * 64})
    with pytest.raises(NotAvailableError, match="at the hub is not the file that Hark knows"):
        local_store.download("whisper-tiny")
    assert not local_store.is_installed(CATALOG["whisper-tiny"])
    assert not [path for _, path, _ in hub.requests if path.endswith("model.bin")]


def test_a_catalogue_model_comes_in_its_revision_and_is_found_beside_a_newer_state(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    digest = {name: hashlib.sha256(data).hexdigest() for name, data in (("model_bin", WEIGHTS), ("config_json", b"{}"))}
    pin(monkeypatch, hub, **digest)
    newest = hub_cache.cache_folder("Systran/faster-whisper-tiny") / "refs" / "main"
    newest.parent.mkdir(parents=True)
    newest.write_text("9" * 40)
    folder = local_store.download("whisper-tiny")
    assert folder.name == CATALOG["whisper-tiny"].revision and local_store.find_model("whisper-tiny", "whisper") == str(
        folder
    )
    assert newest.read_text() == "9" * 40, "what other programs take for the newest stays"


def test_answer_of_a_hub_with_another_revision_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    pin(monkeypatch, hub)
    hub.listed = ({}, [json.dumps(hub.info("small/one", "main")).encode()])
    with pytest.raises(NotAvailableError, match="makes no sense"):
        local_store.download("whisper-tiny")
