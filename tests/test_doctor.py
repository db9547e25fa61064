"""The doctor on machines that are not as they should be: cards without libraries, checks that break."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import cards, doctor
from assistant.backends import whisper
from assistant.settings import Folders
from tests.conftest import Ran

Hark = Callable[..., Ran]


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose packages come before those that are installed, and whose programs before the system's."""
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in ("PATH", "PYTHONPATH"):
        monkeypatch.setenv(name, str(folder), prepend=os.pathsep)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    return folder


def card(parts: Path, told: str = "NVIDIA Big, 24564 MiB") -> None:
    """NVIDIA's driver on a machine that has none."""
    (parts / "nvidia-smi").write_text(f"#!/bin/sh\necho '{told}'\n")
    (parts / "nvidia-smi").chmod(0o755)


def checks(ran: Ran) -> dict[str, dict[str, object]]:
    assert ran.code == 0 and ran.ended["reason"] == "checked"
    return {str(one["what"]): one for one in ran.events if one["event"] == "checked"}


def test_a_card_without_any_package_of_nvidias_ends_nothing(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card(parts)
    monkeypatch.setitem(sys.modules, "nvidia", None)  # what Python has for a package that is not there
    found = {one.what: one for one in doctor.examine(Folders.find())}
    assert found["GPU"].state == "ok" and found["GPU"].message == "There is one: NVIDIA Big, 26 GB."
    assert "log" in found and not [one for one in found.values() if "could not be checked" in one.message]
    if not cards.has_cublas():  # what an earlier test loaded stays
        assert found["cuBLAS"].hint == "pip install nvidia-cublas-cu12"
    whisper._preload_cublas()
    assert cards.package("nvidia.cublas") is None


def test_what_fits_the_card_is_said(parts: Path, hark: Hark) -> None:
    card(parts)
    assert "qwen2-vl-7b" in str(checks(hark("doctor", "--json"))["memory"]["message"])


def test_a_torch_that_cannot_use_the_card_is_named_with_the_cure(parts: Path, hark: Hark) -> None:
    card(parts)
    (parts / "torch").mkdir()
    (parts / "torch" / "__init__.py").write_text("")
    found = checks(hark("doctor", "--json"))["torch"]
    assert found["state"] == "note" and "cannot use the graphics card" in str(found["message"])
    assert str(found["hint"]).startswith("pip install --force-reinstall torch==2.")
    (parts / "torch" / "lib").mkdir()
    (parts / "torch" / "lib" / "libtorch_cuda.so").write_text("")
    assert "torch" not in checks(hark("doctor", "--json"))


def test_on_windows_the_cure_is_pytorchs_own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    cure = doctor._torch_cure()
    assert cure.startswith("py -m pip install --upgrade torch==2.") and "+" not in cure
    assert " torchvision==" in cure and " torchaudio==" in cure
    assert cure.endswith(" --index-url https://download.pytorch.org/whl/cu128")


@pytest.mark.parametrize(
    ("system", "files"),
    [
        ("linux", ["lib/libcublasLt.so.12", "lib/libcublas.so.12"]),
        ("win32", ["bin/cublasLt64_12.dll", "bin/cublas64_12.dll"]),
    ],
)
def test_cublas_of_a_package_is_found(
    system: str, files: list[str], parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that the other needs comes first."""
    package = parts / "nvidia" / "cublas"
    for file in files:
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_text("")
    monkeypatch.setattr(cards, "folders", lambda name: [package] if name == "nvidia.cublas" else [])
    monkeypatch.setattr(sys, "platform", system)
    assert cards.cublas_libraries() == [package / file for file in files] and cards.has_cublas()


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="no card is possible")
def test_cublas_for_whisper_comes_with_the_lock() -> None:
    assert cards.cublas_libraries()


def test_a_driver_without_a_card_is_said(parts: Path, hark: Hark) -> None:
    card(parts, "Failed to initialize NVML: Driver/library version mismatch")
    found = checks(hark("doctor", "--json"))
    assert found["GPU"]["state"] == "note" and "names no graphics card" in str(found["GPU"]["message"])
    assert "torch" not in found and "cuBLAS" not in found


def test_a_check_that_breaks_is_a_finding_and_the_others_are_there(parts: Path, hark: Hark, home: Path) -> None:
    (parts / "requests.py").write_text("raise RuntimeError('broken')")
    found = checks(hark("doctor", "--json"))
    assert found["hub"]["message"] == "This could not be checked."
    log = home / "logs" / "hark.log"
    assert str(log) in str(found["hub"]["hint"]) and "RuntimeError: broken" in log.read_text()
    assert {"Python", "packages", "starter kit", "GPU", "model to look", "microphone", "log"} <= found.keys()
    log.write_text("")
