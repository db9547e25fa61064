"""The hubs that models are downloaded from: Hugging Face and ModelScope. Their answers are checked before use."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol
from urllib.parse import quote

import requests
import urllib3

from assistant.models.catalog import MODEL_FILES, VOICE_FILES
from assistant.typed_reader import MAX_JSON_BYTES, MaxLength, NumberRange, TextPattern, parse_json, read_as

TOKEN_HUB = "https://huggingface.co"  # the only host that gets the user's Hugging Face token
MAX_LISTING_SECONDS = 60.0
MAX_FILES = 1_000  # per model; the largest known has 46
MAX_LISTED_FILES = 100_000  # in a repository of many models
MAX_FILE_BYTES = 2**50
_SILENCE_TIMEOUT_S = 10.0  # without a byte
_BLOCK_BYTES = 1 << 18

_Hash = Annotated[str, TextPattern(r"[0-9a-f]{40}|[0-9a-f]{64}", "a hash")]
_Size = Annotated[int, NumberRange(0, MAX_FILE_BYTES)]


@dataclass(frozen=True)
class HubFile:
    """A file of a model at a hub."""

    name: str  # path in the repository
    size: int  # bytes
    hash: str  # of its content: SHA-256 (64 digits) or Git's SHA-1 of a blob (40 digits)


class ModelHub(Protocol):
    """A hub that serves models. Invalid answers raise `ValueError`, network errors `requests.RequestException`."""

    def list_files(self, repo: str, folder: str, revision: str) -> tuple[str, list[HubFile]]:
        """Returns a model's commit (40 hexadecimal digits) and the files that Hark needs.

        `folder`: the folder of one voice, "" for a model with a repository of its own.
        `revision`: a commit, "" for the newest."""

    def open_file(self, repo: str, commit: str, name: str, start: int) -> requests.Response:
        """Requests a file from byte `start` on; read the response with `read_blocks`."""


@dataclass(frozen=True)
class _LfsEntry:
    sha256: _Hash


@dataclass(frozen=True)
class _RepoFile:
    """A file in Hugging Face's listing; the field names are the API's."""

    rfilename: str
    size: _Size
    blobId: _Hash
    lfs: _LfsEntry | None = None

    @property
    def as_hub_file(self) -> HubFile:
        """The file with the better of its hashes: SHA-256 of large files, Git's SHA-1 of others."""
        return HubFile(self.rfilename, self.size, self.lfs.sha256 if self.lfs else self.blobId)


@dataclass(frozen=True)
class _ModelInfo:
    """Hugging Face's answer on a model; the field names are the API's."""

    sha: _Hash
    siblings: Annotated[tuple[dict[str, object], ...], MaxLength(MAX_LISTED_FILES)]


class HuggingFaceHub:
    """Hugging Face, or its mirror at `HF_ENDPOINT`. Mirrors never get the user's token."""

    def list_files(self, repo: str, folder: str, revision: str) -> tuple[str, list[HubFile]]:
        """See `ModelHub`."""
        with self._request(f"api/models/{repo}/revision/{revision or 'main'}?blobs=true", 0) as response:
            info = read_as(_ModelInfo, _read_json(response), "listing")
        if revision and info.sha != revision:
            raise ValueError("another revision than the one that was asked for")
        siblings = [sibling for sibling in info.siblings if _is_needed(str(sibling.get("rfilename", "")), folder)]
        return info.sha, _check_names([read_as(_RepoFile, sibling, "file").as_hub_file for sibling in siblings])

    def open_file(self, repo: str, commit: str, name: str, start: int) -> requests.Response:
        """See `ModelHub`."""
        return self._request(f"{repo}/resolve/{commit}/{quote(name)}", start)

    def _request(self, path: str, start: int) -> requests.Response:
        from huggingface_hub import constants, get_token

        endpoint = constants.ENDPOINT.rstrip("/")
        # `get_token` itself may contact the endpoint to renew a token.
        token = get_token() if endpoint.lower() == TOKEN_HUB else None
        return _http_get(f"{endpoint}/{path}", start, token or "")


@dataclass(frozen=True)
class _ScopeFile:
    """A file in ModelScope's listing; the field names are the API's."""

    Path: str
    Size: _Size
    Sha256: Annotated[str, TextPattern(r"[0-9a-f]{64}", "a SHA-256")]


@dataclass(frozen=True)
class _ScopeData:
    Files: Annotated[tuple[dict[str, object], ...], MaxLength(MAX_LISTED_FILES)]


@dataclass(frozen=True)
class _ScopeListing:
    Data: _ScopeData


