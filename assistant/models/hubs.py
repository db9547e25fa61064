"""The hubs that models come from: what files a model has, and where they lie. Knows nothing of disks."""

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

TOKEN_HUB = "https://huggingface.co"  # the only one that Hugging Face's token is for
MAX_LISTING_SECONDS = 60.0
MAX_FILES = 1_000  # of one model: the largest known has 46
MAX_LISTED_FILES = 100_000  # of a repository of many
MAX_FILE_BYTES = 2**50
_SILENCE_TIMEOUT_S = 10.0  # seconds without a byte
_BLOCK_BYTES = 1 << 18

_Hash = Annotated[str, TextPattern(r"[0-9a-f]{40}|[0-9a-f]{64}", "a hash")]
_Size = Annotated[int, NumberRange(0, MAX_FILE_BYTES)]


@dataclass(frozen=True)
class HubFile:
    """One file of a model: its size in bytes and the hash that its content must have, SHA-256 or Git's SHA-1."""

    name: str
    size: int
    hash: str


class ModelHub(Protocol):
    """What it answers with is checked: what makes no sense raises `ValueError`, what does not come
    `requests.RequestException`."""

    def list_files(self, repo: str, inside: str, revision: str) -> tuple[str, list[HubFile]]:
        """The state of a model as 40 digits, and its files as far as they are wanted: of one voice in the folder
        `inside`, or of a model of its own for "". `revision` is a commit, "" for the newest."""

    def open_file(self, repo: str, state: str, name: str, begin: int) -> requests.Response:
        """A file from its byte `begin` on, as a stream for `blocks`."""


@dataclass(frozen=True)
class _LfsEntry:
    sha256: _Hash


@dataclass(frozen=True)
class _RepoFile:
    rfilename: str
    size: _Size
    blobId: _Hash
    lfs: _LfsEntry | None = None

    @property
    def to_hub_file(self) -> HubFile:
        return HubFile(self.rfilename, self.size, self.lfs.sha256 if self.lfs else self.blobId)


@dataclass(frozen=True)
class _ModelInfo:
    sha: _Hash
    siblings: Annotated[tuple[dict[str, object], ...], MaxLength(MAX_LISTED_FILES)]


class HuggingFaceHub:
    """At `HF_ENDPOINT`. The user's token goes to huggingface.co alone: a mirror is not the hub that it stands for."""

    def list_files(self, repo: str, inside: str, revision: str) -> tuple[str, list[HubFile]]:
        with self._request(f"api/models/{repo}/revision/{revision or 'main'}?blobs=true", 0) as answer:
            info = read_as(_ModelInfo, _read_json(answer), "listing")
        if revision and info.sha != revision:
            raise ValueError("another revision than the one that was asked for")
        wanted = [sibling for sibling in info.siblings if _is_needed(str(sibling.get("rfilename", "")), inside)]
        return info.sha, _check_names([read_as(_RepoFile, sibling, "file").to_hub_file for sibling in wanted])

    def open_file(self, repo: str, state: str, name: str, begin: int) -> requests.Response:
        return self._request(f"{repo}/resolve/{state}/{quote(name)}", begin)

    def _request(self, path: str, begin: int) -> requests.Response:
        from huggingface_hub import constants, get_token

        endpoint = constants.ENDPOINT.rstrip("/")
        # `get_token` itself may ask the network, at the endpoint, to renew a token.
        token = get_token() if endpoint.lower() == TOKEN_HUB else None
        return _http_get(f"{endpoint}/{path}", begin, token or "")


@dataclass(frozen=True)
class _ScopeFile:
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
    """At `MODELSCOPE_DOMAIN`; it names a SHA-256 for every file, and has commits of its own: the newest is taken."""

    def list_files(self, repo: str, inside: str, revision: str) -> tuple[str, list[HubFile]]:
        with self._request(f"api/v1/models/{repo}/repo/files?Revision=master&Recursive=true", 0) as answer:
            listing = read_as(_ScopeListing, _read_json(answer), "listing")
        wanted = [
            read_as(_ScopeFile, file, "file")
            for file in listing.Data.Files
            if file.get("Type") == "blob" and _is_needed(str(file.get("Path", "")), inside)
        ]
        files = _check_names([HubFile(file.Path, file.Size, file.Sha256) for file in wanted])
        # A model has no state of its own there, each file has one: the contents together are as good.
        state = hashlib.sha1("".join(sorted(one.hash for one in files)).encode(), usedforsecurity=False).hexdigest()
        return state, files

    def open_file(self, repo: str, state: str, name: str, begin: int) -> requests.Response:
        return self._request(f"models/{repo}/resolve/master/{quote(name)}", begin)

    def _request(self, path: str, begin: int) -> requests.Response:
        domain = os.environ.get("MODELSCOPE_DOMAIN", "www.modelscope.cn")
        return _http_get(f"{domain if '://' in domain else f'https://{domain}'}/{path}", begin, "")


