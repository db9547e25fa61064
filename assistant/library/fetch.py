"""Fetches a model from a hub into the hub's shared cache, as a process of its own: `python -m assistant.library.fetch
REPO`. It may be stopped at any moment and goes on where it was. Knows nothing of who reads what it tells.

On standard output, lines of JSON: `total` and `files`; `done` bytes; at the end `folder`, or `error` and `hint`.
Each file's content is compared with the hash that the hub names for it (SHA-256 of large files, Git's SHA-1 of
others), and a line that was cut is taken up where it broke: huggingface_hub 2.4 does neither, so that only its places,
its token and the layout of its cache are used (docs/decisions/0011-downloads.md)."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock

from assistant.words import tongue
from assistant.words.tongue import tr

# Weights and tables only: no pickles, no code.
KINDS = ("*.json", "*.safetensors", "*.txt", "*.jinja", "model.bin")
_TRIES = 4  # of a file whose line is cut
_WAIT = 0.5  # seconds before the second, and more than twice as many before each more
_TELL = 0.3  # seconds between two lines
_SILENCE = 10.0  # seconds without a byte
_PART = ".hark-part"  # behind the name of a file that is not whole yet
_SPARE = 1.02  # of the disk that is needed


class Stopped(Exception):
    """It cannot go on; carries a sentence and the next step."""


@dataclass(frozen=True)
class File:
    """One file of a model: its size in bytes and the hash that its content must have."""

    name: str
    size: int
    hash: str


def fetch(repo: str, tell: Any) -> Path:
    """Fetches all that is missing; returns the folder. Raises `Stopped`."""
    from huggingface_hub.constants import HF_HUB_CACHE

    place = Path(HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"
    commit, files = _listed(repo)
    total = sum(one.size for one in files)
    _room(place, total - _here(place / "blobs", files))
    tell({"total": total, "files": len(files)})
    for one in files:
        if not (place / "blobs" / one.hash).exists():
            _pull(repo, commit, one, place / "blobs", lambda: tell({"done": _here(place / "blobs", files)}))
    tell({"done": total})
    return _named(place, commit, files)


def _listed(repo: str) -> tuple[str, list[File]]:
    """The newest commit of a model, and its files as far as they are wanted. Raises `Stopped`."""
    again = tr("Check the network or HF_ENDPOINT, then run it again.")
    try:
        with _asked(f"api/models/{repo}/revision/main?blobs=true") as answer:
            told = answer.json()
        files = [
            File(
                _inside(one["rfilename"]), int(one["size"]), _hash((one.get("lfs") or {}).get("sha256", one["blobId"]))
            )
            for one in told["siblings"]
            if any(fnmatch.fnmatch(one["rfilename"], kind) for kind in KINDS)
        ]
        commit = _hash(told["sha"])
    except requests.RequestException as error:
        raise Stopped(_sentence(repo, error), again) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Stopped(_sentence(repo, ValueError(tr("the hub's answer makes no sense"))), again) from error
    if not files:
        raise Stopped(tr("“{repo}” holds no model that Hark can use.").format(repo=repo), tr("Choose another."))
    return commit, files


def _pull(repo: str, commit: str, file: File, blobs: Path, moved: Callable[[], None]) -> None:
    """Fetches what is missing of a file, whatever cuts the line; `moved` is called now and then. Raises `Stopped`."""
    blobs.mkdir(parents=True, exist_ok=True)
    part = blobs / f"{file.hash}{_PART}"
    with FileLock(f"{part}.lock"):  # another one may be fetching the same
        if not (blobs / file.hash).exists():
            _fill(repo, commit, file, part, moved)
            _checked(part, file)
            part.replace(blobs / file.hash)


def _fill(repo: str, commit: str, file: File, part: Path, moved: Callable[[], None]) -> None:
    """Adds what a begun file lacks. Raises `Stopped`."""
    for attempt in range(_TRIES):
        if part.exists() and part.stat().st_size >= file.size:
            return  # it was stopped while it was checked
        time.sleep(_WAIT * (2**attempt - 1))
        reason: Exception = OSError(tr("the line was cut"))
        try:
            _go_on(f"{repo}/resolve/{commit}/{file.name}", part, file.size, moved)
        except (requests.RequestException, OSError) as error:
            reason = error
    if part.exists() and part.stat().st_size >= file.size:
        return
    hint = tr("What is here stays; run it again to go on.")
    raise Stopped(_sentence(f"{repo}/{file.name}", reason), hint) from reason


def _go_on(path: str, part: Path, size: int, moved: Callable[[], None]) -> None:
    """Adds to a begun file what it lacks; ends with the line, at the latest when it is larger than it should be."""
    here = part.stat().st_size if part.exists() else 0
    told = 0.0
    answer = _asked(path, {"Range": f"bytes={here}-"} if here else {})
    with answer, part.open("ab" if answer.status_code == 206 else "wb") as out:
        for block in answer.iter_content(1 << 18):
            out.write(block)
            out.flush()
            if time.monotonic() - told > _TELL:
                told = time.monotonic()
                moved()
            if out.tell() > size:
                break


def _asked(path: str, headers: dict[str, str] | None = None) -> requests.Response:
    """The hub's answer, as a stream."""
    from huggingface_hub import get_token
    from huggingface_hub.constants import ENDPOINT

    told = {"Accept-Encoding": "identity", "User-Agent": "hark", **(headers or {})}
    if token := get_token():
        told["Authorization"] = f"Bearer {token}"
    answer = requests.get(f"{ENDPOINT}/{path}", headers=told, stream=True, timeout=_SILENCE)
    answer.raise_for_status()
    return answer


