"""The hubs that models come from: what files a model has, and where they lie. Knows nothing of disks."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
from dataclasses import dataclass
from typing import Any, Protocol

import requests

# Weights and tables only: no pickles, no code.
KINDS = ("*.json", "*.safetensors", "*.txt", "*.jinja", "model.bin")
VOICE = ("*.onnx", "*.onnx.json", "MODEL_CARD")  # of one voice among many
_SILENCE = 10.0  # seconds without a byte


@dataclass(frozen=True)
class File:
    """One file of a model: its size in bytes and the hash that its content must have, SHA-256 or Git's SHA-1."""

    name: str
    size: int
    hash: str


class Hub(Protocol):
    """What it answers with is checked: what makes no sense raises `ValueError`, `KeyError`, `TypeError` or
    `AttributeError`; what does not come `requests.RequestException`."""

    def listed(self, repo: str, inside: str) -> tuple[str, list[File]]:
        """The newest state of a model as 40 digits, and its files as far as they are wanted: of one voice in the
        folder `inside`, or of a model of its own for ""."""

    def opened(self, repo: str, state: str, name: str, begin: int) -> requests.Response:
        """A file from its byte `begin` on, as a stream."""


class HuggingFace:
    """At `HF_ENDPOINT`, with the user's token if there is one."""

    def listed(self, repo: str, inside: str) -> tuple[str, list[File]]:
        with self._asked(f"api/models/{repo}/revision/main?blobs=true", 0) as answer:
            told = answer.json()
        files = [
            _file(one["rfilename"], one["size"], (one.get("lfs") or {}).get("sha256", one["blobId"]))
            for one in told["siblings"]
            if _wanted(one["rfilename"], inside)
        ]
        return _hash(told["sha"]), files

    def opened(self, repo: str, state: str, name: str, begin: int) -> requests.Response:
        return self._asked(f"{repo}/resolve/{state}/{name}", begin)

    def _asked(self, path: str, begin: int) -> requests.Response:
        from huggingface_hub import get_token
        from huggingface_hub.constants import ENDPOINT

        token = get_token()
        return _get(f"{ENDPOINT}/{path}", begin, {"Authorization": f"Bearer {token}"} if token else {})


class ModelScope:
    """At `MODELSCOPE_DOMAIN`; it names a SHA-256 for every file."""

    def listed(self, repo: str, inside: str) -> tuple[str, list[File]]:
        with self._asked(f"api/v1/models/{repo}/repo/files?Revision=master&Recursive=true", 0) as answer:
            told = answer.json()
        files = [
            _file(one["Path"], one["Size"], one["Sha256"])
            for one in told["Data"]["Files"]
            if one["Type"] == "blob" and _wanted(one["Path"], inside)
        ]
        # A model has no state of its own there, each file has one: the contents together are as good.
        state = hashlib.sha1("".join(sorted(one.hash for one in files)).encode(), usedforsecurity=False).hexdigest()
        return state, files

    def opened(self, repo: str, state: str, name: str, begin: int) -> requests.Response:
        return self._asked(f"models/{repo}/resolve/master/{name}", begin)

    def _asked(self, path: str, begin: int) -> requests.Response:
        domain = os.environ.get("MODELSCOPE_DOMAIN", "www.modelscope.cn")
        return _get(f"{domain if '://' in domain else f'https://{domain}'}/{path}", begin, {})


HUBS: dict[str, type[Hub]] = {"huggingface": HuggingFace, "modelscope": ModelScope}


def _get(address: str, begin: int, headers: dict[str, str]) -> requests.Response:
    told = {"Accept-Encoding": "identity", "User-Agent": "hark", **headers}
    if begin:
        told["Range"] = f"bytes={begin}-"
    answer = requests.get(address, headers=told, stream=True, timeout=_SILENCE)
    answer.raise_for_status()
    return answer


def _wanted(name: str, inside: str) -> bool:
    if inside:
        folder, _, file = name.rpartition("/")
        return folder == inside and any(fnmatch.fnmatch(file, kind) for kind in VOICE)
    return any(fnmatch.fnmatch(name, kind) for kind in KINDS)


def _file(name: str, size: Any, told: str) -> File:
    """Checked: the name leads nowhere else, and the hash may become a file's name."""
    if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
        raise ValueError(name)
    return File(name, int(size), _hash(told))


def _hash(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text):
        raise ValueError(text)
    return text
