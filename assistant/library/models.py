"""Models on this machine: where they lie, whether one is whole, got and removed. Knows nothing of how they run."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistant.errors import Missing
from assistant.library.catalogue import CATALOGUE, ModelEntry
from assistant.words.tongue import tr

_NEEDED = {
    "whisper": ("config.json", "model.bin", "tokenizer.json"),
    "qwen2-vl": ("config.json", "tokenizer_config.json", "tokenizer.json"),
    "piper": ("*.onnx", "*.onnx.json"),
}
_STAGES = {"whisper": "hear", "piper": "speak"}
PART = ".hark-part"  # behind the name of a content that is not whole yet


def locate(name: str, part: str) -> str:
    """The folder of a model given by catalogue name, hub name or folder, checked to be whole. Raises `Missing`."""
    stage = _STAGES.get(part, "answer")
    if not name:
        name = next((entry.name for entry in CATALOGUE.values() if entry.part == part and is_here(entry)), "")
    if not name:
        known = ", ".join(entry.name for entry in CATALOGUE.values() if entry.part == part)
        raise Missing(
            stage,
            tr("No model is chosen for {part}.").format(part=part),
            tr("Name a folder, or get one of: {known}.").format(known=known),
        )
    folder = Path(name)
    if not os.path.isdir(name):
        folder = _cached(name, stage)
    _check(folder, part, stage)
    return str(folder)


def is_here(entry: ModelEntry) -> bool:
    """Whether the model is whole on this machine."""
    try:
        locate(entry.name, entry.part)
    except Missing:
        return False
    return True


def repo_of(name: str) -> str:
    """The hub's name of a model. Raises `Missing` for one that is none."""
    entry = CATALOGUE.get(name)
    if not entry and "/" not in name:
        raise Missing(
            "load",
            tr("Hark knows no model “{name}”.").format(name=name),
            tr("See hark models, or give a hub name such as owner/name."),
        )
    return entry.repo if entry else name


def wanted(name: str, hub: str) -> list[str]:
    """What a download is told: the model's name at its hub, the hub, and the folder in it, "" for all.

    Raises `Missing`."""
    entry = CATALOGUE.get(name)
    return [repo_of(name), (entry and entry.hub) or hub, entry.folder if entry else ""]


def get(
    name: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
    hub: str = "huggingface",
    note: Callable[[str], None] = lambda sentence: None,
) -> Path:
    """Fetches a model into Hugging Face's shared cache, or what is missing of it; `progress` is told bytes, done and in
    all, `note` a sentence of what else happened. Raises `Missing` with the reason when it cannot.

    A child process does it, so that it can be stopped whatever the library does."""
    facts, total = dict[str, Any](), 0
    command = [sys.executable, "-P", "-m", "assistant.library.fetch", *wanted(name, hub)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            for line in child.stdout or ():
                facts = json.loads(line)
                total = facts.get("total", total)
                if "note" in facts:
                    note(facts["note"])
                else:
                    progress(facts.get("done", 0), total)
        except BaseException:
            child.kill()
            raise
    if "folder" not in facts:
        stopped = tr("The download stopped.")
        raise Missing("load", facts.get("error", stopped), facts.get("hint", tr("Run it again: it goes on.")))
    folder = Path(facts["folder"])
    if name in CATALOGUE:
        _check(folder, CATALOGUE[name].part, "load")
    return folder


def note_of(repo: str, inside: str) -> Path:
    """Where a download notes the contents that it begins, until all are here."""
    return place(repo) / "blobs" / f"{inside.replace('/', '--') or 'all'}.hark-begun"


def begun(name: str) -> int:
    """Bytes that are here of a model that is not whole; 0 for one that was not begun. Raises `Missing`."""
    return sum(one.stat().st_size for one in _loose(name))


def discard(name: str) -> int:
    """Throws away what was fetched of a model that is not whole; returns the bytes that are free again. Raises
    `Missing`."""
    _, _, inside = wanted(name, "")
    here, loose = place(repo_of(name)), _loose(name)
    freed = sum(one.stat().st_size for one in loose)
    locks = [one.with_name(f"{one.name.removesuffix(PART)}{PART}.lock") for one in loose]
    for path in (*loose, *locks, note_of(repo_of(name), inside)):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # others may lie there
        (here / "blobs").rmdir()
        here.rmdir()
    return freed


def _loose(name: str) -> list[Path]:
    """Contents and parts of them that a download brought and that no state of a model names yet."""
    repo, _, inside = wanted(name, "")
    here, note = place(repo), note_of(repo, inside)
    try:
        hashes = [one for one in json.loads(note.read_text()) if one.isalnum()]  # no way to elsewhere
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,
    ):  # whoever began it noted nothing: what is one model's own is known without
        hashes = [] if inside else [one.name.removesuffix(PART) for one in here.glob(f"blobs/*{PART}")]
    named = {one.stat().st_ino for one in here.glob("snapshots/**/*") if one.is_file()}
    files = [here / "blobs" / f"{one}{behind}" for one in hashes for behind in ("", PART)]
    return [one for one in files if one.is_file() and one.stat().st_ino not in named]


