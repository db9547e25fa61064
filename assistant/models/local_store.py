"""Models on this machine: finds, downloads, checks and removes them in Hugging Face's cache or the user's folders."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistant.errors import NotAvailableError
from assistant.models.catalog import CATALOG, MODEL_FILES, VOICE_FILES, CatalogEntry, backend_settings
from assistant.models.hub_cache import HUB_NAME, cache_folder, find_cached_model
from assistant.models.model_check import check_model
from assistant.safe_open import user_path
from assistant.setting_change import SettingChange
from assistant.text.i18n import tr

_MARKER_FILES = {
    "whisper": "model.bin",
    "piper": "*.onnx.json",
    "qwen2-vl": "tokenizer_config.json",
}  # a file that only this kind has
_STAGES_BY_BACKEND = {"whisper": "hear", "piper": "speak"}
PART_SUFFIX = ".hark-part"  # of an incomplete file in the cache


def find_model(name: str, backend: str) -> str:
    """Returns the checked folder of a model, given by catalogue name, hub name or folder; "" finds an installed one.

    Raises `NotAvailableError` if it is not on this machine, or is damaged."""
    stage = _STAGES_BY_BACKEND.get(backend, "answer")
    if not name:
        name = next((entry.name for entry in CATALOG.values() if entry.backend == backend and is_installed(entry)), "")
    if not name:
        names = ", ".join(entry.name for entry in CATALOG.values() if entry.backend == backend)
        raise NotAvailableError(
            stage,
            tr("No model is chosen for {part}.").format(part=backend),
            tr("Name a folder, or get one of: {known}.").format(known=names),
        )
    folder = _find_folder(name) or find_cached_model(name, stage)
    check_model(folder, backend, stage)
    return str(folder)


def _find_folder(name: str) -> Path | None:
    """The folder of this path, or of the model's file with this path; None if there is none."""
    path = user_path(name)
    if os.path.isdir(path):
        return path
    is_model_file = any(path.match(pattern) for pattern in (*MODEL_FILES, *VOICE_FILES))
    return path.parent if is_model_file and os.path.isfile(path) else None


def model_title(name: str, folder: str) -> str:
    """A name to show for the model `name`, which was found in `folder`."""
    if name in CATALOG:
        return name
    cache_name = next((parent.name for parent in Path(folder).parents if parent.name.startswith("models--")), "")
    repo = cache_name.removeprefix("models--").replace("--", "/")
    catalog_name = next((entry.name for entry in CATALOG.values() if entry.repo == repo and not name), "")
    return catalog_name or Path(repo or folder).name


def model_settings(name: str) -> list[SettingChange]:
    """The changes of settings that put a model to use, given by catalogue name, hub name or folder.

    Raises `NotAvailableError` if it is not on this machine, or Hark cannot use it."""
    entry = CATALOG.get(name)
    if entry:
        find_model(name, entry.backend)
        return entry.setting_changes
    given_folder = _find_folder(name)
    folder = given_folder or find_cached_model(name, "load")
    backend = next((backend for backend, pattern in _MARKER_FILES.items() if any(folder.glob(pattern))), "")
    if not backend:
        message = tr("“{repo}” holds no model that Hark can use.").format(repo=folder)
        raise NotAvailableError("load", message, tr("Choose another."))
    check_model(folder, backend, "load")
    return backend_settings(backend, str(folder.absolute() if given_folder or backend == "piper" else name))


def is_installed(entry: CatalogEntry) -> bool:
    """Whether the complete model is on this machine."""
    try:
        find_model(entry.name, entry.backend)
    except NotAvailableError:
        return False
    return True


def find_installed_responder() -> str:
    """The catalogue name of an installed Qwen2-VL that needs no further packages, or ""."""
    candidates = (entry for entry in CATALOG.values() if entry.backend == "qwen2-vl" and not entry.quantisation)
    return next((entry.name for entry in candidates if is_installed(entry)), "")


def hub_name(name: str) -> str:
    """The hub's name of a model, owner/name. Raises `NotAvailableError` if `name` is neither that nor in the
    catalogue."""
    entry = CATALOG.get(name)
    if not entry and not HUB_NAME.fullmatch(name):
        raise NotAvailableError(
            "load",
            tr("Hark knows no model “{name}”.").format(name=name),
            tr("See hark models, or give a hub name such as owner/name."),
        )
    return entry.repo if entry else name


def download_args(name: str, hub: str) -> list[str]:
    """The arguments of `assistant.models.download` for a model: repository, hub, folder, revision, known hashes.

    Raises `NotAvailableError` for an unknown name."""
    entry = CATALOG.get(name)
    if not entry:
        return [hub_name(name), hub, "", "", "{}"]
    return [entry.repo, entry.hub or hub, entry.folder, entry.revision, json.dumps(dict(entry.sha256))]


