"""A conversation's keys and values, append-only: longer by what is fed, shorter by a crop. Knows nothing of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

_ROOM, _ROOM_ON_GPU = 256, 4096  # tokens by which a buffer grows; a captured step is good while it does not


class _CacheLayer(DynamicLayer):
    """Keys and values in buffers with room for more: a token costs no copy of those before it."""

    keys: Any
    values: Any

    def __init__(self) -> None:
        super().__init__()
        self.length = self.wanted = 0
        self.at: torch.Tensor | None = None  # where a captured step writes

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = (one[..., :0, :] for one in (key_states, value_states))
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Appends (batch, heads, tokens, channels); returns all that is kept."""
        if self.at is not None:
            self.keys.index_copy_(-2, self.at, key_states)
            self.values.index_copy_(-2, self.at, value_states)
            return self.keys, self.values
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[-2]
        if end > self.keys.shape[-2]:
            self.fit_length(max(end, self.wanted))
        self.keys[..., self.length : end, :] = key_states
        self.values[..., self.length : end, :] = value_states
        self.length = end
        return self.keys[..., :end, :], self.values[..., :end, :]

    def get_seq_length(self) -> int:
        return self.length

    def fit_length(self, least: int) -> None:
        """Makes room for so many tokens, and not for many more."""
        self.keys, self.values = (_copy_buffer(one, self.length, least) for one in (self.keys, self.values))

    def copy_prefix(self, length: int) -> _CacheLayer:
        made = _CacheLayer()
        if self.is_initialized:
            made.lazy_initialization(self.keys, self.values)
            made.keys, made.values = (_copy_buffer(one, length, length) for one in (self.keys, self.values))
            made.length = length
        return made


def _copy_buffer(buffer: torch.Tensor, length: int, least: int) -> torch.Tensor:
    room = -(-max(1, least) // _growth_step(buffer)) * _growth_step(buffer)
    # Zeros: what is not written yet is hidden, but a NaN would show through.
    made = buffer.new_zeros((*buffer.shape[:-2], room, buffer.shape[-1]))
    made[..., :length, :] = buffer[..., :length, :]
    return made


def _growth_step(buffer: torch.Tensor) -> int:
    return _ROOM_ON_GPU if buffer.device.type == "cuda" else _ROOM


class KVCache(Cache):
    """All layers' keys and values of one conversation."""

    def __init__(self, layers: list[_CacheLayer]) -> None:
        super().__init__(layers=list(layers))
        self._kept = layers

    @classmethod
    def with_layers(cls, layers: int) -> KVCache:
        return cls([_CacheLayer() for _ in range(layers)])

    def reserve_tokens(self, length: int) -> None:
        """Makes room for so many tokens at once, when the next one comes: growing step by step leaves holes."""
        for layer in self._kept:
            layer.wanted = length

    def truncate(self, length: int) -> None:
        """Forgets what follows the first `length` tokens, and room that is far too large for them."""
        for layer in self._kept:
            layer.length = min(layer.length, length)
            if layer.is_initialized and layer.keys.shape[-2] > max(_growth_step(layer.keys), 4 * layer.length):
                layer.fit_length(layer.length)

    def copy_prefix(self, length: int) -> KVCache:
        """Another conversation that begins with the first `length` tokens of this one."""
        return KVCache([layer.copy_prefix(length) for layer in self._kept])

    @property
    def capacity_tokens(self) -> int:
        """Tokens that the buffers can hold."""
        return int(self._kept[0].keys.shape[-2])

    def list_buffers(self) -> tuple[torch.Tensor, ...]:
        """All layers' keys and values, written or not."""
        return tuple(one for layer in self._kept for one in (layer.keys, layer.values))

    def ensure_capacity(self, length: int) -> None:
        """Makes room for so many tokens now; there are some already."""
        for layer in self._kept:
            if layer.keys.shape[-2] < length:
                layer.fit_length(max(length, layer.wanted))

    def advance_length(self, tokens: int) -> None:
        """Counts what was written by a step of fixed shapes."""
        for layer in self._kept:
            layer.length += tokens

    @contextmanager
    def writing_at(self, at: torch.Tensor) -> Iterator[None]:
        """While it is open one token is written where `at` says, and all of the buffers is given to attention."""
        for layer in self._kept:
            layer.at = at
        try:
            yield
        finally:
            for layer in self._kept:
                layer.at = None
