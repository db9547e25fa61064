"""The doctor on faulty machines: cards without libraries, checks that fail."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import doctor, gpu
from assistant.backends import whisper
from assistant.paths import AppPaths
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


def card(parts: Path, listing: str = "NVIDIA Big, 24564 MiB") -> None:
    """NVIDIA's driver on a machine that has none."""
    (parts / "nvidia-smi").write_text(f"#!/bin/sh\necho '{listing}'\n")
    (parts / "nvidia-smi").chmod(0o755)


def checks(ran: Ran) -> dict[str, dict[str, object]]:
    assert ran.code == 0 and ran.ended["reason"] == "checked"
    return {str(event["what"]): event for event in ran.events if event["event"] == "checked"}


def test_card_without_nvidia_packages_leaves_the_other_findings(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card(parts)
    monkeypatch.setitem(sys.modules, "nvidia", None)  # what Python has for a package that is not there
    findings = {finding.subject: finding for finding in doctor.check_machine(AppPaths.locate())}
    assert findings["GPU"].state == "note" and "There is one (NVIDIA Big, 26 GB)" in findings["GPU"].message
    assert "torch cannot compute on it" in findings["GPU"].message
    assert "log" in findings and not [
        finding for finding in findings.values() if "could not be checked" in finding.message
    ]
    if not gpu.has_cublas():  # what an earlier test loaded stays
        assert findings["cuBLAS"].hint == "pip install nvidia-cublas-cu12"
    whisper.preload_cublas()
    assert gpu.find_package("nvidia.cublas") is None


def test_data_folder_that_is_a_file_is_reported(tmp_path: Path, hark: Hark, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for place in (file, file / "below"):
        monkeypatch.setenv("HARK_HOME", str(place))
        ran = hark("doctor", "--json")
        assert ran.code == 4 and f"“{place}” cannot be written. Set HARK_HOME" in " ".join(
            f"{event['message']} {event['hint']}" for event in ran.events if event["event"] == "checked"
        )
        answered = hark("ask", "Hello?")
        assert answered.code == 0 and "Errno" not in answered.err and "Set HARK_HOME to a folder" in answered.err


def test_finding_names_the_models_that_fit_the_card(parts: Path, hark: Hark) -> None:
    card(parts)
    assert "qwen2-vl-7b" in str(checks(hark("doctor", "--json"))["memory"]["message"])


def test_torch_that_cannot_use_the_card_is_reported_with_the_fix(parts: Path, hark: Hark) -> None:
    card(parts)
    (parts / "torch").mkdir()
    (parts / "torch" / "__init__.py").write_text("")
    finding = checks(hark("doctor", "--json"))["torch"]
    assert finding["state"] == "note" and "cannot use the graphics card" in str(finding["message"])
    assert str(finding["hint"]).startswith("pip install --force-reinstall torch==2.")
    (parts / "torch" / "lib").mkdir()
    (parts / "torch" / "lib" / "libtorch_cuda.so").write_text("")
    assert "torch" not in checks(hark("doctor", "--json"))


def test_fix_on_windows_names_the_pytorch_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    cure = doctor.torch_install_command()
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
    """A library is loaded after the ones it depends on."""
    package = parts / "nvidia" / "cublas"
    for file in files:
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_text("")
    monkeypatch.setattr(gpu, "package_folders", lambda name: [package] if name == "nvidia.cublas" else [])
    monkeypatch.setattr(sys, "platform", system)
    assert gpu.cublas_libraries() == [package / file for file in files] and gpu.has_cublas()


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="no card is possible")
def test_cublas_for_whisper_comes_with_the_lock() -> None:
    assert gpu.cublas_libraries()


def test_driver_without_a_card_is_reported(parts: Path, hark: Hark) -> None:
    card(parts, "Failed to initialize NVML: Driver/library version mismatch")
    findings = checks(hark("doctor", "--json"))
    assert findings["GPU"]["state"] == "note" and "names no graphics card" in str(findings["GPU"]["message"])
    assert "torch" not in findings and "cuBLAS" not in findings


def test_a_check_that_breaks_is_a_finding_and_the_others_are_there(parts: Path, hark: Hark, home: Path) -> None:
    (parts / "requests.py").write_text("raise RuntimeError('broken')")
    findings = checks(hark("doctor", "--json"))
    assert findings["hub"]["message"] == "This could not be checked."
    log = home / "logs" / "hark.log"
    assert str(log) in str(findings["hub"]["hint"]) and "RuntimeError: broken" in log.read_text()
    assert {"Python", "packages", "starter kit", "GPU", "model to look", "microphone", "log"} <= findings.keys()
    log.write_text("")


def computing(parts: Path, product: str, available: str = "True") -> None:
    """A card, and a torch whose matrices have this sum."""
    card(parts)
    (parts / "torch.py").write_text(
        "import os, time\n"
        "class Matrix:\n"
        "    def __matmul__(self, other): return self\n"
        f"    def sum(self): return {product}\n"
        "class cuda:\n"
        f"    is_available = staticmethod(lambda: {available})\n"
        "def ones(*sides, device): return Matrix()\n"
    )


def gpu_finding() -> doctor.DoctorFinding:
    return next(finding for finding in doctor.check_gpu() if finding.subject == "GPU")


def test_a_card_works_once_torch_computed_on_it(parts: Path) -> None:
    computing(parts, "256 ** 3")
    assert (
        gpu_finding().state == "ok" and gpu_finding().message == "It works: torch computed on it (NVIDIA Big, 26 GB)."
    )


@pytest.mark.parametrize(
    ("product", "available", "reason"),
    [
        ("7", "True", "it computed 7, not"),
        ("256 ** 3", "False", "torch finds no card"),
        ("time.sleep(600)", "True", "did not answer"),
        ("os.abort()", "True", "without a result"),
        ("ones.nothing", "True", "no attribute"),
    ],
)
def test_card_that_fails_to_compute_is_reported(
    parts: Path, monkeypatch: pytest.MonkeyPatch, product: str, available: str, reason: str
) -> None:
    computing(parts, product, available)
    monkeypatch.setattr(gpu, "_PROBE_TIMEOUT_S", 5.0)
    finding = gpu_finding()
    assert finding.state == "note" and reason in finding.message and finding.hint


def test_model_that_falls_back_to_the_processor_is_reported(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from assistant.backends import memory_budget
    from assistant.backends.qwen2_vl import loader
    from assistant.interfaces import LoadOptions

    options = LoadOptions(model="folder", name="qwen2-vl-2b")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert loader.choose_device(options, Path("folder")) == ("cpu", "")
    card(parts)
    device, note = loader.choose_device(options, Path("folder"))
    assert device == "cpu" and "“qwen2-vl-2b” runs on the processor" in note
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(memory_budget, "find_torch_fault", lambda: "no kernel image")
    device, note = loader.choose_device(options, Path("folder"))
    assert device == "cpu" and "(no kernel image)" in note


def test_whisper_on_the_processor_beside_a_card_is_reported(
    parts: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ctranslate2

    from assistant.backends import memory_budget
    from assistant.interfaces import LoadOptions

    folder = next(path.parent for path in checkpoints.rglob("model.bin"))
    assert whisper.load_transcriber(LoadOptions(model=str(folder))).load_warning == ""
    card(parts)
    assert "sees no card" in whisper.load_transcriber(LoadOptions(model=str(folder))).load_warning
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    monkeypatch.setattr(memory_budget, "memory_warning", lambda *_: None)
    model = whisper.load_transcriber(LoadOptions(model=str(folder)))
    assert model.device == "cpu" and "“Whisper” runs on the processor" in model.load_warning
