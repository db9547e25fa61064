"""Checks what works on this machine and says what to do about the rest, without importing a model library."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import Literal

import psutil

from assistant import error_boundary, gpu
from assistant.errors import AssistantError, NotAvailableError
from assistant.models import catalog, local_store
from assistant.paths import AppPaths
from assistant.text.i18n import tr, tr_noop


@dataclass(frozen=True)
class DoctorFinding:
    """The result of one check."""

    subject: str  # what was checked, such as "disk"
    state: Literal["ok", "note", "missing"]  # "note": it works, but could be better
    message: str  # in a sentence
    hint: str = ""  # what the user can do, a sentence or a command
    is_grave: bool = False  # Hark cannot answer without it


def check_machine(paths: AppPaths) -> list[DoctorFinding]:
    """Runs all checks, the most important first. A check that fails itself becomes a finding that says so."""
    findings: list[DoctorFinding] = []
    for subject, check in (
        (tr("computer"), partial(_check_system, paths)),
        (tr("packages"), _check_packages),
        (tr("sound"), _check_sound),
        (tr("starter kit"), _check_starter),
        (tr("GPU"), check_gpu),
        (tr("models"), _check_models),
        (tr("hub"), _check_hub),
        (tr("log"), partial(_check_log, paths)),
    ):

        def report_unchecked(error: AssistantError, subject: str = subject) -> None:
            findings.append(DoctorFinding(subject, "note", tr("This could not be checked."), error.hint))

        with error_boundary.reporting_errors(report_unchecked, paths.logs):
            for finding in check():  # one by one: what a check found before it failed counts
                findings.append(finding)
    return findings


def _check_system(paths: AppPaths) -> Iterator[DoctorFinding]:
    yield DoctorFinding(tr("Python"), "ok", f"{platform.python_version()}, {platform.system()}.")
    existing_folder = next((folder for folder in (paths.data, *paths.data.parents) if folder.exists()), paths.data)
    if not existing_folder.is_dir() or not os.access(existing_folder, os.W_OK):
        yield DoctorFinding(
            tr("folder"),
            "missing",
            tr("“{data}” cannot be written.").format(data=paths.data),
            tr("Set HARK_HOME to a folder of yours."),
            True,
        )
        return
    free_gb = shutil.disk_usage(existing_folder).free / 1e9
    state: Literal["ok", "note"] = "ok" if free_gb > 10 else "note"
    yield DoctorFinding(
        tr("disk"),
        state,
        tr("{free:.0f} GB free at “{data}”.").format(free=free_gb, data=paths.data),
        "" if free_gb > 10 else tr("Qwen2-VL 2B needs 5 GB."),
    )

    total_gb, available_gb = psutil.virtual_memory().total / 1e9, psutil.virtual_memory().available / 1e9
    fits = ", ".join(
        entry.name for entry in catalog.recommended(total_gb, gpu_memory_gb=gpu.largest_memory_gb())
    ) or tr("the starter kit")
    yield DoctorFinding(
        tr("memory"),
        "ok",
        tr("{available:.0f} of {total:.0f} GB are free; what fits: {fits}.").format(
            available=available_gb, total=total_gb, fits=fits
        ),
    )


def _check_packages() -> Iterator[DoctorFinding]:
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
    missing = [name for name in needed if gpu.find_package(name) is None]
    if missing:
        yield DoctorFinding(
            tr("packages"),
            "missing",
            tr("{what} cannot be imported.").format(what=", ".join(missing)),
            tr("Install Hark again."),
            True,
        )
    else:
        yield DoctorFinding(tr("packages"), "ok", tr("All are installed."))
    if shutil.which("espeak-ng") is None:
        yield DoctorFinding(
            tr("espeak-ng"),
            "note",
            tr("Coqui voices need the program espeak-ng."),
            tr("On Debian: apt install espeak-ng"),
        )


def _check_sound() -> Iterator[DoctorFinding]:
    from assistant.audio import portaudio

    try:
        portaudio.load_sounddevice("listen")
    except NotAvailableError as error:
        yield DoctorFinding(tr("sound"), "missing", error.message, error.hint)
        return
    kinds: tuple[tuple[str, Literal["input", "output"]], ...] = (
        (tr_noop("microphone"), "input"), (tr_noop("speaker"), "output"),
    )  # fmt: skip
    for subject, kind in kinds:
        if portaudio.device_names(kind):
            yield DoctorFinding(tr(subject), "ok", tr("There is one."))
        else:
            yield DoctorFinding(
                tr(subject),
                "missing",
                tr("There is no {what}.").format(what=tr(subject)),
                tr("Connect one; files and typed questions work without."),
            )


def _check_starter() -> Iterator[DoctorFinding]:
    from importlib import resources

    if (resources.files("resources") / "starter" / "tiny" / "model.safetensors").is_file():
        yield DoctorFinding(
            tr("starter kit"), "ok", tr("It hears English, sees plain shapes, reads English and Chinese, and speaks.")
        )
    else:
        yield DoctorFinding(
            tr("starter kit"), "missing", tr("Its model is not in this installation."), tr("Install Hark again."), True
        )


def check_gpu() -> Iterator[DoctorFinding]:
    """CTranslate2 needs CUDA 12's cuBLAS, and from 4.8 on no cuDNN; torch brings both for itself."""
    if not gpu.has_driver():
        yield DoctorFinding(tr("GPU"), "note", tr("No NVIDIA GPU was found; models run on the processor."))
        return
    names = "; ".join(
        f"{card.name}, {card.memory_gb:.0f} GB" if card.memory_gb else card.name for card in gpu.list_cards()
    )
    if not names:
        hint = tr("Start the computer again; if that does not help, install NVIDIA's driver again.")
        yield DoctorFinding(tr("GPU"), "note", tr("NVIDIA's driver is installed, but names no graphics card."), hint)
        return
    if gpu.find_package("torch") and not gpu.torch_has_cuda():
        yield DoctorFinding(tr("GPU"), "note", tr("There is one: {cards}.").format(cards=names))
        message = tr("The torch that is installed cannot use the graphics card: Qwen2-VL runs on the processor.")
        yield DoctorFinding(tr("torch"), "note", message, torch_install_command())
    elif (probe := gpu.probe_gpu()).works:
        yield DoctorFinding(tr("GPU"), "ok", tr("It works: torch computed on it ({cards}).").format(cards=names))
    else:
        message = tr("There is one ({cards}), but torch cannot compute on it ({reason}): models run on the processor.")
        hint = tr("Start the computer again; if that does not help, install NVIDIA's driver again.")
        yield DoctorFinding(tr("GPU"), "note", message.format(cards=names, reason=probe.reason), hint)
    if not gpu.has_cublas():
        message = tr("Whisper needs CUDA 12's cuBLAS to use the graphics card.")
        yield DoctorFinding(tr("cuBLAS"), "note", message, "pip install nvidia-cublas-cu12")