class ModelScopeHub:
    """ModelScope, at `MODELSCOPE_DOMAIN`. Its commits are its own, so the newest is used; it has SHA-256 of all
    files."""

    def list_files(self, repo: str, folder: str, revision: str) -> tuple[str, list[HubFile]]:
        """See `ModelHub`."""
        with self._request(f"api/v1/models/{repo}/repo/files?Revision=master&Recursive=true", 0) as response:
            listing = read_as(_ScopeListing, _read_json(response), "listing")
        scope_files = [
            read_as(_ScopeFile, file, "file")
            for file in listing.Data.Files
            if file.get("Type") == "blob" and _is_needed(str(file.get("Path", "")), folder)
        ]
        files = _check_names([HubFile(file.Path, file.Size, file.Sha256) for file in scope_files])
        # Only files have commits there, models do not: a hash over the contents serves as one.
        commit = hashlib.sha1(
            "".join(sorted(hub_file.hash for hub_file in files)).encode(), usedforsecurity=False
        ).hexdigest()
        return commit, files

    def open_file(self, repo: str, commit: str, name: str, start: int) -> requests.Response:
        """See `ModelHub`."""
        return self._request(f"models/{repo}/resolve/master/{quote(name)}", start)

    def _request(self, path: str, start: int) -> requests.Response:
        domain = os.environ.get("MODELSCOPE_DOMAIN", "www.modelscope.cn")
        return _http_get(f"{domain if '://' in domain else f'https://{domain}'}/{path}", start, "")


HUBS: dict[str, type[ModelHub]] = {"huggingface": HuggingFaceHub, "modelscope": ModelScopeHub}


def read_blocks(response: requests.Response) -> Iterator[bytes]:
    """Yields the body of a response as it arrives, decompressed, in blocks of at most 256 KiB.

    Raises `requests.RequestException` if it ends early, stalls or cannot be decompressed."""
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    decompressor = None if encoding in ("identity", "") else zlib.decompressobj(32 + zlib.MAX_WBITS)
    try:
        while block := response.raw.read1(_BLOCK_BYTES, decode_content=False):
            while block and decompressor:
                yield decompressor.decompress(block, _BLOCK_BYTES)
                block = decompressor.unconsumed_tail
            if not decompressor:
                yield block
        if decompressor:
            yield decompressor.flush()
    except zlib.error as error:
        raise requests.exceptions.ContentDecodingError(error) from error
    except urllib3.exceptions.TimeoutError as error:
        raise requests.Timeout(error, request=response.request) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error, request=response.request) from error
    if response.raw.length_remaining:
        raise requests.exceptions.ChunkedEncodingError("cut", request=response.request)


def _read_json(response: requests.Response) -> object:
    """Parses a JSON response. Raises `ValueError` if it is invalid or too long, `requests.Timeout` if it takes too
    long."""
    started_at, body = time.monotonic(), bytearray()
    for block in read_blocks(response):
        body += block
        if len(body) > MAX_JSON_BYTES:
            raise ValueError("a listing without end")
        if time.monotonic() - started_at > MAX_LISTING_SECONDS:
            raise requests.Timeout("a listing without end", request=response.request)
    return parse_json(bytes(body))


def _http_get(address: str, start: int, token: str) -> requests.Response:
    def add_token(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    headers = {"Accept-Encoding": "identity", "User-Agent": "hark"}
    if start:
        headers["Range"] = f"bytes={start}-"
    # As `auth`: a plain header would be replaced by an entry in ~/.netrc. It is not sent on to another host.
    response = requests.get(
        address, headers=headers, auth=add_token if token else None, stream=True, timeout=_SILENCE_TIMEOUT_S
    )
    if address.startswith("https:") and not response.url.startswith("https:"):
        response.close()
        raise requests.exceptions.InvalidSchema("sent on to an address without encryption", request=response.request)
    response.raise_for_status()
    return response


def _is_needed(name: str, folder: str) -> bool:
    if folder:
        parent, _, file = name.rpartition("/")
        return parent == folder and any(fnmatch.fnmatch(file, pattern) for pattern in VOICE_FILES)
    return any(fnmatch.fnmatch(name, pattern) for pattern in MODEL_FILES)


# Names of Windows devices, with any extension.
_WINDOWS_DEVICE_NAME = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)


def _check_names(files: Sequence[HubFile]) -> list[HubFile]:
    """Checks that the names are distinct and stay inside the folder on every system. Raises `ValueError`."""
    if len(files) > MAX_FILES:
        raise ValueError("too many files")
    names = [file.name.casefold() for file in files]
    folders = {"/".join(parts[:end]) for parts in (name.split("/") for name in names) for end in range(1, len(parts))}
    if len(set(names)) != len(names) or folders & set(names):
        raise ValueError("two files of one name")
    for file in files:
        for part in file.name.split("/"):
            is_unsafe = re.search(r'[\\:*?"<>|\x00-\x1f]', part) or part != part.strip(" ") or part.endswith(".")
            if not part or is_unsafe or len(part.encode()) > 200 or _WINDOWS_DEVICE_NAME.fullmatch(part):
                raise ValueError(f"a file of the name {file.name}")
        if len(file.name.encode()) > 800:
            raise ValueError("a file of a very long name")
    return list(files)
