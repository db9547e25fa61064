"""Models on this machine: where they lie, whether one is whole, got and removed. Knows nothing of how they run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistant.errors import NotAvailableError
from assistant.models.catalog import CATALOG, MODEL_FILES, VOICE_FILES, CatalogEntry, backend_settings
from assistant.models.model_check import NEEDED_FILES, check_model
from assistant.safe_open import user_path
from assistant.setting_change import SettingChange
from assistant.text.i18n import tr

_TELLING = {"whisper": "model.bin", "piper": "*.onnx.json", "qwen2-vl": "tokenizer_config.json"}  # a file of each
_STAGES = {"whisper": "hear", "piper": "speak"}
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
PART_SUFFIX = ".hark-part"  # behind the name of a content that is not whole yet


def find_model(name: str, backend: str) -> str:
    """The folder of a model given by catalogue name, hub name or folder, checked to be whole. Raises `Missing`."""
    stage = _STAGES.get(backend, "answer")
    if not name:
        name = next((entry.name for entry in CATALOG.values() if entry.backend == backend and is_installed(entry)), "")
    if not name:
        known = ", ".join(entry.name for entry in CATALOG.values() if entry.backend == backend)
        raise NotAvailableError(
            stage,
            tr("No model is chosen for {part}.").format(part=backend),
            tr("Name a folder, or get one of: {known}.").format(known=known),
        )
    folder = _folder_named(name) or _find_cached(name, stage)
    check_model(folder, backend, stage)
    return str(folder)


def _folder_named(name: str) -> Path | None:
    """The folder that a path leads to or whose file it names, or None where there is none."""
    path = user_path(name)
    if os.path.isdir(path):
        return path
    is_part = any(path.match(kind) for kind in (*MODEL_FILES, *VOICE_FILES))
    return path.parent if is_part and os.path.isfile(path) else None


def model_title(name: str, folder: str) -> str:
    """What people call the model `name`, which was found in `folder`."""
    if name in CATALOG:
        return name
    cached = next((parent.name for parent in Path(folder).parents if parent.name.startswith("models--")), "")
    repo = cached.removeprefix("models--").replace("--", "/")
    known = next((entry.name for entry in CATALOG.values() if entry.repo == repo and not name), "")
    return known or Path(repo or folder).name


def model_settings(name: str) -> list[SettingChange]:
    """The settings that put a model to use, given by catalogue name, hub name or folder. Raises `Missing` where it is
    not here, or is none that Hark can use."""
    entry = CATALOG.get(name)
    if entry:
        find_model(name, entry.backend)
        return entry.setting_changes
    named = _folder_named(name)
    folder = named or _find_cached(name, "load")
    part = next((part for part, kind in _TELLING.items() if any(folder.glob(kind))), "")
    if not part:
        what = tr("“{repo}” holds no model that Hark can use.").format(repo=folder)
        raise NotAvailableError("load", what, tr("Choose another."))
    check_model(folder, part, "load")
    return backend_settings(part, str(folder.absolute() if named or part == "piper" else name))


def is_installed(entry: CatalogEntry) -> bool:
    """Whether the model is whole on this machine."""
    try:
        find_model(entry.name, entry.backend)
    except NotAvailableError:
        return False
    return True


def find_installed_responder() -> str:
    """The catalogue's name of a Qwen2-VL that is here and runs without further packages, or ""."""
    suited = (entry for entry in CATALOG.values() if entry.backend == "qwen2-vl" and not entry.quantisation)
    return next((entry.name for entry in suited if is_installed(entry)), "")


def hub_name(name: str) -> str:
    """The hub's name of a model. Raises `Missing` for one that is none."""
    entry = CATALOG.get(name)
    if not entry and not _HUB_NAME.fullmatch(name):
        raise NotAvailableError(
            "load",
            tr("Hark knows no model “{name}”.").format(name=name),
            tr("See hark models, or give a hub name such as owner/name."),
        )
    return entry.repo if entry else name


def download_args(name: str, hub: str) -> list[str]:
    """What a download is told (see `fetch`): the model's name at its hub, the hub, the folder in it, its revision, and
    the hashes that are known of its files. Raises `Missing`."""
    entry = CATALOG.get(name)
    if not entry:
        return [hub_name(name), hub, "", "", "{}"]
    return [entry.repo, entry.hub or hub, entry.folder, entry.revision, json.dumps(dict(entry.sha256))]


def download(
    name: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
    hub: str = "huggingface",
    note: Callable[[str], None] = lambda sentence: None,
) -> Path:
    """Fetches a model into Hugging Face's shared cache, or what is missing of it; `progress` is told bytes, done and in
    all, `note` a sentence of what else happened. Raises `Missing` with the reason when it cannot.

    A child process does it, so that it can be stopped whatever the library does."""
    facts, total = dict[str, Any](), 0
    command = [sys.executable, "-P", "-m", "assistant.models.download", *download_args(name, hub)]
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
        raise NotAvailableError("load", facts.get("error", stopped), facts.get("hint", tr("Run it again: it goes on.")))
    folder = Path(facts["folder"])
    if name in CATALOG:
        check_model(folder, CATALOG[name].backend, "load")
    return folder


