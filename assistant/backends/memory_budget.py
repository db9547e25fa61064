"""What fits: free memory beside a processor and on a graphics card. Knows no model."""

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

_WORK = 1.25  # of a model's weights: they, and what it makes while it works
_NO_ROOM = tr_noop(
    "The graphics card has {free:.1f} GB to give and “{name}” wants {wanted:.1f}: it runs on the processor, slower."
)

_UNUSABLE = tr_noop(
    "The graphics card cannot be used ({reason}): “{name}” runs on the processor, slower. "
    "“hark doctor” says what to do."
)


def unusable_gpu_warning(name: str, reason: str) -> str:
    """That a model runs on the processor although there is a card, in a sentence."""
    return tr(_UNUSABLE).format(name=name, reason=reason)


def unseen_gpu_warning(name: str) -> str:
    """The same where a library sees no card but the driver does; "" where there is none."""
    return unusable_gpu_warning(name, tr("the library sees no card")) if gpu.has_driver() and gpu.list_cards() else ""


def why_torch_fails() -> str:
    """Why torch cannot compute on the card that it sees, or ""."""
    try:
        ones = torch.ones(8, 8, device="cuda")
        float((ones @ ones).sum())
    except RuntimeError as error:  # a card too old for it, a driver that is another's, no memory at all
        return first_line(error, 120)
    return ""


def free_memory(device: str) -> int:
    """Bytes that can be had now. On a card, what torch holds and does not use counts too."""
    if device != "cuda":
        return int(psutil.virtual_memory().available)
    return torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()


def weight_bytes(folder: Path) -> int:
    """Bytes of a checkpoint's weights."""
    return sum(one.stat().st_size for kind in ("*.safetensors", "*.bin") for one in folder.glob(kind))


def memory_warning(folder: Path, budget: float) -> str:
    """Why a checkpoint must not go to the card, in a sentence, or "". `budget`: gigabytes that it may take there, so
    that others have room; 0 for all that is free."""
    wanted, given = weight_bytes(folder) * _WORK / 1e9, free_memory("cuda") / 1e9
    given = min(given, budget) if budget else given
    return tr(_NO_ROOM).format(free=given, name=folder.name, wanted=wanted) if wanted > given else ""


@contextmanager
def parameter_limit(most: int) -> Iterator[None]:
    """Modules that are made inside have at most so many numbers in all: a config is refused before it takes the memory,
    not when its weights do not fit. Raises `ValueError`."""
    count = 0

    def count_parameter(module: Any, name: str, parameter: Any) -> None:
        nonlocal count
        count += parameter.numel() if parameter is not None else 0
        if count > most:
            raise ValueError(tr("its config describes a larger model than its weights are"))

    hook = register_module_parameter_registration_hook(count_parameter)
    try:
        yield
    finally:
        hook.remove()