def torch_install_command() -> str:
    """Installs the same versions built for CUDA. For Windows only PyTorch's own index has them."""
    requirements = " ".join(
        f"{package}=={metadata.version(package).partition('+')[0]}"
        for package in ("torch", "torchvision", "torchaudio")
    )
    if sys.platform == "win32":
        return f"py -m pip install --upgrade {requirements} --index-url https://download.pytorch.org/whl/cu128"
    return f"pip install --force-reinstall {requirements}"


def _check_hub() -> Iterator[DoctorFinding]:
    import requests
    from huggingface_hub.constants import ENDPOINT

    try:
        requests.head(ENDPOINT, timeout=3)
        yield DoctorFinding(tr("hub"), "ok", tr("“{ENDPOINT}” answers; models can be got.").format(ENDPOINT=ENDPOINT))
    except requests.RequestException:
        hint = tr("Only to get models: check the network, or set HF_ENDPOINT to a mirror.")
        yield DoctorFinding(tr("hub"), "note", tr("“{ENDPOINT}” does not answer.").format(ENDPOINT=ENDPOINT), hint)


def _check_log(paths: AppPaths) -> Iterator[DoctorFinding]:
    yield DoctorFinding(
        tr("log"), "ok", tr("“{what}”; it holds nothing of what you say or see.").format(what=paths.logs / "hark.log")
    )


def _check_models() -> Iterator[DoctorFinding]:
    for task, subject, suggestion in (
        ("transcriber", tr("model to hear"), "whisper-small"),
        ("responder", tr("model to look"), "qwen2-vl-2b"),
        ("voice", tr("voice"), next(entry.name for entry in catalog.recommended(99) if entry.task == "voice")),
    ):
        installed = [
            entry.name for entry in catalog.CATALOG.values() if entry.task == task and local_store.is_installed(entry)
        ]
        if installed:
            yield DoctorFinding(subject, "ok", f"{', '.join(installed)}.")
        else:
            yield DoctorFinding(subject, "note", tr("Only the starter kit's."), f"hark models get {suggestion}")
