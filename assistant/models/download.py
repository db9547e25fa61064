"""Child process that downloads a model from a hub into Hugging Face's shared cache.

`python -m assistant.models.download REPO HUB FOLDER REVISION HASHES`: FOLDER is "" for the whole repository, REVISION
"" for the newest, HASHES a JSON table of file names and their known SHA-256. It can be stopped at any time, and resumes
where it stopped.

It prints lines of JSON: first `total` bytes and number of `files`, then `done` bytes or a `note` (a sentence), at the
end `folder`, or `error` and `hint`. The hashes of a begun download are written to `local_store.progress_file`, so that
it can be discarded. Each file is compared with the hub's hash (SHA-256 of large files, Git's SHA-1 of others) and with
the known one, and interrupted transfers are resumed. huggingface_hub 2.4 does neither, so only its endpoint, token and
cache layout are used (docs/decisions/0011-downloads.md)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock

from assistant.models import hub_cache, local_store
from assistant.models.hub_errors import explain_error, is_final_error
from assistant.models.hubs import HUBS, HubFile, ModelHub, read_blocks
from assistant.text import i18n
from assistant.text.i18n import tr

_MAX_ATTEMPTS = 4  # per file
_RETRY_DELAY_S = 0.5  # before the second attempt; more than twice as long before each further one
_PROGRESS_INTERVAL_S = 0.3
_DISK_SPACE_FACTOR = 1.02  # free space demanded per byte to download


OpenFile = Callable[[HubFile, int], requests.Response]


class DownloadStoppedError(Exception):
    """The download failed. Arguments: a sentence on why, and a hint."""


@dataclass(frozen=True)
class DownloadRequest:
    """What to download."""

    repo: str  # name at the hub, owner/name
    folder: str = ""  # the folder in the repository, "" for all of it
    revision: str = ""  # a commit, "" for the newest
    hashes: dict[str, str] = field(default_factory=dict)  # file names in the folder and their known SHA-256


def download_model(request: DownloadRequest, report: Any, hub: ModelHub) -> Path:
    """Downloads the missing files of a model; returns its folder in the cache. `report` takes each line's values.

    Raises `DownloadStoppedError`, and `OSError` for the disk."""
    cache, progress_file = (
        hub_cache.cache_folder(request.repo),
        local_store.progress_file(request.repo, request.folder),
    )
    commit, files = _list_files(hub, request)

    def open_file(file: HubFile, start: int) -> requests.Response:
        return hub.open_file(request.repo, commit, file.name, start)

    total_bytes = sum(hub_file.size for hub_file in files)
    _check_disk_space(cache, total_bytes - _bytes_present(cache / "blobs", files))
    report({"total": total_bytes, "files": len(files)})
    progress_file.parent.mkdir(parents=True, exist_ok=True)
    progress_file.write_text(json.dumps([hub_file.hash for hub_file in files]))

    def report_progress() -> None:
        report({"done": _bytes_present(cache / "blobs", files)})

    for hub_file in files:
        report_progress()
        if not _is_complete(cache / "blobs" / hub_file.hash, hub_file, report):
            _download_file(hub_file, open_file, cache / "blobs", report_progress)
        _check_known_hash(cache / "blobs" / hub_file.hash, hub_file.name, request)
    report({"done": total_bytes})
    folder = _link_snapshot(cache, commit, files, request.revision) / request.folder
    progress_file.unlink(missing_ok=True)
    return folder


def _check_known_hash(blob: Path, name: str, request: DownloadRequest) -> None:
    """Deletes a file whose content differs from the known hash. Raises `DownloadStoppedError`."""
    known_hash = request.hashes.get(name.removeprefix(f"{request.folder}/"))
    if (
        known_hash
        and blob.name != known_hash
        and (len(blob.name) == len(known_hash) or not _has_content(blob, known_hash))
    ):
        blob.unlink()
        raise _make_unknown_content_error(name)


def _make_unknown_content_error(name: str) -> DownloadStoppedError:
    message = tr("“{name}” at the hub is not the file that Hark knows; it was not taken.").format(name=name)
    return DownloadStoppedError(message, tr("Use another hub or mirror, or update Hark."))


def _is_complete(blob: Path, file: HubFile, report: Any) -> bool:
    """Whether a file is in the cache with the right content; a damaged one is deleted and reported."""
    if not blob.is_file():
        return False
    if _has_content(blob, file.hash):
        return True
    blob.unlink()
    report({"note": tr("“{name}” was damaged on the disk; it is fetched again.").format(name=file.name)})
    return False


def _list_files(hub: ModelHub, request: DownloadRequest) -> tuple[str, list[HubFile]]:
    """The commit and the requested files of a model at its hub. Raises `DownloadStoppedError`."""
    try:
        commit, files = hub.list_files(request.repo, request.folder, request.revision)
    except (requests.RequestException, ValueError) as error:
        raise DownloadStoppedError(*explain_error(error, request.repo)) from error
    if not files:
        message = tr("“{repo}” holds no model that Hark can use.").format(repo=request.repo)
        raise DownloadStoppedError(message, tr("Choose another."))
    for file in files:
        known_hash = request.hashes.get(file.name.removeprefix(f"{request.folder}/"), "")
        if len(known_hash) == len(file.hash) and known_hash != file.hash:
            raise _make_unknown_content_error(file.name)  # before downloading gigabytes
    return commit, files


def _download_file(file: HubFile, open_file: OpenFile, blobs: Path, report_progress: Callable[[], None]) -> None:
    """Downloads the missing rest of a file and calls `report_progress` meanwhile. Raises `DownloadStoppedError`."""
    blobs.mkdir(parents=True, exist_ok=True)
    part = blobs / f"{file.hash}{local_store.PART_SUFFIX}"
    with FileLock(f"{part}.lock"):  # another process may be downloading the same file
        if not (blobs / file.hash).exists():
            _fill_part(file, open_file, part, report_progress)
            _verify_part(part, file)
            part.replace(blobs / file.hash)


def _fill_part(file: HubFile, open_file: OpenFile, part: Path, report_progress: Callable[[], None]) -> None:
    """Completes a partial file in several attempts. Raises `DownloadStoppedError`."""
    for attempt in range(_MAX_ATTEMPTS):
        if part.exists() and part.stat().st_size >= file.size:
            return  # an earlier download was stopped during its check
        time.sleep(_RETRY_DELAY_S * (2**attempt - 1))
        last_error = requests.RequestException()
        try:
            _resume_part(file, open_file, part, report_progress)
        except requests.RequestException as error:
            last_error = error
            if is_final_error(error):
                break
    if part.exists() and part.stat().st_size >= file.size:
        return
    raise DownloadStoppedError(*explain_error(last_error, file.name)) from last_error


def _resume_part(file: HubFile, open_file: OpenFile, part: Path, report_progress: Callable[[], None]) -> None:
    """Appends to a partial file until the response ends, or the file is larger than it should be."""
    reported_at = 0.0
    response = open_file(file, part.stat().st_size if part.exists() else 0)
    with response, part.open("ab" if response.status_code == 206 else "wb") as out:
        for block in read_blocks(response):
            out.write(block)
            out.flush()
            if time.monotonic() - reported_at > _PROGRESS_INTERVAL_S:
                reported_at = time.monotonic()
                report_progress()
            if out.tell() > file.size:
                break


def _link_snapshot(cache: Path, commit: str, files: list[HubFile], revision: str) -> Path:
    """Links the downloaded contents under their names, in huggingface_hub's cache layout, so that other programs find
    them. A download of a given `revision` does not replace the `main` reference."""
    folder = cache / "snapshots" / commit
    for file in files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        blob = cache / "blobs" / file.hash
        try:
            path.symlink_to(os.path.relpath(blob, path.parent))
        except OSError:  # Windows, without the right to create symbolic links
            os.link(blob, path)
    main_ref = cache / "refs" / "main"
    main_ref.parent.mkdir(exist_ok=True)
    if commit != revision or not main_ref.exists():
        main_ref.write_text(commit)
    return folder


def _verify_part(part: Path, file: HubFile) -> None:
    """Deletes a file that does not match the hub's size or hash. Raises `DownloadStoppedError`."""
    if part.stat().st_size > file.size or not _has_content(part, file.hash):
        part.unlink()
        message = tr("“{name}” came with other content than the hub promises; it was thrown away.").format(
            name=file.name
        )
        raise DownloadStoppedError(message, tr("Run it again, or use another mirror."))


