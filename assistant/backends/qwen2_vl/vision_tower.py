"""The vision tower, step by step, with the checkpoint's own weights. Knows nothing of pictures or conversations.

The same arithmetic as transformers' tower (Qwen2-VL, Wang et al., 2024, section 2.1), cheaper: patches are embedded by
one matrix product, and attention goes the way that is fastest on this machine."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import product
from typing import Any

import torch
from torch.nn import functional
from transformers.vision_utils import get_vision_position_ids

from assistant.backends.qwen2_vl.attention import is_plain_faster

Grid = tuple[int, int, int]
_ROWS = 512  # of patches at a time: more do not fit into the cache


@torch.inference_mode()
def prepare_patches(tower: Any, patches: torch.Tensor, grid: Grid) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Embedded patches (patches, channels), and the cosines and sines (patches, head) of their places."""
    weight = tower.patch_embed.proj.weight
    hidden = functional.linear(patches.to(weight.device, weight.dtype), weight.flatten(1))
    places = get_vision_position_ids(torch.tensor([grid], device=weight.device), tower.spatial_merge_size)
    cos, sin = tower.rotary_pos_emb(hidden, places)
    return hidden, cos, sin


@torch.inference_mode()
def project_queries(block: Any, hidden: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """A block's queries (scaled), keys and values: (3, heads, patches, channels). Rows go through in portions that stay
    in the processor's cache."""
    attention, count = block.attn, hidden.shape[0]
    made = hidden.new_empty(3, attention.num_heads, count, attention.head_dim)
    for rows in _split_portions(count):
        parts = attention.qkv(block.norm1(hidden[rows])).unflatten(1, (3, attention.num_heads, -1)).permute(1, 2, 0, 3)
        made[0, :, rows] = _apply_rotary(parts[0], cos[rows], sin[rows]).mul_(attention.scaling)
        made[1, :, rows] = _apply_rotary(parts[1], cos[rows], sin[rows])
        made[2, :, rows] = parts[2]
    return made


@torch.inference_mode()
def attend_frames(made: torch.Tensor, frames: int) -> torch.Tensor:
    """What each patch sees of its frame: (heads, patches, channels)."""
    return _attention(*made.unflatten(2, (frames, -1))).flatten(1, 2)


@torch.inference_mode()
def finish_block(block: Any, hidden: torch.Tensor, seen: torch.Tensor) -> None:
    """The rest of a block, in place."""
    for rows in _split_portions(hidden.shape[0]):
        hidden[rows] += block.attn.proj(seen[:, rows].transpose(0, 1).flatten(1))
        hidden[rows] += _run_mlp(block.mlp, block.norm2(hidden[rows]))


@torch.inference_mode()
def merge_patches(tower: Any, hidden: torch.Tensor) -> torch.Tensor:
    """What the language model gets: (tokens, its channels)."""
    return tower.merger(hidden)


@torch.inference_mode()
def encode_at_once(tower: Any, patches: torch.Tensor, grid: Grid) -> torch.Tensor:
    """The stock tower, for those of another make (Qwen2.5-VL's has windows), or in several places."""
    return tower(patches.to(tower.device, tower.dtype), torch.tensor([grid], device=tower.device)).pooler_output


def is_supported(tower: Any) -> bool:
    """Whether it is Qwen2-VL's, and in one place: one spread over devices moves its parts in its own forward."""
    kind = type(tower).__name__ == "Qwen2VisionTransformerPretrainedModel"
    devices = {one.device for one in tower.parameters()}
    return kind and len(devices) == 1 and torch.device("meta") not in devices


def encode_stepwise(tower: Any, patches: torch.Tensor, grid: Grid) -> Generator[None, None, torch.Tensor]:
    """Yields between thirds of blocks; returns (tokens, channels). `patches`: (all frames' patches, values of one)."""
    if not is_supported(tower):
        yield
        return encode_at_once(tower, patches, grid)
    hidden, cos, sin = prepare_patches(tower, patches, grid)
    for block in tower.blocks:
        yield
        made = project_queries(block, hidden, cos, sin)
        yield
        seen = attend_frames(made, grid[0])
        yield
        finish_block(block, hidden, seen)
    return merge_patches(tower, hidden)


def _split_portions(count: int) -> Iterator[slice]:
    return (slice(at, min(at + _ROWS, count)) for at in range(0, count, _ROWS))


def _run_mlp(mlp: Any, x: torch.Tensor) -> torch.Tensor:
    if type(mlp.act).__name__ != "QuickGELUActivation" or x.dtype == torch.float16:  # which would overflow
        return mlp(x)
    x = mlp.fc1(x).mul_(1.702)  # x * sigmoid(1.702 x), in place
    return mlp.fc2(functional.silu(x, inplace=True).mul_(1 / 1.702))


def _apply_rotary(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary embedding in float32, as the model was trained."""
    wide = x.float()
    first, second = wide.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1).mul_(sin).addcmul_(wide, cos)


def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Attention of a scaled query, (heads, frames, patches, channels)."""
    if not is_plain_faster(query):
        return functional.scaled_dot_product_attention(query, key, value, scale=1.0)
    # Scores are rounded to bfloat16; without the keys' mean, which no softmax notices, they are small and lose little.
    key = (key - key.mean(dim=2, keepdim=True)).transpose(2, 3)
    seen = torch.empty_like(query)
    for head, frame in product(range(query.shape[0]), range(query.shape[1])):
        for rows in _split_portions(query.shape[2]):
            scores = query[head, frame, rows] @ key[head, frame]
            seen[head, frame, rows] = torch.softmax(scores, dim=-1) @ value[head, frame]
    return seen
