"""Linear layers that decode fast on a processor, where a token takes as long as reading its weights from memory.

Many rows (prefill) multiply in bfloat16, in oneDNN's own layout. A few rows (decoding) multiply with the same weights
rounded to four bits in groups, as in llama.cpp's Q4_1, which are read in a quarter of the time."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from assistant.backends.qwen2_vl.processor import supports_bfloat16

GROUP_SIZE = 32  # neighbouring weights of a row that share a scale and a zero point


class PackedLinear(nn.Module):
    """A linear layer in bfloat16, packed in oneDNN's own layout. Only where `processor.supports_bfloat16()`."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.bias = linear.bias
        self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach().contiguous(), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self._weight, self.bias, "none", [], "")


class Int4Linear(nn.Module):
    """A linear layer with four-bit weights for a few rows, and all bits for more rows.

    packed: the packed weights and scales of an earlier run; without them they are computed from `linear`."""

    max_int4_rows = 8  # up to so many rows four bits are faster than sixteen (docs/performance.md)

    def __init__(self, linear: nn.Linear, packed: tuple[torch.Tensor, torch.Tensor] | None = None) -> None:
        super().__init__()
        self.bias = linear.bias
        self.many_rows_linear = sixteen_bit_linear(linear)
        self.packed = packed or _pack_weight(linear.weight.detach())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[:-1].numel() > self.max_int4_rows:
            return self.many_rows_linear(x)
        rows = x.reshape(-1, x.shape[-1])
        product = torch.ops.aten._weight_int4pack_mm_for_cpu(rows, self.packed[0], GROUP_SIZE, self.packed[1])
        product = product if self.bias is None else product + self.bias
        return product.view(*x.shape[:-1], -1)


def sixteen_bit_linear(linear: nn.Linear) -> nn.Module:
    """The layer with all bits of its weights, packed where this processor multiplies bfloat16."""
    return PackedLinear(linear) if supports_bfloat16() else linear


def _pack_weight(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    whole, scales = quantize_weight(weight)
    return torch.ops.aten._convert_weight_to_int4pack_for_cpu(whole, 1), scales


def quantize_weight(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rounds weights (rows, columns) to whole numbers from 0 to 15, with a scale and a zero point for each group.

    Returns the whole numbers (rows, columns) and, in bfloat16, scale and zero (groups, rows, 2), such that
    weight ≈ (whole - 8) * scale + zero."""
    groups = weight.float().unflatten(1, (-1, GROUP_SIZE))
    lowest, highest = groups.aminmax(dim=-1)
    scale = ((highest - lowest) / 15).clamp_(min=1e-8).to(torch.bfloat16)
    zero = torch.add(lowest, scale.float(), alpha=8).to(torch.bfloat16)
    groups.sub_(zero.float().unsqueeze(-1)).div_(scale.float().unsqueeze(-1)).add_(8).round_().clamp_(0, 15)
    return groups.flatten(1).to(torch.int32), torch.stack((scale.t(), zero.t()), dim=-1).contiguous()


def can_pack(model: Any) -> bool:
    """Whether `pack_model` works and pays: a bfloat16 model, all of it on a processor that multiplies bfloat16."""
    if {parameter.device.type for parameter in model.parameters()} != {"cpu"} or model.dtype != torch.bfloat16:
        return False
    return supports_bfloat16()


@torch.no_grad()
def pack_model(model: Any, four_bits: bool, cache_path: Path | None = None) -> None:
    """Replaces the language model's linear layers in place. The vision tower's, which get many rows, are left alone.

    four_bits: use `Int4Linear` where the layer's size allows it, otherwise `PackedLinear`.
    cache_path: file of the packed four-bit weights; one that is missing or cannot be read is written."""
    cached = _read_cache(cache_path) if four_bits and cache_path else {}
    new: dict[str, torch.Tensor] = {}
    language_model = model.model.language_model
    for name in [name for name, module in language_model.named_modules() if type(module) is nn.Linear]:
        parent_name, _, child_name = name.rpartition(".")
        linear: Any = language_model.get_submodule(
            name
        )  # layer by layer: two complete sets of weights would not fit in memory
        setattr(
            language_model.get_submodule(parent_name), child_name, _replace_linear(name, linear, four_bits, cached, new)
        )
    if type(model.lm_head) is nn.Linear:
        model.lm_head = _replace_linear("lm_head", model.lm_head, four_bits, cached, new)
    if cache_path and new:
        _write_cache(cache_path, new)


def _replace_linear(
    name: str, linear: nn.Linear, four_bits: bool, cached: dict[str, torch.Tensor], new: dict[str, torch.Tensor]
) -> nn.Module:
    if not four_bits or linear.in_features % GROUP_SIZE or linear.out_features % GROUP_SIZE:
        return sixteen_bit_linear(linear)
    packed = (cached[f"{name}.packed"], cached[f"{name}.scales"]) if f"{name}.scales" in cached else None
    layer = Int4Linear(linear, packed)
    if not packed:
        new[f"{name}.packed"], new[f"{name}.scales"] = layer.packed
    return layer


def cache_file(folder: Path, cache_folder: Path) -> Path:
    """The path in `cache_folder` for the packed weights of the checkpoint in `folder`; it changes with the weights."""
    checkpoint_files = sorted(
        (file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in folder.glob("*.safetensors")
    )
    # The layout of packed weights depends on torch's version and the processor.
    packing_version = (torch.__version__, torch.backends.cpu.get_cpu_capability(), GROUP_SIZE)
    key = hashlib.sha256(repr((str(folder.resolve()), checkpoint_files, packing_version)).encode()).hexdigest()[:16]
    return cache_folder / f"{folder.name}-{key}.safetensors"


def _read_cache(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    try:
        # Copied into memory: if a mapped file is truncated, the process is killed.
        return {name: tensor.clone() for name, tensor in load_file(path).items()}
    except (OSError, SafetensorError):
        return {}


def _write_cache(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Writes the cache and removes older ones of the same checkpoint; an error only means packing again next time."""
    from safetensors.torch import save_file

    part_path = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for old_file in path.parent.glob(f"{path.name.rpartition('-')[0]}-{'[0-9a-f]' * 16}.safetensors"):
            old_file.unlink()
        save_file(tensors, part_path)
        part_path.replace(path)
    except (OSError, SafetensorError):
        part_path.unlink(missing_ok=True)
