"""Attention on a processor: a long conversation must not make each token slow. Knows nothing of the model.

Grouped-query attention (Ainslie et al., 2023) without a copy of the keys for each query head: the queries of a group
become rows of one head. Figures: docs/performance.md."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from assistant.backends.qwen2_vl.processor import has_amx

_NAME = "hark_grouped"
_STEP = 1024  # keys by which a buffer for scores grows
_FEW = 8  # tokens up to which the fused kernel is faster than plain products


def use_grouped_attention(text_model: Any) -> None:
    """Makes a language model attend so. On a GPU it is for single tokens; more go the library's own way."""
    AttentionInterface.register(_NAME, _grouped_attention)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    text_model.set_attn_implementation(_NAME)


def is_plain_faster(query: torch.Tensor) -> bool:
    """Whether plain products beat the fused kernel: in bfloat16, on processors without AMX, they do."""
    slow = query.dtype == torch.bfloat16 and query.device.type == "cpu"
    return slow and not has_amx()


def _grouped_attention(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **told: Any
) -> tuple[torch.Tensor, None]:
    """transformers' interface: (batch, heads, tokens, channels) in, (batch, tokens, heads, channels) out."""
    batch, heads, tokens, channels = query.shape
    if query.device.type == "cuda" and tokens > 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **told)
    scale = told.get("scaling") or channels**-0.5
    group = heads // key.shape[1]
    rows = query.reshape(batch, key.shape[1], group * tokens, channels)
    if attention_mask is None and tokens > 1:  # the library leaves it out where plain causality is meant
        attention_mask = query.new_ones(1, 1, tokens, key.shape[2], dtype=torch.bool).tril(key.shape[2] - tokens)
    mask = None if attention_mask is None else attention_mask.repeat(1, 1, group, 1)
    if mask is not None and tokens > _FEW and batch == 1 and is_plain_faster(query):
        seen = _plain_attention(rows, key, value, mask[0, 0], scale)
    else:
        seen = functional.scaled_dot_product_attention(rows, key, value, attn_mask=mask, scale=scale)
    return seen.reshape(batch, heads, tokens, channels).transpose(1, 2).contiguous(), None


def _plain_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scale: float
) -> torch.Tensor:
    """Scores in float32, as the fused kernel has them: this model's keys are large."""
    seen, hidden = torch.empty_like(query), ~mask
    rows, length = mask.shape
    # Of few sizes, whatever the length: memory that is asked for in ever other sizes is not given back.
    room = torch.empty(rows, -(-length // _STEP) * _STEP)
    scores = room[:, :length]
    for head in range(query.shape[1]):
        torch.mm(query[0, head].float() * scale, key[0, head].float().t(), out=scores)
        torch.softmax(scores.masked_fill_(hidden, -torch.inf), dim=-1, out=scores)
        seen[0, head] = scores.to(value.dtype) @ value[0, head]
    return seen