HUBS: dict[str, type[ModelHub]] = {"huggingface": HuggingFaceHub, "modelscope": ModelScopeHub}


def read_blocks(answer: requests.Response) -> Iterator[bytes]:
    """The body of an answer as it comes, decompressed in pieces of 256 KiB at most, whatever it was packed with. Raises
    `requests.RequestException` where it ends early, falls silent or cannot be unpacked."""
    encoding = answer.headers.get("Content-Encoding", "identity").lower()
    unpacker = None if encoding in ("identity", "") else zlib.decompressobj(32 + zlib.MAX_WBITS)
    try:
        while block := answer.raw.read1(_BLOCK_BYTES, decode_content=False):
            while block and unpacker:
                yield unpacker.decompress(block, _BLOCK_BYTES)
                block = unpacker.unconsumed_tail
            if not unpacker:
                yield block
        if unpacker:
            yield unpacker.flush()
    except zlib.error as error:
        raise requests.exceptions.ContentDecodingError(error) from error
    except urllib3.exceptions.TimeoutError as error:
        raise requests.Timeout(error, request=answer.request) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error, request=answer.request) from error
    if answer.raw.length_remaining:
        raise requests.exceptions.ChunkedEncodingError("cut", request=answer.request)


def _read_json(answer: requests.Response) -> object:
    """What an answer says, if it says it soon and in few bytes."""
    begun, whole = time.monotonic(), bytearray()
    for block in read_blocks(answer):
        whole += block
        if len(whole) > MAX_JSON_BYTES:
            raise ValueError("a listing without end")
        if time.monotonic() - begun > MAX_LISTING_SECONDS:
            raise requests.Timeout("a listing without end", request=answer.request)
    return parse_json(bytes(whole))


def _http_get(address: str, begin: int, token: str) -> requests.Response:
    def add_token(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    headers = {"Accept-Encoding": "identity", "User-Agent": "hark"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
    # By `auth`, not as a header: that would give way to a password in ~/.netrc. Neither goes on to another host.
    answer = requests.get(
        address, headers=headers, auth=add_token if token else None, stream=True, timeout=_SILENCE_TIMEOUT_S
    )
    if address.startswith("https:") and not answer.url.startswith("https:"):
        answer.close()
        raise requests.exceptions.InvalidSchema("sent on to an address without encryption", request=answer.request)
    answer.raise_for_status()
    return answer


def _is_needed(name: str, inside: str) -> bool:
    if inside:
        folder, _, file = name.rpartition("/")
        return folder == inside and any(fnmatch.fnmatch(file, kind) for kind in VOICE_FILES)
    return any(fnmatch.fnmatch(name, kind) for kind in MODEL_FILES)


# What Windows takes for a device, whatever stands behind a dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)


def _check_names(files: Sequence[HubFile]) -> list[HubFile]:
    """Their names lead nowhere else, on any system, and no two are the same. Raises `ValueError`."""
    if len(files) > MAX_FILES:
        raise ValueError("too many files")
    names = [file.name.casefold() for file in files]
    folders = {"/".join(parts[:end]) for parts in (name.split("/") for name in names) for end in range(1, len(parts))}
    if len(set(names)) != len(names) or folders & set(names):
        raise ValueError("two files of one name")
    for file in files:
        for part in file.name.split("/"):
            odd = re.search(r'[\\:*?"<>|\x00-\x1f]', part) or part != part.strip(" ") or part.endswith(".")
            if not part or odd or len(part.encode()) > 200 or _DEVICE.fullmatch(part):
                raise ValueError(f"a file of the name {file.name}")
        if len(file.name.encode()) > 800:
            raise ValueError("a file of a very long name")
    return list(files)
