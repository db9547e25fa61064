"""How much memory is free, and whether a model fits into it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import torch
from torch.nn.modules.module import register_module_parameter_registration_hook

from assistant import gpu
from assistant.errors import first_line
from assistant.text.i18n import tr, tr_noop

_WORKING_MEMORY_FACTOR = 1.25  # times its weights: what a model needs with all that it computes while it works
_NO_MEMORY_SENTENCE = tr_noop(
    "The graphics card has {free:.1f} GB to give and “{name}” wants {wanted:.1f}: it runs on the processor, slower."
)

_UNUSABLE_SENTENCE = tr_noop(
    "The graphics card cannot be used ({reason}): “{name}” runs on the processor, slower. "
    "“hark doctor” says what to do."
)


def unusable_gpu_warning(name: str, reason: str) -> str:
    """The sentence that a model runs on the processor because the graphics card cannot be used."""
    return tr(_UNUSABLE_SENTENCE).format(name=name, reason=reason)


def unseen_gpu_warning(name: str) -> str | None:
    """The same sentence for a library that sees no card although the driver does; None where there is no card."""
    return unusable_gpu_warning(name, tr("the library sees no card")) if gpu.has_driver() and gpu.list_cards() else None


def find_torch_fault() -> str | None:
    """The reason why torch cannot compute on the card that it sees; None when it can."""
    try:
        ones = torch.ones(8, 8, device="cuda")
        float((ones @ ones).sum())
    except RuntimeError as error:  # the card is too old for it, the driver does not match, no memory is left
        return first_line(error, 120)
    return None


def free_memory(device: str) -> int:
    """Bytes that are free on a device, "cuda" or "cpu". On a card, what torch has reserved but does not use is free."""
    if device != "cuda":
        return int(psutil.virtual_memory().available)
    return torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()


def weight_bytes(folder: Path) -> int:
    """Size of a checkpoint's weight files, in bytes."""
    return sum(file.stat().st_size for pattern in ("*.safetensors", "*.bin") for file in folder.glob(pattern))


def memory_warning(folder: Path, limit_gb: float) -> str | None:
    """The sentence that a checkpoint does not fit on the graphics card and runs on the processor; None when it fits.

    limit_gb: what it may take there at most, so that other models have room; 0 for all that is free."""
    needed_gb, available_gb = weight_bytes(folder) * _WORKING_MEMORY_FACTOR / 1e9, free_memory("cuda") / 1e9
    available_gb = min(available_gb, limit_gb) if limit_gb else available_gb
    if needed_gb <= available_gb:
        return None
    return tr(_NO_MEMORY_SENTENCE).format(free=available_gb, name=folder.name, wanted=needed_gb)


@contextmanager
def parameter_limit(max_numbers: int) -> Iterator[None]:
    """Raises `ValueError` as soon as the torch modules made in the block have more than `max_numbers` parameters.

    A config that describes a huge model is refused before its memory is allocated, not when its weights do not fit."""
    count = 0

    def count_parameter(module: Any, name: str, parameter: Any) -> None:
        nonlocal count
        count += parameter.numel() if parameter is not None else 0
        if count > max_numbers:
            raise ValueError(tr("its config describes a larger model than its weights are"))

    hook = register_module_parameter_registration_hook(count_parameter)
    try:
        yield
    finally:
        hook.remove()