def _named(place: Path, commit: str, files: list[File]) -> Path:
    """Gives the fetched contents their names, as huggingface_hub lays out its cache: other programs find them too."""
    folder = place / "snapshots" / commit
    for one in files:
        path = folder / one.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        blob = place / "blobs" / one.hash
        try:
            path.symlink_to(os.path.relpath(blob, path.parent))
        except OSError:  # Windows without the right to
            shutil.copy(blob, path)
    (place / "refs").mkdir(exist_ok=True)
    (place / "refs" / "main").write_text(commit)
    return folder


def _inside(name: str) -> str:
    """A file's name that leads nowhere else."""
    if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
        raise ValueError(name)
    return name


def _hash(text: str) -> str:
    """It becomes a file's name: nothing else may come through."""
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text):
        raise ValueError(text)
    return text


def _checked(part: Path, file: File) -> None:
    """Throws away what is not what the hub promised. Raises `Stopped`."""
    if part.stat().st_size > file.size or not _has(part, file.hash):
        part.unlink()
        what = tr("“{name}” came with other content than the hub promises; it was thrown away.").format(name=file.name)
        raise Stopped(what, tr("Run it again, or use another mirror."))


def _has(path: Path, wanted: str) -> bool:
    """Whether a file's content has this hash: of 64 digits SHA-256, of 40 Git's own of a blob."""
    made = hashlib.sha256()
    if len(wanted) == 40:
        made = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            made.update(block)
    return made.hexdigest() == wanted


def _here(blobs: Path, files: list[File]) -> int:
    """Bytes that are here already, of whole files and of begun ones."""
    here = 0
    for one in files:
        for name in (one.hash, f"{one.hash}{_PART}"):
            path = blobs / name
            if path.is_file():
                here += min(one.size, path.stat().st_size)
                break
    return here


def _room(blobs: Path, needed: int) -> None:
    place = next(one for one in (blobs, *blobs.parents) if one.is_dir())
    free = shutil.disk_usage(place).free
    if free < needed * _SPARE:
        what = tr("The model needs {needed:.1f} GB more, and there are {free:.1f} GB on the disk of “{place}”.")
        raise Stopped(
            what.format(needed=needed / 1e9, free=free / 1e9, place=place),
            tr("Make room, or set HF_HOME to a larger disk."),
        )


def _sentence(what: str, error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return tr("“{repo}” could not be fetched: {what}.").format(
        repo=what, what=lines[0].partition(". ")[0].rstrip(".")[:200]
    )


def main() -> int:
    """Fetches the named model; 0 if it is here in the end."""
    tongue.inherit()

    def tell(facts: dict[str, Any]) -> None:
        print(json.dumps(facts, ensure_ascii=False), flush=True)

    try:
        tell({"folder": str(fetch(sys.argv[1], tell))})
    except Stopped as stopped:
        tell({"error": stopped.args[0], "hint": stopped.args[1]})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
