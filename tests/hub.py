"""A hub on this machine, Hugging Face and ModelScope in one: cuts the line, lies about sizes, serves wrong content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "c" * 40


@dataclass
class Hub:
    """`files` of the one model there is, `small/one`. `cuts`: so many answers end in the middle; `lies`: sizes that it
    tells; `wrong`: what it serves in place of a file. `asked` are the ranges that were asked for."""

    files: dict[str, bytes]
    cuts: int = 0
    lies: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    def info(self) -> dict[str, Any]:
        """What it says of the model."""
        return {
            "_id": "1", "id": "small/one", "modelId": "small/one", "sha": COMMIT, "private": False, "tags": [],
            "downloads": 0, "likes": 0,
            "siblings": [self._sibling(name, data) for name, data in self.files.items()],
        }  # fmt: skip

    def listing(self) -> dict[str, Any]:
        """The same as ModelScope says it."""
        files = [
            {
                "Name": name, "Path": name, "Type": "blob", "Revision": COMMIT,
                "Size": self.lies.get(name, len(data)), "Sha256": hashlib.sha256(data).hexdigest(),
            }
            for name, data in self.files.items()
        ]  # fmt: skip
        folder = {"Name": "assets", "Path": "assets", "Type": "tree", "Revision": COMMIT, "Size": 0, "Sha256": ""}
        return {"Code": 200, "Success": True, "Data": {"Files": [folder, *files]}}

    def etag(self, name: str) -> str:
        data = self.files[name]
        if name.endswith((".safetensors", ".bin")):
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def _sibling(self, name: str, data: bytes) -> dict[str, Any]:
        told: dict[str, Any] = {"rfilename": name, "size": self.lies.get(name, len(data)), "blobId": self.etag(name)}
        if name.endswith((".safetensors", ".bin")):
            told["lfs"] = {"sha256": self.etag(name), "size": told["size"], "pointerSize": 134}
        return told


class Handler(BaseHTTPRequestHandler):
    """Answers as huggingface_hub expects it."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *told: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def do_GET(self) -> None:
        self._answer(head=False)

    def _answer(self, head: bool) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/"):
            self._send(json.dumps(self.hub.info()).encode(), {"Content-Type": "application/json"}, head)
            return
        if path.startswith("/api/v1/models/"):
            self._send(json.dumps(self.hub.listing()).encode(), {"Content-Type": "application/json"}, head)
            return
        name = path.rpartition("/resolve/")[2].partition("/")[2]
        if name not in self.hub.files:
            self.send_error(404)
            return
        data = self.hub.wrong.get(name, self.hub.files[name])
        etag = f'"{self.hub.etag(name)}"'
        told = {"ETag": etag, "X-Linked-Etag": etag, "X-Linked-Size": str(len(data)), "X-Repo-Commit": COMMIT}
        wanted = self.headers.get("Range", "")
        begin = int(wanted.removeprefix("bytes=").partition("-")[0] or 0) if wanted else 0
        if not head:
            self.hub.asked.append((name, wanted))
        self._send(data[begin:], told, head, (begin, len(data)) if begin else None)

    def _send(self, data: bytes, told: dict[str, str], head: bool, part: tuple[int, int] | None = None) -> None:
        self.send_response(206 if part else 200)
        if part:
            self.send_header("Content-Range", f"bytes {part[0]}-{part[1] - 1}/{part[1]}")
        for key, value in {**told, "Content-Length": str(len(data))}.items():
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
    """Serves it on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Served", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