def _has_content(path: Path, expected_hash: str) -> bool:
    """Whether a file has this hash: SHA-256 if it has 64 digits, Git's SHA-1 of a blob if it has 40."""
    hasher = hashlib.sha256()
    if len(expected_hash) == 40:
        hasher = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest() == expected_hash


def _bytes_present(blobs: Path, files: list[HubFile]) -> int:
    """Bytes that are in the cache already, of complete and partial files."""
    present_bytes = 0
    for file in files:
        for name in (file.hash, f"{file.hash}{local_store.PART_SUFFIX}"):
            path = blobs / name
            if path.is_file():
                present_bytes += min(file.size, path.stat().st_size)
                break
    return present_bytes


def _check_disk_space(blobs: Path, needed_bytes: int) -> None:
    folder = next(path for path in (blobs, *blobs.parents) if path.is_dir())
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes * _DISK_SPACE_FACTOR:
        message = tr("The model needs {needed:.1f} GB more, and there are {free:.1f} GB on the disk of “{place}”.")
        raise DownloadStoppedError(
            message.format(needed=needed_bytes / 1e9, free=free_bytes / 1e9, place=folder),
            tr("Make room, or set HF_HOME to a larger disk."),
        )


def main() -> int:
    """Downloads the model that the arguments name; returns the exit code, 0 for success."""
    i18n.use_inherited_language()

    def print_json(message: dict[str, Any]) -> None:
        print(json.dumps(message, ensure_ascii=False), flush=True)

    repo, hub_name, folder, revision, hashes = sys.argv[1:]
    try:
        _refuse_offline()
        print_json(
            {
                "folder": str(
                    download_model(
                        DownloadRequest(repo, folder, revision, json.loads(hashes)), print_json, HUBS[hub_name]()
                    )
                )
            }
        )
    except DownloadStoppedError as stopped:
        error, hint = stopped.args
    except OSError as fault:
        error, hint = explain_error(fault, repo)
    else:
        return 0
    print_json({"error": error, "hint": hint})
    return 1


def _refuse_offline() -> None:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise DownloadStoppedError(tr("HF_HUB_OFFLINE is set: nothing is fetched."), tr("Unset it, then run it again."))


if __name__ == "__main__":
    sys.exit(main())
