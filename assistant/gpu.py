"""NVIDIA's graphics cards, as their driver tells of them, and what is installed for them. Knows nothing of models, and
imports none of their libraries."""

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

_DRIVER_TIMEOUT_S = 5.0  # seconds for the driver
_PROBE_TIMEOUT_S = 60.0  # for torch to load from a slow disk, and to compute
_MAX_PROBE_BYTES = 4096
_MAX_SIZE_DIGITS = 12
_MAX_CARDS, _MAX_NAME_LETTERS = 64, 100


@dataclass(frozen=True)
class GraphicsCard:
    """`memory`: GB in all, 0 where the driver does not tell."""

    name: str
    memory_gb: float


def has_driver() -> bool:
    """Whether NVIDIA's driver is installed; its card may be gone all the same."""
    return shutil.which("nvidia-smi") is not None


def list_cards() -> list[GraphicsCard]:
    """Those that the driver tells of, in its order; none without a driver that answers."""
    asked = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(
            asked, capture_output=True, timeout=_DRIVER_TIMEOUT_S, text=True, errors="replace", creationflags=hidden
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return list(_parse_driver_output(done.stdout)) if done.returncode == 0 else []


def _parse_driver_output(told: str) -> Iterator[GraphicsCard]:
    for line in told.splitlines()[:_MAX_CARDS]:
        name, _, size = line.rpartition(", ")
        number, _, unit = size.strip().partition(" ")
        if name:
            is_size = unit == "MiB" and number.isdecimal() and len(number) < _MAX_SIZE_DIGITS
            yield GraphicsCard(sanitize(name)[:_MAX_NAME_LETTERS], int(number) * 2**20 / 1e9 if is_size else 0.0)


def largest_memory_gb() -> float:
    """GB of the largest card; 0 where there is none."""
    return max((one.memory_gb for one in list_cards()), default=0.0)


def find_package(name: str) -> ModuleSpec | None:
    """Where a package is, or None; `find_spec` raises where what it is in is not there."""
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def package_folders(name: str) -> list[Path]:
    """The folders of a package; none where it is not installed."""
    found = find_package(name)
    return [Path(one) for one in found.submodule_search_locations or ()] if found else []


def torch_has_cuda() -> bool:
    """Whether the torch that is installed can use a card: only one that can brings this library."""
    return any(one for folder in package_folders("torch") for one in folder.glob("lib/*torch_cuda.*"))


@dataclass(frozen=True)
class GpuProbeResult:
    """Whether torch computed on the card, or the reason why it did not."""

    works: bool
    reason: str = ""


def probe_gpu() -> GpuProbeResult:
    """Has torch compute on the card, in a process of its own: it takes some seconds, and never more than a minute."""
    command = [sys.executable, "-P", "-m", "assistant.gpu_probe"]
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_TIMEOUT_S,
            creationflags=hidden,
        )
        lines = done.stdout.splitlines()  # a library may have printed before
        return read_as(GpuProbeResult, parse_json(lines[-1] if lines else b"", max_bytes=_MAX_PROBE_BYTES), "it")
    except subprocess.TimeoutExpired:
        return GpuProbeResult(False, f"it did not answer in {_PROBE_TIMEOUT_S:.0f} s")
    except (OSError, InvalidValueError):
        return GpuProbeResult(False, "the computation ended without a result")


def cublas_libraries() -> list[Path]:
    """CUDA 12's cuBLAS in NVIDIA's package, in the order in which they are to be loaded; none where it is missing."""
    names = "bin/cublas*64_12.dll" if sys.platform == "win32" else "lib/libcublas*.so.12"
    return sorted((path for folder in package_folders("nvidia.cublas") for path in folder.glob(names)), reverse=True)


def has_cublas() -> bool:
    """Whether CUDA 12's cuBLAS is found as CTranslate2 finds it: by name, once ours or torch's is loaded."""
    if cublas_libraries():
        return True
    if sys.platform == "win32":
        name = "cublas64_12.dll"
        return any((one / "lib" / name).is_file() for one in package_folders("torch")) or bool(
            ctypes.util.find_library(name)
        )
    try:
        ctypes.CDLL("libcublas.so.12")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    print(largest_memory_gb())
