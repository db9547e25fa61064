"""Fetches a model from a hub into the hub's shared cache, as a process of its own: `python -m assistant.models.download
REPO HUB FOLDER REVISION HASHES`, where FOLDER is "" for all of it, REVISION "" for the newest, and HASHES what we know
ourselves of the contents: a JSON table of file names and SHA-256. It may be stopped at any moment and goes on where it
was. Knows nothing of who reads what it tells.

On standard output, lines of JSON: `total` and `files`; `done` bytes; `note`, a sentence; at the end `folder`, or
`error` and `hint`. What it begins is noted beside the contents (`models.note_of`), so that it can be thrown away.
Each file's content is compared with the hash that the hub names for it (SHA-256 of large files, Git's SHA-1 of
others) and with the one that we know, and a line that was cut is taken up where it broke: huggingface_hub 2.4 does
neither, so that only its places, its token and the layout of its cache are used (docs/decisions/0011-downloads.md)."""

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

from assistant.models import local_store
from assistant.models.hub_errors import explain_error, is_final_error
from assistant.models.hubs import HUBS, HubFile, ModelHub, read_blocks
from assistant.text import i18n
from assistant.text.i18n import tr

_TRIES = 4  # of a file whose line is cut
_WAIT = 0.5  # seconds before the second, and more than twice as many before each more
_TELL = 0.3  # seconds between two lines
_SPARE = 1.02  # of the disk that is needed


OpenFile = Callable[[HubFile, int], requests.Response]


class DownloadStoppedError(Exception):
    """It cannot go on; carries a sentence and the next step."""


@dataclass(frozen=True)
class DownloadRequest:
    """A model at its hub: all of it, or what is in the folder `inside`. `revision`: a commit, "" for the newest.
    `hashes`: the SHA-256 that we know of files in it."""

    repo: str
    folder: str = ""
    revision: str = ""
    hashes: dict[str, str] = field(default_factory=dict)


def download_model(request: DownloadRequest, report: Any, hub: ModelHub) -> Path:
    """Fetches all that is missing of a model; returns its folder. Raises `Stopped`, `OSError` of the disk."""
    place, note = local_store.cache_folder(request.repo), local_store.progress_file(request.repo, request.folder)
    commit, files = _list_files(hub, request)

    def open_file(file: HubFile, begin: int) -> requests.Response:
        return hub.open_file(request.repo, commit, file.name, begin)

    total = sum(one.size for one in files)
    _check_disk_space(place, total - _bytes_present(place / "blobs", files))
    report({"total": total, "files": len(files)})
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps([one.hash for one in files]))

    def report_progress() -> None:
        report({"done": _bytes_present(place / "blobs", files)})

    for one in files:
        report_progress()
        if not _is_complete(place / "blobs" / one.hash, one, report):
            _download_file(one, open_file, place / "blobs", report_progress)
        _check_known(place / "blobs" / one.hash, one.name, request)
    report({"done": total})
    folder = _link_snapshot(place, commit, files, request.revision) / request.folder
    note.unlink(missing_ok=True)
    return folder


def _check_known(blob: Path, name: str, wanted: DownloadRequest) -> None:
    """Throws away what is another content than the one that we know of this model. Raises `Stopped`."""
    known = wanted.hashes.get(name.removeprefix(f"{wanted.folder}/"))
    if known and blob.name != known and (len(blob.name) == len(known) or not _has_content(blob, known)):
        blob.unlink()
        raise _unknown_content(name)


def _unknown_content(name: str) -> DownloadStoppedError:
    what = tr("“{name}” at the hub is not the file that Hark knows; it was not taken.").format(name=name)
    return DownloadStoppedError(what, tr("Use another hub or mirror, or update Hark."))


def _is_complete(blob: Path, file: HubFile, tell: Any) -> bool:
    """Whether a content is here: it is read, whoever brought it; a damaged one is thrown away, and that is told."""
    if not blob.is_file():
        return False
    if _has_content(blob, file.hash):
        return True
    blob.unlink()
    tell({"note": tr("“{name}” was damaged on the disk; it is fetched again.").format(name=file.name)})
    return False


def _list_files(hub: ModelHub, wanted: DownloadRequest) -> tuple[str, list[HubFile]]:
    """The state of a model at its hub, and its files as far as they are wanted. Raises `Stopped`."""
    try:
        commit, files = hub.list_files(wanted.repo, wanted.folder, wanted.revision)
    except (requests.RequestException, ValueError) as error:
        raise DownloadStoppedError(*explain_error(error, wanted.repo)) from error
    if not files:
        what = tr("“{repo}” holds no model that Hark can use.").format(repo=wanted.repo)
        raise DownloadStoppedError(what, tr("Choose another."))
    for file in files:
        known = wanted.hashes.get(file.name.removeprefix(f"{wanted.folder}/"), "")
        if len(known) == len(file.hash) and known != file.hash:
            raise _unknown_content(file.name)  # before gigabytes of it are here
    return commit, files


