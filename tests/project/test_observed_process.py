"""The observers that check that nothing leaves the computer notice any new network activity."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.support.observed_process import OBSERVERS, ObservedActivity, strace_works, without_network
from tests.support.paths import ROOT

# As a C library would do it, past Python's own functions.
NATIVE = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.getaddrinfo(b"events.example", b"443", None, ctypes.byref(ctypes.c_void_p()))
address = (2).to_bytes(2, "little") + (443).to_bytes(2, "big") + bytes((192, 0, 2, 1)) + bytes(8)
libc.connect(libc.socket(2, 2, 0), address, 16)
libc.open64(b"{home}/.cache-of-a-library", 0o101, 0o600)
"""
PYTHON = """
import contextlib, os, socket
with contextlib.suppress(OSError):
    socket.getaddrinfo("events.example", 443)
with contextlib.suppress(OSError):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 443))
os.makedirs("{home}/.cache/library")
open("{home}/.cache/library/device-id", "w").close()
"""
QUIET = """
import socket, subprocess
here, there = socket.socketpair()
here.sendall(b"x")
open("{allowed}/file", "w").close()
open("/etc/hostname").close()
"""


@pytest.fixture(params=list(OBSERVERS))
def observed(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    """Runs Python code where there is no network, if that is possible, and returns what was seen."""
    if request.param == "strace" and not strace_works():
        missing("strace is not here, or may not trace")
    observer = OBSERVERS[request.param](tmp_path)
    for folder in ("home", "allowed"):
        (tmp_path / folder).mkdir()

    def run(code: str, **environment: str) -> ObservedActivity:
        code = code.format(home=tmp_path / "home", allowed=tmp_path / "allowed")
        variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), **observer.environment, **environment}
        # In a child of a child: what starts it is never alone.
        child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)"
        command = [*without_network(), *observer.command([sys.executable, "-c", child])]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return observer.seen()

    return run


@pytest.mark.parametrize("code", [NATIVE, PYTHON], ids=["native", "python"])
def test_a_lookup_a_connection_and_a_file_in_the_users_home_are_seen(observed, code: str, tmp_path: Path) -> None:
    observation = observed(code)
    assert observation.questions and any("192.0.2.1" in call for call in observation.network)
    assert any(path.startswith(f"{tmp_path}/home/.cache") for path in observation.outside(tmp_path / "home"))


def test_a_socket_that_listens_to_the_network_is_seen(observed) -> None:
    observation = observed("import socket; socket.socket().listen()")
    assert [call for call in observation.network if "listen" in call]


def test_local_activity_in_own_folders_is_not_reported(observed, tmp_path: Path) -> None:
    observation = observed(QUIET)
    assert str(tmp_path / "allowed" / "file") in observation.written
    assert (observation.network, observation.questions) == ([], [])
    assert observation.outside(tmp_path / "home", tmp_path / "allowed") == []


def test_onnxruntime_is_caught_where_nobody_tells_it_to_report_nothing(observed, tmp_path: Path) -> None:
    """Importing Hark first keeps it quiet. Its look-up comes 10 s later, so the window's test waits for it."""
    import onnxruntime

    if tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 29):
        pytest.skip("this onnxruntime reports nothing yet")
    root = str(ROOT)
    assert (
        observed(f"import sys; sys.path.append({root!r}); import assistant, onnxruntime").outside(tmp_path / "home")
        == []
    )
    talking = observed("import onnxruntime, time; time.sleep(1)").outside(tmp_path / "home")
    assert any("onnxruntime" in path for path in talking), talking


def test_font_caches_and_sound_cookie_are_allowed_and_other_files_reported() -> None:
    home = Path("/home/somebody")
    named = [f"{home}/.cache/fontconfig/a-le64.cache-9", f"{home}/.config/pulse/cookie", f"{home}/x/__pycache__/a.pyc"]
    written = ObservedActivity(
        written=[*named, "/dev/null", f"{home}/.hark/a", f"{home}/.cache/a", f"{home}/.config/pulse/a"]
    )
    assert written.outside(home, home / ".hark") == [f"{home}/.cache/a", f"{home}/.config/pulse/a"]