def download(
    name: str,
    on_progress: Callable[[int, int], None] = lambda done, total_bytes: None,
    hub: str = "huggingface",
    on_note: Callable[[str], None] = lambda sentence: None,
) -> Path:
    """Downloads a model, or what is missing of it, into Hugging Face's shared cache; returns its folder.

    `on_progress`: takes the bytes that are done, and in total.
    `on_note`: takes sentences on anything else that happened.

    Raises `NotAvailableError` with the reason if it fails. A child process does the work, so that it can be stopped at
    any time."""
    message, total_bytes = dict[str, Any](), 0
    command = [sys.executable, "-P", "-m", "assistant.models.download", *download_args(name, hub)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            for line in child.stdout or ():
                message = json.loads(line)
                total_bytes = message.get("total", total_bytes)
                if "note" in message:
                    on_note(message["note"])
                else:
                    on_progress(message.get("done", 0), total_bytes)
        except BaseException:
            child.kill()
            raise
    if "folder" not in message:
        default_error = tr("The download stopped.")
        raise NotAvailableError(
            "load", message.get("error", default_error), message.get("hint", tr("Run it again: it goes on."))
        )
    folder = Path(message["folder"])
    if name in CATALOG:
        check_model(folder, CATALOG[name].backend, "load")
    return folder


def progress_file(repo: str, folder: str) -> Path:
    """The file with the hashes of a begun download; it is deleted when the download is complete."""
    return cache_folder(repo) / "blobs" / f"{folder.replace('/', '--') or 'all'}.hark-begun"


def partial_bytes(name: str) -> int:
    """Bytes in the cache of an incomplete download; 0 if none was begun. Raises `NotAvailableError`."""
    return sum(path.stat().st_size for path in _partial_files(name))


def discard_partial(name: str) -> int:
    """Deletes an incomplete download; returns the bytes that it took. Raises `NotAvailableError`."""
    folder = download_args(name, "")[2]
    cache, partial_files = cache_folder(hub_name(name)), _partial_files(name)
    freed_bytes = sum(file.stat().st_size for file in partial_files)
    locks = [file.with_name(f"{file.name.removesuffix(PART_SUFFIX)}{PART_SUFFIX}.lock") for file in partial_files]
    for path in (*partial_files, *locks, progress_file(hub_name(name), folder)):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # unless other files are in it
        (cache / "blobs").rmdir()
        cache.rmdir()
    return freed_bytes


def _partial_files(name: str) -> list[Path]:
    """Files of incomplete downloads: in the cache, but not linked by any snapshot yet."""
    repo, _, folder, *_ = download_args(name, "")
    cache, begun_file = cache_folder(repo), progress_file(repo, folder)
    try:
        hashes = [digest for digest in json.loads(begun_file.read_text()) if digest.isalnum()]  # never a path elsewhere
    except (OSError, ValueError, TypeError, AttributeError):
        # Without a readable file, all partial files of a repository belong to its only model.
        parts = [] if folder else cache.glob(f"blobs/*{PART_SUFFIX}")
        hashes = [part.name.removesuffix(PART_SUFFIX) for part in parts]
    linked_inodes = {path.stat().st_ino for path in cache.glob("snapshots/**/*") if path.is_file()}
    files = [cache / "blobs" / f"{digest}{suffix}" for digest in hashes for suffix in ("", PART_SUFFIX)]
    return [file for file in files if file.is_file() and file.stat().st_ino not in linked_inodes]


def remove_model(name: str) -> int:
    """Deletes a model, or an incomplete download of it, from the cache; returns the bytes that it took, 0 if none.

    Raises `NotAvailableError` for an unknown name."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    repo, entry = hub_name(name), CATALOG.get(name)
    freed_bytes = discard_partial(name)
    if entry and entry.folder:
        return freed_bytes + _remove_folder(entry)
    try:
        cache = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        return freed_bytes
    revisions = [
        revision.commit_hash
        for cached_repo in cache.repos
        if cached_repo.repo_id == repo
        for revision in cached_repo.revisions
    ]
    plan = cache.delete_revisions(*revisions)
    plan.execute()
    return freed_bytes + plan.expected_freed_size


def _remove_folder(entry: CatalogEntry) -> int:
    """Deletes one voice of a repository of several; the others stay."""
    cache = cache_folder(entry.repo)
    links = [path for path in cache.glob(f"snapshots/*/{entry.folder}/*") if not path.is_dir()]
    # Links of several snapshots may lead to the same blob, or to none.
    blobs = {
        blob
        for path in links
        for blob in (cache / "blobs").iterdir()
        if path.exists() and not blob.is_dir() and blob.samefile(path)
    }
    freed_bytes = sum(blob.stat().st_size for blob in blobs)
    for path in (*links, *blobs):
        path.unlink(missing_ok=True)
    return freed_bytes


def main() -> None:
    """Child process for the window, which must not wait for imports.

    Prints the installed models and the bytes of incomplete ones as JSON; with the arguments `remove NAME` or
    `discard NAME` it does that and prints the bytes that are free again."""
    if sys.argv[1:]:
        print({"remove": remove_model, "discard": discard_partial}[sys.argv[1]](sys.argv[2]))
        return
    installed = [entry.name for entry in CATALOG.values() if is_installed(entry)]
    partial = {name: partial_bytes(name) for name in CATALOG if name not in installed}
    print(json.dumps({"installed": installed, "partial_bytes": {name: size for name, size in partial.items() if size}}))


if __name__ == "__main__":
    main()