def _download_file(file: HubFile, opened: OpenFile, blobs: Path, moved: Callable[[], None]) -> None:
    """Fetches what is missing of a file, whatever cuts the line; `moved` is called now and then. Raises `Stopped`."""
    blobs.mkdir(parents=True, exist_ok=True)
    part = blobs / f"{file.hash}{local_store.PART_SUFFIX}"
    with FileLock(f"{part}.lock"):  # another one may be fetching the same
        if not (blobs / file.hash).exists():
            _fill_part(file, opened, part, moved)
            _verify_part(part, file)
            part.replace(blobs / file.hash)


def _fill_part(file: HubFile, opened: OpenFile, part: Path, moved: Callable[[], None]) -> None:
    """Adds what a begun file lacks. Raises `Stopped`."""
    for attempt in range(_TRIES):
        if part.exists() and part.stat().st_size >= file.size:
            return  # it was stopped while it was checked
        time.sleep(_WAIT * (2**attempt - 1))
        reason = requests.RequestException()
        try:
            _resume_part(file, opened, part, moved)
        except requests.RequestException as error:
            reason = error
            if is_final_error(error):
                break
    if part.exists() and part.stat().st_size >= file.size:
        return
    raise DownloadStoppedError(*explain_error(reason, file.name)) from reason


def _resume_part(file: HubFile, opened: OpenFile, part: Path, moved: Callable[[], None]) -> None:
    """Adds to a begun file what it lacks; ends with the line, at the latest when it is larger than it should be."""
    told = 0.0
    answer = opened(file, part.stat().st_size if part.exists() else 0)
    with answer, part.open("ab" if answer.status_code == 206 else "wb") as out:
        for block in read_blocks(answer):
            out.write(block)
            out.flush()
            if time.monotonic() - told > _TELL:
                told = time.monotonic()
                moved()
            if out.tell() > file.size:
                break


def _link_snapshot(place: Path, commit: str, files: list[HubFile], revision: str) -> Path:
    """Gives the fetched contents their names, as huggingface_hub lays out its cache: other programs find them too. The
    newest state is theirs: one that was asked for by its `revision` does not take its place."""
    folder = place / "snapshots" / commit
    for one in files:
        path = folder / one.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        blob = place / "blobs" / one.hash
        try:
            path.symlink_to(os.path.relpath(blob, path.parent))
        except OSError:  # Windows without the right to
            os.link(blob, path)
    newest = place / "refs" / "main"
    newest.parent.mkdir(exist_ok=True)
    if commit != revision or not newest.exists():
        newest.write_text(commit)
    return folder


def _verify_part(part: Path, file: HubFile) -> None:
    """Throws away what is not what the hub promised. Raises `Stopped`."""
    if part.stat().st_size > file.size or not _has_content(part, file.hash):
        part.unlink()
        what = tr("“{name}” came with other content than the hub promises; it was thrown away.").format(name=file.name)
        raise DownloadStoppedError(what, tr("Run it again, or use another mirror."))


def _has_content(path: Path, wanted: str) -> bool:
    """Whether a file's content has this hash: of 64 digits SHA-256, of 40 Git's own of a blob."""
    made = hashlib.sha256()
    if len(wanted) == 40:
        made = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            made.update(block)
    return made.hexdigest() == wanted


def _bytes_present(blobs: Path, files: list[HubFile]) -> int:
    """Bytes that are here already, of whole files and of begun ones."""
    here = 0
    for one in files:
        for name in (one.hash, f"{one.hash}{local_store.PART_SUFFIX}"):
            path = blobs / name
            if path.is_file():
                here += min(one.size, path.stat().st_size)
                break
    return here


def _check_disk_space(blobs: Path, needed: int) -> None:
    place = next(one for one in (blobs, *blobs.parents) if one.is_dir())
    free = shutil.disk_usage(place).free
    if free < needed * _SPARE:
        what = tr("The model needs {needed:.1f} GB more, and there are {free:.1f} GB on the disk of “{place}”.")
        raise DownloadStoppedError(
            what.format(needed=needed / 1e9, free=free / 1e9, place=place),
            tr("Make room, or set HF_HOME to a larger disk."),
        )


def main() -> int:
    """Fetches the named model; 0 if it is here in the end."""
    i18n.use_inherited_language()

    def print_json(facts: dict[str, Any]) -> None:
        print(json.dumps(facts, ensure_ascii=False), flush=True)

    repo, named, inside, revision, hashes = sys.argv[1:]
    try:
        _refuse_offline()
        print_json(
            {
                "folder": str(
                    download_model(
                        DownloadRequest(repo, inside, revision, json.loads(hashes)), print_json, HUBS[named]()
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
