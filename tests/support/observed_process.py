"""Observe what processes do outside themselves: connections, DNS questions, files written.

`StraceObserver` sees every system call. Where strace is not installed or not allowed, as in some containers,
`AuditHookObserver` is used: Python's audit hook, and a preloaded library between programs and libc where a compiler
can make one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
_SENT = ("connect", "bind", "listen", "sendto", "sendmsg", "sendmmsg")
_OPENED = ("open", "openat", "openat2", "creat")
_MADE = (
    "mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "mknod", "mknodat",
)  # fmt: skip
_LOCAL = ("AF_UNIX", "AF_LOCAL", "AF_NETLINK", "AF_UNSPEC")
# To look a name up the C library reads these first; systemd's resolver is asked over a socket of its own.
_RESOLVER = ("/etc/resolv.conf", "/etc/hosts", "io.systemd.Resolve")
_IPV6_TRIED = re.compile(r"^bind.*port=htons\(0\).*\"::1\"|^socket.bind \('::1', 0|^bind ::1 port 0")  # urllib3 does
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?")
_PATH = re.compile(r'(?:\w+<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')
_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE")
# Beside HARK_HOME and the temporary folder: caches of fonts and shaders, and what a sound server shares with programs.
_NAMED = (
    r"{home}/\.cache(/fontconfig(/.*)?)?", r"{home}/\.cache/(mesa_shader_cache|qtshadercache|nvidia)[^/]*(/.*)?",
    r"{home}/\.nv(/GLCache(/.*)?)?", r"{home}/\.config(/pulse(/(cookie|.*-runtime.*))?)?",
    r"/dev/shm/(pulse-shm-|jack_|sem\.).*", r".*/__pycache__(/.*)?", r"/(dev|proc|sys)/(?!shm/).*",
)  # fmt: skip


@dataclass
class ObservedActivity:
    """`network`: addresses outside of this computer's own sockets, connected to, bound or sent to. `questions`: names
    that were looked up, or files that only a look-up reads. `written`: files and folders made or opened to write."""

    network: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def outside(self, home: Path, *allowed: Path) -> list[str]:
        """What was written elsewhere than in the `allowed` folders, the user's `home` with its caches of fonts and
        shaders, and what a sound server shares."""
        named = re.compile("|".join(_NAMED).replace("{home}", re.escape(str(home))))
        inside = tuple(f"{folder}/" for folder in allowed)
        return sorted(
            {path for path in self.written if not f"{path}/".startswith(inside) and not named.fullmatch(path)}
        )

    def read_strace(self, text: str, folder: str) -> None:
        """Add one process's strace log. `folder` is its working directory, for relative paths."""
        for line in text.splitlines():
            if match := _CALL.match(line):
                name, arguments, result, opened = match.groups()
                if name in _SENT:
                    self._on_address(f"{name}({arguments})")
                elif name in _OPENED:
                    self._on_open(arguments, int(result), opened or "")
                elif name in _MADE and int(result) == 0:
                    self.written += [os.path.join(at or folder, path) for at, path in _PATH.findall(arguments)]

    def _on_address(self, call: str) -> None:
        families = re.findall(r"sa_family=(\w+)", call)
        listens = re.match(r"listen\(\d+<(TCP|UDP)", call)
        if listens or (any(family not in _LOCAL for family in families) and not _IPV6_TRIED.search(call)):
            self.network.append(call)
        if _RESOLVER[-1] in call or "htons(53)" in call:
            self.questions.append(call)

    def _on_open(self, arguments: str, result: int, opened: str) -> None:
        path_match = _PATH.search(arguments)
        if path_match and path_match[2] in _RESOLVER:
            self.questions.append(path_match[2])
        elif result >= 0 and (_WRITES.search(arguments) or "O_" not in arguments):
            self.written.append(opened.removesuffix(" (deleted)"))

    def read_notes(self, text: str) -> None:
        """Add the audit hook's notes: one JSON line each with the kind and the detail."""
        for line in text.splitlines():
            kind, detail = json.loads(line)
            if kind == "written" or detail not in _RESOLVER:
                getattr(self, kind).append(detail)
            else:
                self.questions.append(detail)


class StraceObserver:
    """Observes every system call of the program and its children."""

    name = "strace"

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "strace"
        self._folder.mkdir(parents=True, exist_ok=True)
        self.environment: dict[str, str] = {}

    def command(self, program: Sequence[str]) -> list[str]:
        """Return the command that runs the program observed, with the same process id as without."""
        log = self._folder / str(len(list(self._folder.iterdir())))
        log.touch()
        options = ["-D", "-ff", "--seccomp-bpf", "-qq", "-yy"]
        options += ["-o", str(log), "-e", f"trace={','.join(_SENT + _OPENED + _MADE)}"]
        return ["strace", *options, *program]

    def seen(self) -> ObservedActivity:
        observation = ObservedActivity()
        for log in self._folder.iterdir():
            observation.read_strace(log.read_text("utf-8", "replace"), str(Path.cwd()))
        return observation


class AuditHookObserver:
    """Uses Python's audit hook in every Python and, if there is a compiler, a preloaded library in every program."""

    name = "audit hook and preloaded connect"

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "notes"
        self._folder.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join(filter(None, (str(HERE / "audited"), os.environ.get("PYTHONPATH"))))
        self.environment = {"PYTHONPATH": path, "HARK_TEST_NOTES": str(self._folder)}
        library = folder / "noted.so"
        compiler = shutil.which("cc")
        if compiler:
            source = str(HERE / "audited" / "noted.c")
            subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), source, "-ldl"], check=True)
            self.environment["LD_PRELOAD"] = str(library)

    def command(self, program: Sequence[str]) -> list[str]:
        return list(program)

    def seen(self) -> ObservedActivity:
        observation = ObservedActivity()
        for notes in self._folder.iterdir():
            observation.read_notes(notes.read_text("utf-8", "replace"))
        return observation


OBSERVERS: dict[str, type[StraceObserver | AuditHookObserver]] = {
    "strace": StraceObserver,
    "stand-in": AuditHookObserver,
}


def _works(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@cache
def strace_works() -> bool:
    """Return whether strace is installed and allowed to trace."""
    return _works("strace", "-D", "-ff", "--seccomp-bpf", "-qq", "-o", os.devnull, "true")


@cache
def without_network() -> tuple[str, ...]:
    """Return the command prefix that runs a program without network; empty where that is not allowed."""
    return next((way for way in (("unshare", "-n"), ("unshare", "-rn")) if _works(*way, "true")), ())
