"""Which NVIDIA graphics cards there are, and which libraries for them are installed.

Asks the driver's program `nvidia-smi` and looks at packages on disk, without importing any of them."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

from assistant.text.sanitize import sanitize
from assistant.typed_reader import InvalidValueError, parse_json, read_as

_DRIVER_TIMEOUT_S = 5.0
_PROBE_TIMEOUT_S = 60.0  # torch may be loaded from a slow disk
_MAX_PROBE_BYTES = 4096  # of a probe's answer
_MAX_SIZE_DIGITS = 12  # of a card's memory in MiB
_MAX_CARDS, _MAX_NAME_LETTERS = 64, 100


@dataclass(frozen=True)
class GraphicsCard:
    """One card, as the driver describes it."""

    name: str
    memory_gb: float  # in all, in GB (1e9 bytes); 0 where the driver does not say


def has_driver() -> bool:
    """Whether NVIDIA's driver is installed; that does not mean that there is a card."""
    return shutil.which("nvidia-smi") is not None


def list_cards() -> list[GraphicsCard]:
    """The cards in the driver's order; none without a driver, or where it does not answer within 5 s."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    creation_flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            timeout=_DRIVER_TIMEOUT_S,
            text=True,
            errors="replace",
            creationflags=creation_flags,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return list(_parse_driver_output(result.stdout)) if result.returncode == 0 else []


def _parse_driver_output(output: str) -> Iterator[GraphicsCard]:
    for line in output.splitlines()[:_MAX_CARDS]:
        name, _, size = line.rpartition(", ")
        number, _, unit = size.strip().partition(" ")
        if name:
            is_size = unit == "MiB" and number.isdecimal() and len(number) < _MAX_SIZE_DIGITS
            yield GraphicsCard(sanitize(name)[:_MAX_NAME_LETTERS], int(number) * 2**20 / 1e9 if is_size else 0.0)


def largest_memory_gb() -> float:
    """Memory of the card that has most, in GB (1e9 bytes); 0 where there is none."""
    return max((card.memory_gb for card in list_cards()), default=0.0)


def find_package(name: str) -> ModuleSpec | None:
    """Where a package is installed, or None; also None, unlike `find_spec`, where its parent package is missing."""
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def package_folders(name: str) -> list[Path]:
    """The folders of a package, several for a namespace package; none where it is not installed."""
    spec = find_package(name)
    return [Path(folder) for folder in spec.submodule_search_locations or ()] if spec else []


def torch_has_cuda() -> bool:
    """Whether the installed torch was built for CUDA: only then it brings the library `torch_cuda`."""
    return any(library for folder in package_folders("torch") for library in folder.glob("lib/*torch_cuda.*"))


@dataclass(frozen=True)
class GpuProbeResult:
    """Whether torch could compute on the card."""

    works: bool
    reason: str = ""  # why it could not


def probe_gpu() -> GpuProbeResult:
    """Has torch compute on the card in a child process (`gpu_probe`), which takes some seconds, a minute at most."""
    command = [sys.executable, "-P", "-m", "assistant.gpu_probe"]
    creation_flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_TIMEOUT_S,
            creationflags=creation_flags,
        )
        lines = result.stdout.splitlines()  # a library may have printed something before the answer
        return read_as(GpuProbeResult, parse_json(lines[-1] if lines else b"", max_bytes=_MAX_PROBE_BYTES), "it")
    except subprocess.TimeoutExpired:
        return GpuProbeResult(False, f"it did not answer in {_PROBE_TIMEOUT_S:.0f} s")
    except (OSError, InvalidValueError):
        return GpuProbeResult(False, "the computation ended without a result")


def cublas_libraries() -> list[Path]:
    """The files of CUDA 12's cuBLAS in NVIDIA's package, in the order to load them; none where it is not installed."""
    names = "bin/cublas*64_12.dll" if sys.platform == "win32" else "lib/libcublas*.so.12"
    return sorted((path for folder in package_folders("nvidia.cublas") for path in folder.glob(names)), reverse=True)


def has_cublas() -> bool:
    """Whether CTranslate2 will find CUDA 12's cuBLAS, which it looks up by name: NVIDIA's, torch's or the system's."""
    if cublas_libraries():
        return True
    if sys.platform == "win32":
        name = "cublas64_12.dll"
        return any((folder / "lib" / name).is_file() for folder in package_folders("torch")) or bool(
            ctypes.util.find_library(name)
        )
    try:
        ctypes.CDLL("libcublas.so.12")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    print(largest_memory_gb())
