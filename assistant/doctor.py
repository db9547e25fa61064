"""Checks a machine and says what to do. Knows nothing of windows; imports no model library."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from assistant.settings import Folders


@dataclass(frozen=True)
class Finding:
    """One check. `state`: "ok", "note" (works, could be better) or "missing"; `grave` if Hark cannot answer."""

    what: str
    state: Literal["ok", "note", "missing"]
    message: str
    hint: str = ""
    grave: bool = False


def examine(folders: Folders) -> list[Finding]:
    """All checks, in the order in which a person should mend them."""
    return [*_system(folders), *_packages(), *_sound(), *_starter(), *_gpu(), *_models()]


def _system(folders: Folders) -> Iterator[Finding]:
    yield Finding("Python", "ok", f"{platform.python_version()} on {platform.system()}.")
    base = next((p for p in (folders.data, *folders.data.parents) if p.is_dir()), folders.data)
    if not os.access(base, os.W_OK):
        yield Finding(
            "folder", "missing", f"“{folders.data}” cannot be written.", "Set HARK_HOME to a folder of yours.", True
        )
        return
    free = shutil.disk_usage(base).free / 1e9
    state: Literal["ok", "note"] = "ok" if free > 10 else "note"
    yield Finding(
        "disk", state, f"{free:.0f} GB free at “{folders.data}”.", "" if free > 10 else "Qwen2-VL 2B needs 5 GB."
    )


def _packages() -> Iterator[Finding]:
    needed = (
        "torch",
        "transformers",
        "qwen_vl_utils",
        "faster_whisper",
        "TTS",
        "pocketsphinx",
        "rapidocr",
        "espeakng_loader",
    )
    gone = [name for name in needed if importlib.util.find_spec(name) is None]
    if gone:
        yield Finding("packages", "missing", f"{', '.join(gone)} cannot be imported.", "Install Hark again.", True)
    else:
        yield Finding("packages", "ok", "All are installed.")
    if shutil.which("espeak-ng") is None:
        yield Finding(
            "espeak-ng", "note", "Coqui voices need the program espeak-ng.", "On Debian: apt install espeak-ng"
        )


def _sound() -> Iterator[Finding]:
    try:
        import sounddevice

        devices = list(sounddevice.query_devices())
    except OSError:
        yield Finding("sound", "missing", "PortAudio is not installed.", "On Debian: apt install libportaudio2")
        return
    for what, key in (("microphone", "max_input_channels"), ("speaker", "max_output_channels")):
        if any(device[key] > 0 for device in devices):
            yield Finding(what, "ok", "There is one.")
        else:
            yield Finding(
                what, "missing", f"There is no {what}.", "Connect one; files and typed questions work without."
            )


def _starter() -> Iterator[Finding]:
    from importlib import resources

    if (resources.files("resources") / "starter" / "tiny" / "model.safetensors").is_file():
        yield Finding(
            "starter kit", "ok", "It hears English, sees plain shapes, reads English and Chinese, and speaks."
        )
    else:
        yield Finding("starter kit", "missing", "Its model is not in this installation.", "Install Hark again.", True)


def _gpu() -> Iterator[Finding]:
    if sys.platform == "darwin" or shutil.which("nvidia-smi") is None:
        yield Finding("GPU", "note", "No NVIDIA GPU was found; models run on the processor.")
    elif importlib.util.find_spec("nvidia.cublas") is None:
        hint = "pip install 'hark-assistant[cuda]'"
        yield Finding("GPU", "note", "There is a GPU, but Whisper needs CUDA 12's cuBLAS to use it.", hint)
    else:
        yield Finding("GPU", "ok", "There is an NVIDIA GPU.")


def _models() -> Iterator[Finding]:
    from assistant.library import models

    for job, name in (("hear", "whisper-small"), ("look", "qwen2-vl-2b")):
        here = [entry.name for entry in models.CATALOGUE.values() if entry.job == job and models.is_here(entry)]
        if here:
            yield Finding(f"model to {job}", "ok", f"{', '.join(here)}.")
        else:
            yield Finding(f"model to {job}", "note", "Only the starter kit's.", f"hark models get {name}")
