"""A hub on this machine, Hugging Face and ModelScope in one: cuts the line, lies about sizes, serves wrong content, and
sends on to other hosts as the real one does."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

from assistant.models.catalog import CATALOG

COMMIT = "c" * 40
_FILE = "(?:/models|/cdn|/api/resolve-cache)?/([^/]+/[^/]+)/(?:resolve/)?([^/]+)/(.+)"
_LARGE = (".safetensors", ".bin", ".onnx")  # what the hub keeps outside of Git


@dataclass
class Hub:
    """`files` of the one model there is, `small/one`, or of several in `repos`. `cuts`: so many answers end in the
    middle; `lies`: sizes that it tells; `wrong`: what it serves in place of a file. `asked` are the ranges that were
    asked for, `requests` host, path and headers of everything. `real`: it sends on as huggingface.co does, large files
    to another host and small ones to another path. `refuses`: of a part of a path, the status and headers that are
    given instead; `listed`: headers and blocks that are given for every listing. `pins`: the contents that we know of
    the catalogue's models are asked for, as in earnest."""

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: int = 0
    lies: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    real: bool = False
    refuses: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    listed: tuple[dict[str, str], Iterable[bytes]] | None = None
    pins: bool = False

    def files_of(self, repo: str) -> dict[str, bytes]:
        return self.repos.get(repo, self.files)

    def info(self, repo: str, revision: str) -> dict[str, Any]:
        """Return the model's description as Hugging Face gives it."""
        return {
            "_id": "1", "id": repo, "modelId": repo, "sha": _commit(revision), "private": False, "tags": [],
            "downloads": 0, "likes": 0, "gated": False, "usedStorage": 10**10,
            "siblings": [self._sibling(name, data) for name, data in self.files_of(repo).items()],
        }  # fmt: skip

    def listing(self) -> dict[str, Any]:
        """Return the model's description as ModelScope gives it."""
        files = [
            {
                "Name": name, "Path": name, "Type": "blob", "Revision": COMMIT,
                "Size": self.lies.get(name, len(data)), "Sha256": hashlib.sha256(data).hexdigest(),
            }
            for name, data in self.files.items()
        ]  # fmt: skip
        folder = {"Name": "assets", "Path": "assets", "Type": "tree", "Revision": COMMIT, "Size": 0, "Sha256": ""}
        return {"Code": 200, "Success": True, "Data": {"Files": [folder, *files]}}

    def etag(self, name: str, repo: str = "") -> str:
        data = self.files_of(repo)[name]
        if name.endswith(_LARGE):
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def _sibling(self, name: str, data: bytes) -> dict[str, Any]:
        sha256, size = hashlib.sha256(data).hexdigest(), self.lies.get(name, len(data))
        if name.endswith(_LARGE):
            lfs = {"sha256": sha256, "size": size, "pointerSize": 134}
            return {"rfilename": name, "size": size, "blobId": hashlib.sha1(data).hexdigest(), "lfs": lfs}
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        return {"rfilename": name, "size": size, "blobId": blob}


def _commit(revision: str) -> str:
    return revision if re.fullmatch("[0-9a-f]{40}", revision) else COMMIT


class Handler(BaseHTTPRequestHandler):
    """Answers as huggingface_hub expects it."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def do_GET(self) -> None:
        with contextlib.suppress(ConnectionError):
            self._answer(head=False)

    def _answer(self, head: bool) -> None:
        path = self.path.partition("?")[0]
        self.hub.requests.append((self.headers["Host"], path, dict(self.headers)))
        for part, (status, headers) in self.hub.refuses.items():
            if part in path:
                self._refuse(status, headers)
                return
        if match := re.fullmatch("/api/models/(.+)/revision/(.+)", path):
            self._list(self.hub.info(*match.groups()), head)
        elif path.startswith("/api/v1/models/"):
            self._list(self.hub.listing(), head)
        elif match := re.fullmatch(
            "(?:/models|/cdn|/api/resolve-cache)?/([^/]+/[^/]+)/(?:resolve/)?([^/]+)/(.+)", path
        ):
            self._file(path, *match.groups(), head)
        else:
            self._refuse(404, {})

    def _refuse(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(key, value)
        self.end_headers()

    def _list(self, listing: dict[str, Any], head: bool) -> None:
        headers = {"Content-Type": "application/json"}
        if self.hub.listed is None:
            self._send(json.dumps(listing).encode(), headers, head)
            return
        more, blocks = self.hub.listed
        self.close_connection = True
        self.send_response(200)
        for key, value in {**headers, **more, "Connection": "close"}.items():
            self.send_header(key, value)
        self.end_headers()
        for block in blocks:
            self.wfile.write(block)

    def _file(self, path: str, repo: str, revision: str, name: str, head: bool) -> None:
        files = self.hub.files_of(repo)
        if name not in files:
            self._refuse(404, {"X-Error-Code": "EntryNotFound"})
            return
        data = self.hub.wrong.get(name, files[name])
        etag, large = self.hub.etag(name, repo), name.endswith(_LARGE)
        headers = {"ETag": f'"{etag}"', "X-Linked-ETag": f'"{etag}"', "X-Linked-Size": str(len(data))}
        headers |= {"X-Repo-Commit": _commit(revision)}
        if self.hub.real and "/resolve/" in path:
            place = f"{self.hub.address.replace('127.0.0.1', 'localhost')}/cdn" if large else "/api/resolve-cache"
            headers |= {"Location": f"{place}/{repo}/{revision}/{name}?X-Amz-Signature=secret"}
            if large:
                headers |= {"X-Xet-Hash": etag, "Link": f'<{self.hub.address}/xet-auth>; rel="xet-auth"'}
            self._refuse(302 if large else 307, headers)
            return
        wanted = self.headers.get("Range", "")
        begin = int(wanted.removeprefix("bytes=").partition("-")[0] or 0) if wanted else 0
        if not head:
            self.hub.asked.append((name, wanted))
        self._send(data[begin:], headers, head, (begin, len(data)) if begin else None)

    def _send(self, data: bytes, headers: dict[str, str], head: bool, part: tuple[int, int] | None = None) -> None:
        self.send_response(206 if part else 200)
        if part:
            self.send_header("Content-Range", f"bytes {part[0]}-{part[1] - 1}/{part[1]}")
        for key, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if head:
            return
        if self.hub.cuts and len(data) > 10_000:
            self.hub.cuts -= 1
            data = data[: len(data) // 2]
            self.close_connection = True
        self.wfile.write(data)


@contextlib.contextmanager
def started(hub: Hub) -> Iterator[Hub]:
    """Serve the hub on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Served", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    unknown = {} if hub.pins else {name: replace(entry, sha256=()) for name, entry in CATALOG.items()}
    try:
        with patch.dict(CATALOG, unknown):
            yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
