"""Attention for the language model that stays fast in a long conversation.

Grouped-query attention (Ainslie et al., 2023) without copying the keys for every query head: the queries of a group
become rows of one head. Measurements: docs/performance.md."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from assistant.backends.qwen2_vl.processor import has_amx

_ATTENTION_NAME = "hark_grouped"
_SCORE_BUFFER_STEP = 1024  # keys; the score buffer's length is a multiple of it
_MAX_FUSED_TOKENS = 8  # up to so many tokens the fused kernel is faster than plain matrix products


def use_grouped_attention(text_model: Any) -> None:
    """Registers this attention with transformers and has the language model use it.

    On a GPU it handles single tokens; longer inputs go to transformers' own attention."""
    AttentionInterface.register(_ATTENTION_NAME, grouped_attention)
    AttentionMaskInterface.register(_ATTENTION_NAME, sdpa_mask)
    text_model.set_attn_implementation(_ATTENTION_NAME)


def is_plain_faster(query: torch.Tensor) -> bool:
    """Whether plain matrix products beat the fused kernel: in bfloat16, on processors without AMX, they do."""
    is_slow_bfloat16 = query.dtype == torch.bfloat16 and query.device.type == "cpu"
    return is_slow_bfloat16 and not has_amx()


def grouped_attention(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **options: Any
) -> tuple[torch.Tensor, None]:
    """Implements transformers' interface: takes (batch, heads, tokens, channels), returns (batch, tokens, heads,
    channels) and no weights."""
    batch, heads, tokens, channels = query.shape
    if query.device.type == "cuda" and tokens > 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    scale = options.get("scaling") or channels**-0.5
    group = heads // key.shape[1]
    rows = query.reshape(batch, key.shape[1], group * tokens, channels)
    if attention_mask is None and tokens > 1:  # transformers passes none for plain causal attention
        attention_mask = query.new_ones(1, 1, tokens, key.shape[2], dtype=torch.bool).tril(key.shape[2] - tokens)
    mask = None if attention_mask is None else attention_mask.repeat(1, 1, group, 1)
    if mask is not None and tokens > _MAX_FUSED_TOKENS and batch == 1 and is_plain_faster(query):
        attended = _plain_attention(rows, key, value, mask[0, 0], scale)
    else:
        attended = functional.scaled_dot_product_attention(rows, key, value, attn_mask=mask, scale=scale)
    return attended.reshape(batch, heads, tokens, channels).transpose(1, 2).contiguous(), None


def _plain_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scale: float
) -> torch.Tensor:
    """Attention by matrix products, with scores in float32 as in the fused kernel: this model's keys are large.

    query, key and value are (1, heads, rows, channels); `mask` (rows, keys) is true where a row may attend."""
    attended, is_hidden = torch.empty_like(query), ~mask
    rows, length = mask.shape
    # Buffers of few different sizes: allocators do not give memory back that is requested in ever new sizes.
    score_buffer = torch.empty(rows, -(-length // _SCORE_BUFFER_STEP) * _SCORE_BUFFER_STEP)
    scores = score_buffer[:, :length]
    for head in range(query.shape[1]):
        torch.mm(query[0, head].float() * scale, key[0, head].float().t(), out=scores)
        torch.softmax(scores.masked_fill_(is_hidden, -torch.inf), dim=-1, out=scores)
        attended[0, head] = scores.to(value.dtype) @ value[0, head]
    return attended
