"""Linear layers for a processor that decodes one row at a time: a token costs as long as its weights take to read.

Knows nothing of the model they stand in. Prefill multiplies in bfloat16, in oneDNN's own layout; a few rows multiply
with the same weights rounded to four bits in groups (as in llama.cpp's Q4_1), read in a quarter of the time."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from assistant.backends.qwen2_vl.processor import supports_bfloat16

GROUP = 32  # weights along a row that share a scale and a zero


class PackedLinear(nn.Module):
    """bfloat16, in the layout that oneDNN multiplies without looking twice. Only where it `multiplies_bfloat16`."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.bias = linear.bias
        self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach().contiguous(), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self._weight, self.bias, "none", [], "")


class Int4Linear(nn.Module):
    """Four bits for a few rows, bfloat16 for more. `kept`: what `quantised` and its packing gave an earlier time."""

    few = 8  # rows for which four bits are faster than sixteen (docs/performance.md)

    def __init__(self, linear: nn.Linear, kept: tuple[torch.Tensor, torch.Tensor] | None = None) -> None:
        super().__init__()
        self.bias = linear.bias
        self.many = _sixteen_bit_linear(linear)
        self.kept = kept or _pack_weight(linear.weight.detach())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[:-1].numel() > self.few:
            return self.many(x)
        rows = x.reshape(-1, x.shape[-1])
        out = torch.ops.aten._weight_int4pack_mm_for_cpu(rows, self.kept[0], GROUP, self.kept[1])
        out = out if self.bias is None else out + self.bias
        return out.view(*x.shape[:-1], -1)


def _sixteen_bit_linear(linear: nn.Linear) -> nn.Module:
    """All bits of the weights, as this processor multiplies them."""
    return PackedLinear(linear) if supports_bfloat16() else linear


def _pack_weight(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    whole, scales = quantize_weight(weight)
    return torch.ops.aten._convert_weight_to_int4pack_for_cpu(whole, 1), scales


def quantize_weight(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Whole numbers 0 to 15 (rows, columns), and (groups, rows, 2) of scale and zero: w ≈ (whole - 8) scale + zero."""
    groups = weight.float().unflatten(1, (-1, GROUP))
    low, high = groups.aminmax(dim=-1)
    scale = ((high - low) / 15).clamp_(min=1e-8).to(torch.bfloat16)
    zero = torch.add(low, scale.float(), alpha=8).to(torch.bfloat16)
    groups.sub_(zero.float().unsqueeze(-1)).div_(scale.float().unsqueeze(-1)).add_(8).round_().clamp_(0, 15)
    return groups.flatten(1).to(torch.int32), torch.stack((scale.t(), zero.t()), dim=-1).contiguous()


def dequantize_weight(whole: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """The weights that four bits stand for, in float32."""
    scale, zero = scales.float().transpose(0, 1).unsqueeze(2).unbind(-1)
    return ((whole.unflatten(1, (-1, GROUP)) - 8) * scale + zero).flatten(1)


def can_pack(model: Any) -> bool:
    """Whether it is possible and worth it: bfloat16, all of it on a processor that multiplies it."""
    if {one.device.type for one in model.parameters()} != {"cpu"} or model.dtype != torch.bfloat16:
        return False
    return supports_bfloat16()


@torch.no_grad()
def pack_model(model: Any, four_bits: bool, cache: Path | None = None) -> None:
    """Replaces the language model's linear layers, in place. The tower's, for many rows, stay as they are.

    `cache` is a file that keeps the four bits, made the first time; one that cannot be read is made again."""
    kept = _read_cache(cache) if four_bits and cache else {}
    made: dict[str, torch.Tensor] = {}
    text = model.model.language_model
    for name in [name for name, one in text.named_modules() if type(one) is nn.Linear]:
        parent, _, last = name.rpartition(".")
        linear: Any = text.get_submodule(name)  # one at a time: two whole sets of weights would not fit
        setattr(text.get_submodule(parent), last, _replace_linear(name, linear, four_bits, kept, made))
    if type(model.lm_head) is nn.Linear:
        model.lm_head = _replace_linear("lm_head", model.lm_head, four_bits, kept, made)
    if cache and made:
        _write_cache(cache, made)


def _replace_linear(
    name: str, linear: nn.Linear, four_bits: bool, kept: dict[str, torch.Tensor], made: dict[str, torch.Tensor]
) -> nn.Module:
    if not four_bits or linear.in_features % GROUP or linear.out_features % GROUP:
        return _sixteen_bit_linear(linear)
    known = (kept[f"{name}.packed"], kept[f"{name}.scales"]) if f"{name}.scales" in kept else None
    layer = Int4Linear(linear, known)
    if not known:
        made[f"{name}.packed"], made[f"{name}.scales"] = layer.kept
    return layer


def cache_file(folder: Path, caches: Path) -> Path:
    """Where the four bits of the checkpoint in `folder` are kept: other weights, another file."""
    parts = sorted((one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in folder.glob("*.safetensors"))
    # The layout of packed bits is torch's and the processor's own.
    maker = (torch.__version__, torch.backends.cpu.get_cpu_capability(), GROUP)
    key = hashlib.sha256(repr((str(folder.resolve()), parts, maker)).encode()).hexdigest()[:16]
    return caches / f"{folder.name}-{key}.safetensors"


def _read_cache(cache: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    try:
        # In memory: a mapped file that somebody cuts short would end the process.
        return {name: tensor.clone() for name, tensor in load_file(cache).items()}
    except (OSError, SafetensorError):
        return {}


def _write_cache(cache: Path, made: dict[str, torch.Tensor]) -> None:
    """What cannot be kept is made again the next time."""
    from safetensors.torch import save_file

    part = cache.with_suffix(".part")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        for old in cache.parent.glob(f"{cache.name.rpartition('-')[0]}-{'[0-9a-f]' * 16}.safetensors"):
            old.unlink()
        save_file(made, part)
        part.replace(cache)
    except (OSError, SafetensorError):
        part.unlink(missing_ok=True)
