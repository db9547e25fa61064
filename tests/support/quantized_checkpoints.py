"""The starter's Qwen2-VL as others publish such models: rounded to a few bits in GPTQ's and AWQ's layouts.

Frantar et al. (2022) and Lin et al. (2023) choose what to round to with care; here it is rounded to the nearest, since
only the layout is of interest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tests.support.qwen2_vl_models import TINY

GROUP = 32
_AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def checkpoint(folder: Path, method: str, bits: int) -> Path:
    """`method`: "gptq" or "awq" (of four bits)."""
    shutil.copytree(TINY, folder)
    tensors: dict[str, torch.Tensor] = {}
    for name, weight in load_file(TINY / "model.safetensors").items():
        if "visual" not in name and name.endswith("_proj.weight"):
            layout = _gptq if method == "gptq" else _awq
            parts = layout(*_rounded(weight.float(), bits, least_zero=int(method == "gptq")), bits)
            tensors |= {f"{name.removesuffix('weight')}{part}": value.contiguous() for part, value in parts.items()}
        else:
            tensors[name] = weight
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    quantization: dict[str, Any] = {"quant_method": method, "bits": bits, "group_size": GROUP}
    quantization |= {"desc_act": False, "sym": False} if method == "gptq" else {"zero_point": True, "version": "gemm"}
    # As it is published, although the library has since named it otherwise.
    quantization |= {"modules_to_not_convert": ["visual"]} if method == "awq" else {}
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": quantization}))
    return folder


def _rounded(weight: torch.Tensor, bits: int, least_zero: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Whole numbers (out, in), zeros and scales (out, groups)."""
    groups, top = weight.unflatten(1, (-1, GROUP)), 2**bits - 1
    low, high = groups.amin(-1).clamp(max=0), groups.amax(-1).clamp(min=0)
    scale = ((high - low) / top).clamp(min=1e-8).half().float()
    zero = (-low / scale).round().clamp(least_zero, top)
    return (groups / scale[..., None] + zero[..., None]).round().clamp(0, top).flatten(1), zero, scale


def _gptq(whole: torch.Tensor, zero: torch.Tensor, scale: torch.Tensor, bits: int) -> dict[str, torch.Tensor]:
    order = tuple(range(32 // bits))
    return {
        "qweight": _packed(whole.t(), 0, order, bits),
        "qzeros": _packed(zero.t() - 1, 1, order, bits),
        "scales": scale.t().half(),
        "g_idx": (torch.arange(whole.shape[1]) // GROUP).to(torch.int32),
    }


def _awq(whole: torch.Tensor, zero: torch.Tensor, scale: torch.Tensor, bits: int) -> dict[str, torch.Tensor]:
    return {
        "qweight": _packed(whole.t(), 1, _AWQ_ORDER, bits),
        "qzeros": _packed(zero.t(), 1, _AWQ_ORDER, bits),
        "scales": scale.t().half(),
    }


def _packed(numbers: torch.Tensor, along: int, order: tuple[int, ...], bits: int) -> torch.Tensor:
    """Pack several numbers into one 32-bit number, the first of `order` in the lowest bits."""
    parts = numbers.contiguous().to(torch.int64).unflatten(along, (-1, len(order)))
    packed = sum(parts.select(along + 1, index) << (bits * slot) for slot, index in enumerate(order))
    assert isinstance(packed, torch.Tensor)
    return torch.where(packed >= 2**31, packed - 2**32, packed).to(torch.int32)