def remove(name: str) -> int:
    """Removes a model from the hub's cache, and what was fetched of one that is not whole; returns the bytes that are
    free again. What is not there gives 0."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    repo, entry = repo_of(name), CATALOGUE.get(name)
    freed = discard(name)
    if entry and entry.folder:
        return freed + _remove_folder(entry)
    try:
        cache = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        return freed
    revisions = [one.commit_hash for kept in cache.repos if kept.repo_id == repo for one in kept.revisions]
    plan = cache.delete_revisions(*revisions)
    plan.execute()
    return freed + plan.expected_freed_size


def _remove_folder(entry: ModelEntry) -> int:
    """Removes what a repository of many holds of this one; others may be here too."""
    here = place(entry.repo)
    names = [path for path in here.glob(f"snapshots/*/{entry.folder}/*") if not path.is_dir()]
    # Several names, of several states, may lead to one content; some to none.
    content = {
        blob
        for path in names
        for blob in (here / "blobs").iterdir()
        if path.exists() and not blob.is_dir() and blob.samefile(path)
    }
    freed = sum(blob.stat().st_size for blob in content)
    for path in (*names, *content):
        path.unlink(missing_ok=True)
    return freed


def place(repo: str) -> Path:
    """Where the hub's shared cache has a model, all its states together."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"


def _cached(name: str, stage: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    entry = CATALOGUE.get(name)
    try:
        if entry and entry.folder:
            return _newest(entry)
        return Path(snapshot_download(entry.repo if entry else name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError, ValueError, IndexError):
        raise Missing(
            stage,
            tr("The model “{name}” is not on this machine.").format(name=name),
            tr("Get it: hark models get {name}").format(name=name),
        ) from None


def _newest(entry: ModelEntry) -> Path:
    """Of a repository of many they are got one by one, and each may be of another state. Raises `OSError`, and
    `IndexError` where there is none."""
    here = place(entry.repo)
    head = (here / "refs" / "main").read_text()
    states = sorted((here / "snapshots").iterdir(), key=lambda one: (one.name == head, one.stat().st_mtime))
    whole = [
        one / entry.folder
        for one in states
        if all(any(file.is_file() for file in (one / entry.folder).glob(kind)) for kind in _NEEDED[entry.part])
    ]
    return whole[-1]


def _check(folder: Path, part: str, stage: str) -> None:
    again = tr("Get it again, or copy the missing file into the folder.")
    for needed in _NEEDED.get(part, ()):
        if not any(one.is_file() for one in folder.glob(needed)):
            raise Missing(
                stage, tr("The model folder “{folder}” lacks {needed}.").format(folder=folder, needed=needed), again
            )
    if part != "qwen2-vl":
        return
    shards = _shards(folder, stage)
    for shard in shards:
        if not (folder / shard).is_file():
            raise Missing(
                stage, tr("The model folder “{folder}” lacks {shard}.").format(folder=folder, shard=shard), again
            )
        if not _whole(folder / shard):
            raise Missing(
                stage,
                tr("The file {shard} in “{folder}” is cut off or damaged.").format(shard=shard, folder=folder),
                again,
            )


def _shards(folder: Path, stage: str) -> list[str]:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return ["model.safetensors"]
    try:
        names = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (ValueError, KeyError, OSError, AttributeError):
        raise Missing(
            stage,
            tr("The file {name} in “{folder}” is damaged.").format(name=index.name, folder=folder),
            tr("Get the model again."),
        ) from None
    return sorted(Path(name).name for name in names)


def _whole(path: Path) -> bool:
    """Whether a safetensors file is as long as its own header says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if len(head) < 8:
            return False
        (length,) = struct.unpack("<Q", head)
        if length > min(size, 100_000_000):
            return False
        try:
            table = json.loads(file.read(length))
            end = max((one["data_offsets"][1] for name, one in table.items() if name != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
    return bool(size == 8 + length + end)


def main() -> None:
    """Tells as JSON which models are here, and of which so many bytes; or, told `remove NAME` or `discard NAME`, how
    many bytes are free again: for those who must not wait while libraries are imported."""
    if sys.argv[1:]:
        print({"remove": remove, "discard": discard}[sys.argv[1]](sys.argv[2]))
        return
    here = [entry.name for entry in CATALOGUE.values() if is_here(entry)]
    parts = {name: begun(name) for name in CATALOGUE if name not in here}
    print(json.dumps({"here": here, "begun": {name: size for name, size in parts.items() if size}}))


if __name__ == "__main__":
    main()
