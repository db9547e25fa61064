"""The keys and values of a conversation: grows at its end, and can be truncated and copied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

_GROWTH_TOKENS, _GROWTH_TOKENS_GPU = (
    256,
    4096,
)  # tokens by which a buffer grows; growing makes a captured step invalid


class _CacheLayer(DynamicLayer):
    """Keys and values of one layer, in buffers with spare capacity: appending a token does not copy those before it."""

    keys: Any
    values: Any

    def __init__(self) -> None:
        super().__init__()
        self.length = self.reserved_tokens = 0
        self.write_index: torch.Tensor | None = None  # where a captured step writes, a tensor of one number

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = (states[..., :0, :] for states in (key_states, value_states))
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Appends keys and values (batch, heads, tokens, channels); returns all of them."""
        if self.write_index is not None:
            self.keys.index_copy_(-2, self.write_index, key_states)
            self.values.index_copy_(-2, self.write_index, value_states)
            return self.keys, self.values
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[-2]
        if end > self.keys.shape[-2]:
            self.fit_length(max(end, self.reserved_tokens))
        self.keys[..., self.length : end, :] = key_states
        self.values[..., self.length : end, :] = value_states
        self.length = end
        return self.keys[..., :end, :], self.values[..., :end, :]

    def get_seq_length(self) -> int:
        return self.length

    def fit_length(self, min_tokens: int) -> None:
        """Reallocates the buffers for at least `min_tokens` tokens, rounded up to a growth step."""
        self.keys, self.values = (_copy_buffer(buffer, self.length, min_tokens) for buffer in (self.keys, self.values))

    def copy_prefix(self, length: int) -> _CacheLayer:
        copy = _CacheLayer()
        if self.is_initialized:
            copy.lazy_initialization(self.keys, self.values)
            copy.keys, copy.values = (_copy_buffer(buffer, length, length) for buffer in (self.keys, self.values))
            copy.length = length
        return copy


def _copy_buffer(buffer: torch.Tensor, length: int, min_tokens: int) -> torch.Tensor:
    capacity = -(-max(1, min_tokens) // _growth_step(buffer)) * _growth_step(buffer)
    # Zeros, since a captured step also multiplies the masked part: a NaN in it would spoil the result.
    copy = buffer.new_zeros((*buffer.shape[:-2], capacity, buffer.shape[-1]))
    copy[..., :length, :] = buffer[..., :length, :]
    return copy


def _growth_step(buffer: torch.Tensor) -> int:
    return _GROWTH_TOKENS_GPU if buffer.device.type == "cuda" else _GROWTH_TOKENS


class KVCache(Cache):
    """The keys and values of all layers of one conversation."""

    def __init__(self, layers: list[_CacheLayer]) -> None:
        super().__init__(layers=list(layers))
        self._own_layers = layers

    @classmethod
    def with_layers(cls, layers: int) -> KVCache:
        """An empty cache for a model with so many layers."""
        return cls([_CacheLayer() for _ in range(layers)])

    def reserve_tokens(self, length: int) -> None:
        """Has the next append allocate room for `length` tokens at once: growing step by step fragments memory."""
        for layer in self._own_layers:
            layer.reserved_tokens = length

    def truncate(self, length: int) -> None:
        """Drops what follows the first `length` tokens, and shrinks buffers that have become far too large."""
        for layer in self._own_layers:
            layer.length = min(layer.length, length)
            if layer.is_initialized and layer.keys.shape[-2] > max(_growth_step(layer.keys), 4 * layer.length):
                layer.fit_length(layer.length)

    def copy_prefix(self, length: int) -> KVCache:
        """A copy of the first `length` tokens."""
        return KVCache([layer.copy_prefix(length) for layer in self._own_layers])

    @property
    def capacity_tokens(self) -> int:
        """Number of tokens that fit into the buffers."""
        return int(self._own_layers[0].keys.shape[-2])

    def list_buffers(self) -> tuple[torch.Tensor, ...]:
        """The keys and values of all layers, with the part that is not written yet."""
        return tuple(buffer for layer in self._own_layers for buffer in (layer.keys, layer.values))

    def ensure_capacity(self, length: int) -> None:
        """Allocates room for `length` tokens now; the cache must not be empty."""
        for layer in self._own_layers:
            if layer.keys.shape[-2] < length:
                layer.fit_length(max(length, layer.reserved_tokens))

    def advance_length(self, tokens: int) -> None:
        """Counts tokens that a captured step has written."""
        for layer in self._own_layers:
            layer.length += tokens

    @contextmanager
    def writing_at(self, at: torch.Tensor) -> Iterator[None]:
        """In the block, `update` writes one token at the index in the tensor `at`, and returns the whole buffers."""
        for layer in self._own_layers:
            layer.write_index = at
        try:
            yield
        finally:
            for layer in self._own_layers:
                layer.write_index = None
