"""Finds complete models in Hugging Face's shared cache."""

from __future__ import annotations

import re
from pathlib import Path

from assistant.errors import NotAvailableError
from assistant.models.catalog import CATALOG, CatalogEntry
from assistant.models.model_check import NEEDED_FILES
from assistant.text.i18n import tr

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


def cache_folder(repo: str) -> Path:
    """The folder of a repository, with all its snapshots, in Hugging Face's shared cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"


def find_cached_model(name: str, stage: str) -> Path:
    """The folder of a model in the cache, by catalogue or hub name. Raises `NotAvailableError`, with this `stage`."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    entry = CATALOG.get(name)
    try:
        if entry and entry.folder:
            return _newest_snapshot(entry)
        if (
            entry
            and entry.revision
            and _has_needed_files(pinned := cache_folder(entry.repo) / "snapshots" / entry.revision, entry)
        ):
            return pinned
        return Path(snapshot_download(entry.repo if entry else name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError, ValueError, IndexError):
        if not entry and not HUB_NAME.fullmatch(name):
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
    """The newest complete snapshot of one voice: those of a repository are downloaded one by one, at different commits.

    Raises `OSError`, and `IndexError` if there is none."""
    cache = cache_folder(entry.repo)
    main_ref = cache / "refs" / "main"
    preferred_commits = (entry.revision, main_ref.read_text() if main_ref.is_file() else "")
    snapshots = sorted(
        (cache / "snapshots").iterdir(),
        key=lambda snapshot: (*(snapshot.name == revision for revision in preferred_commits), snapshot.stat().st_mtime),
    )
    complete_folders = [
        snapshot / entry.folder for snapshot in snapshots if _has_needed_files(snapshot / entry.folder, entry)
    ]
    return complete_folders[-1]


def _has_needed_files(folder: Path, entry: CatalogEntry) -> bool:
    return all(any(file.is_file() for file in folder.glob(pattern)) for pattern in NEEDED_FILES[entry.backend])
