"""The vision tower, block by block, with the checkpoint's own weights. Knows nothing of pictures or conversations.

The same arithmetic as transformers' tower (Qwen2-VL, Wang et al., 2024, section 2.1), cheaper: patches are embedded by
one matrix product, and all frames of a video, or one picture, go through one call of attention."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
from torch.nn import functional
from transformers.vision_utils import get_vision_position_ids

Grid = tuple[int, int, int]


@torch.inference_mode()
def begun(tower: Any, patches: torch.Tensor, grid: Grid) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Embedded patches (patches, channels), and the cosines and sines (patches, 1, head) of their places."""
    weight = tower.patch_embed.proj.weight
    hidden = functional.linear(patches.to(weight.device, weight.dtype), weight.flatten(1))
    places = get_vision_position_ids(torch.tensor([grid], device=weight.device), tower.spatial_merge_size)
    cos, sin = tower.rotary_pos_emb(hidden, places)
    return hidden, cos.unsqueeze(1), sin.unsqueeze(1)


@torch.inference_mode()
def through(block: Any, hidden: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, frames: int) -> torch.Tensor:
    """One block. Attention sees one frame at a time: `frames` of them are a batch."""
    attention, count = block.attn, hidden.shape[0]
    qkv = attention.qkv(block.norm1(hidden)).view(count, 3, attention.num_heads, -1)
    turned = [_turned(qkv[:, which], cos, sin) for which in (0, 1)]
    query, key, value = (one.unflatten(0, (frames, -1)).transpose(1, 2) for one in (*turned, qkv[:, 2]))
    seen = functional.scaled_dot_product_attention(query, key, value, scale=attention.scaling)
    hidden = hidden + attention.proj(seen.transpose(1, 2).reshape(count, -1))
    return hidden.add_(block.mlp(block.norm2(hidden)))


@torch.inference_mode()
def merged(tower: Any, hidden: torch.Tensor) -> torch.Tensor:
    """What the language model gets: (tokens, its channels)."""
    return tower.merger(hidden)


@torch.inference_mode()
def at_once(tower: Any, patches: torch.Tensor, grid: Grid) -> torch.Tensor:
    """The stock tower, for those of another make (Qwen2.5-VL's has windows)."""
    return tower(patches.to(tower.device, tower.dtype), torch.tensor([grid], device=tower.device)).pooler_output


def encoded(tower: Any, patches: torch.Tensor, grid: Grid) -> Generator[None, None, torch.Tensor]:
    """Yields between blocks; returns (tokens, channels). `patches` is (frames x rows x columns, values of one)."""
    if type(tower).__name__ != "Qwen2VisionTransformerPretrainedModel":
        yield
        return at_once(tower, patches, grid)
    hidden, cos, sin = begun(tower, patches, grid)
    for block in tower.blocks:
        yield
        hidden = through(block, hidden, cos, sin, grid[0])
    return merged(tower, hidden)


def _turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary embedding in float32, as the model was trained."""
    wide = x.float()
    first, second = wide.chunk(2, dim=-1)
    return (wide * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)
