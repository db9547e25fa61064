"""Runs the vision tower (Wang et al., 2024, section 2.1) in small steps, with the checkpoint's own weights.

The same arithmetic as transformers' tower but cheaper: patches are embedded by one matrix product, and attention uses
the kernel that is fastest on this machine."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import product
from typing import Any

import torch
from torch.nn import functional
from transformers.vision_utils import get_vision_position_ids

from assistant.backends.qwen2_vl.attention import is_plain_faster

Grid = tuple[int, int, int]
_PORTION_PATCHES = 512  # at a time; more do not fit into the processor's cache


@torch.inference_mode()
def prepare_patches(tower: Any, patches: torch.Tensor, grid: Grid) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Embeds patches: returns (patches, channels), and the cosines and sines (patches, head) of their 2D positions.

    patches: pixel values (patches, values of a patch).
    grid: pairs of frames, rows and columns of patches."""
    weight = tower.patch_embed.proj.weight
    hidden = functional.linear(patches.to(weight.device, weight.dtype), weight.flatten(1))
    positions = get_vision_position_ids(torch.tensor([grid], device=weight.device), tower.spatial_merge_size)
    cos, sin = tower.rotary_pos_emb(hidden, positions)
    return hidden, cos, sin


@torch.inference_mode()
def project_queries(block: Any, hidden: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """A block's scaled queries, keys and values: (3, heads, patches, channels).

    Computed in portions of patches that stay in the processor's cache."""
    attention, count = block.attn, hidden.shape[0]
    projected = hidden.new_empty(3, attention.num_heads, count, attention.head_dim)
    for rows in _split_portions(count):
        parts = attention.qkv(block.norm1(hidden[rows])).unflatten(1, (3, attention.num_heads, -1)).permute(1, 2, 0, 3)
        projected[0, :, rows] = _apply_rotary(parts[0], cos[rows], sin[rows]).mul_(attention.scaling)
        projected[1, :, rows] = _apply_rotary(parts[1], cos[rows], sin[rows])
        projected[2, :, rows] = parts[2]
    return projected


@torch.inference_mode()
def attend_frames(projected: torch.Tensor, frames: int) -> torch.Tensor:
    """Attention of every patch over the patches of its frame: (heads, patches, channels)."""
    return _attention(*projected.unflatten(2, (frames, -1))).flatten(1, 2)


@torch.inference_mode()
def finish_block(block: Any, hidden: torch.Tensor, attended: torch.Tensor) -> None:
    """Computes the rest of a block in place: output projection and MLP, each added to `hidden`."""
    for rows in _split_portions(hidden.shape[0]):
        hidden[rows] += block.attn.proj(attended[:, rows].transpose(0, 1).flatten(1))
        hidden[rows] += _run_mlp(block.mlp, block.norm2(hidden[rows]))


@torch.inference_mode()
def merge_patches(tower: Any, hidden: torch.Tensor) -> torch.Tensor:
    """Merges each 2 x 2 patches into a token of the language model: (tokens, channels)."""
    return tower.merger(hidden)


@torch.inference_mode()
def encode_at_once(tower: Any, patches: torch.Tensor, grid: Grid) -> torch.Tensor:
    """Runs transformers' own tower: for other architectures (Qwen2.5-VL's has windows) and for several devices."""
    return tower(patches.to(tower.device, tower.dtype), torch.tensor([grid], device=tower.device)).pooler_output


def is_supported(tower: Any) -> bool:
    """Whether the steps here work for a tower: it must be Qwen2-VL's, and all of it on one device."""
    is_qwen2_vl = type(tower).__name__ == "Qwen2VisionTransformerPretrainedModel"
    devices = {parameter.device for parameter in tower.parameters()}
    return is_qwen2_vl and len(devices) == 1 and torch.device("meta") not in devices


def encode_stepwise(tower: Any, patches: torch.Tensor, grid: Grid) -> Generator[None, None, torch.Tensor]:
    """Encodes patches (patches of all frames, values of a patch); returns (tokens, channels).

    Yields three times in each block; for an unsupported tower only once, before it runs as a whole."""
    if not is_supported(tower):
        yield
        return encode_at_once(tower, patches, grid)
    hidden, cos, sin = prepare_patches(tower, patches, grid)
    for block in tower.blocks:
        yield
        projected = project_queries(block, hidden, cos, sin)
        yield
        attended = attend_frames(projected, grid[0])
        yield
        finish_block(block, hidden, attended)
    return merge_patches(tower, hidden)


def _split_portions(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _PORTION_PATCHES, count)) for start in range(0, count, _PORTION_PATCHES))


def _run_mlp(mlp: Any, x: torch.Tensor) -> torch.Tensor:
    if type(mlp.act).__name__ != "QuickGELUActivation" or x.dtype == torch.float16:  # which would overflow
        return mlp(x)
    x = mlp.fc1(x).mul_(1.702)  # x * sigmoid(1.702 x), in place
    return mlp.fc2(functional.silu(x, inplace=True).mul_(1 / 1.702))


def _apply_rotary(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Applies rotary position embedding in float32, as in training."""
    wide = x.float()
    first, second = wide.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1).mul_(sin).addcmul_(wide, cos)


def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Attention within frames, for scaled queries: (heads, frames, patches, channels)."""
    if not is_plain_faster(query):
        return functional.scaled_dot_product_attention(query, key, value, scale=1.0)
    # Scores are rounded to bfloat16. Subtracting the keys' mean does not change the softmax, and makes them small, so
    # that rounding loses little.
    key = (key - key.mean(dim=2, keepdim=True)).transpose(2, 3)
    attended = torch.empty_like(query)
    for head, frame in product(range(query.shape[0]), range(query.shape[1])):
        for rows in _split_portions(query.shape[2]):
            scores = query[head, frame, rows] @ key[head, frame]
            attended[head, frame, rows] = torch.softmax(scores, dim=-1) @ value[head, frame]
    return attended