def progress_file(repo: str, inside: str) -> Path:
    """Where a download notes the contents that it begins, until all are here."""
    return cache_folder(repo) / "blobs" / f"{inside.replace('/', '--') or 'all'}.hark-begun"


def partial_bytes(name: str) -> int:
    """Bytes that are here of a model that is not whole; 0 for one that was not begun. Raises `Missing`."""
    return sum(one.stat().st_size for one in _partial_files(name))


def discard_partial(name: str) -> int:
    """Throws away what was fetched of a model that is not whole; returns the bytes that are free again. Raises
    `Missing`."""
    inside = download_args(name, "")[2]
    here, loose = cache_folder(hub_name(name)), _partial_files(name)
    freed = sum(one.stat().st_size for one in loose)
    locks = [one.with_name(f"{one.name.removesuffix(PART_SUFFIX)}{PART_SUFFIX}.lock") for one in loose]
    for path in (*loose, *locks, progress_file(hub_name(name), inside)):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # others may lie there
        (here / "blobs").rmdir()
        here.rmdir()
    return freed


def _partial_files(name: str) -> list[Path]:
    """Contents and parts of them that a download brought and that no state of a model names yet."""
    repo, _, inside, *_ = download_args(name, "")
    here, note = cache_folder(repo), progress_file(repo, inside)
    try:
        hashes = [one for one in json.loads(note.read_text()) if one.isalnum()]  # no way to elsewhere
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,
    ):  # whoever began it noted nothing: what is one model's own is known without
        hashes = [] if inside else [one.name.removesuffix(PART_SUFFIX) for one in here.glob(f"blobs/*{PART_SUFFIX}")]
    named = {one.stat().st_ino for one in here.glob("snapshots/**/*") if one.is_file()}
    files = [here / "blobs" / f"{one}{behind}" for one in hashes for behind in ("", PART_SUFFIX)]
    return [one for one in files if one.is_file() and one.stat().st_ino not in named]


def remove_model(name: str) -> int:
    """Removes a model from the hub's cache, and what was fetched of one that is not whole; returns the bytes that are
    free again. What is not there gives 0."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    repo, entry = hub_name(name), CATALOG.get(name)
    freed = discard_partial(name)
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


def _remove_folder(entry: CatalogEntry) -> int:
    """Removes what a repository of many holds of this one; others may be here too."""
    here = cache_folder(entry.repo)
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


def cache_folder(repo: str) -> Path:
    """Where the hub's shared cache has a model, all its states together."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"


def _find_cached(name: str, stage: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    entry = CATALOG.get(name)
    try:
        if entry and entry.folder:
            return _newest_snapshot(entry)
        if (
            entry
            and entry.revision
            and _has_needed(pinned := cache_folder(entry.repo) / "snapshots" / entry.revision, entry)
        ):
            return pinned
        return Path(snapshot_download(entry.repo if entry else name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError, ValueError, IndexError):
        if not entry and not _HUB_NAME.fullmatch(name):
            raise NotAvailableError(
                stage,
                tr("There is no model “{name}”, and no folder of this name.").format(name=name),
                tr("See hark models, or check the folder's name."),
            ) from None
        raise NotAvailableError(
            stage,
            tr("The model “{name}” is not on this machine.").format(name=name),
            tr("Get it: hark models get {name}").format(name=name),
        ) from None


def _newest_snapshot(entry: CatalogEntry) -> Path:
    """Of a repository of many they are got one by one, and each may be of another state. Raises `OSError`, and
    `IndexError` where there is none."""
    here = cache_folder(entry.repo)
    head = here / "refs" / "main"
    known = (entry.revision, head.read_text() if head.is_file() else "")
    states = sorted(
        (here / "snapshots").iterdir(),
        key=lambda state: (*(state.name == revision for revision in known), state.stat().st_mtime),
    )
    whole = [state / entry.folder for state in states if _has_needed(state / entry.folder, entry)]
    return whole[-1]


def _has_needed(folder: Path, entry: CatalogEntry) -> bool:
    return all(any(file.is_file() for file in folder.glob(kind)) for kind in NEEDED_FILES[entry.backend])


def main() -> None:
    """Tells as JSON which models are here, and of which so many bytes; or, told `remove NAME` or `discard NAME`, how
    many bytes are free again: for those who must not wait while libraries are imported."""
    if sys.argv[1:]:
        print({"remove": remove_model, "discard": discard_partial}[sys.argv[1]](sys.argv[2]))
        return
    here = [entry.name for entry in CATALOG.values() if is_installed(entry)]
    parts = {name: partial_bytes(name) for name in CATALOG if name not in here}
    print(json.dumps({"here": here, "begun": {name: size for name, size in parts.items() if size}}))


if __name__ == "__main__":
    main()
