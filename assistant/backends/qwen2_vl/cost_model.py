"""What a picture will cost on this machine, before it is sent. Knows nothing of conversations.

One block of the tower and one layer of the language model are timed once, on noise, and multiplied: attention grows
with the square of the patches, everything else with their number."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch

from assistant.backends import memory_budget
from assistant.backends.qwen2_vl import vision_tower
from assistant.backends.qwen2_vl.prompt import SizedPicture
from assistant.messages import PictureCost

_FEW, _MANY = 256, 1024  # patches
_ROWS = 64
_COPIES = 20  # of its patches' channels that a token takes while it is encoded (measured at 256 to 4,096 tokens)
_SHARE = 4  # one picture takes at most this part of the memory that is free


class CostEstimator:
    """Measured when first asked; well under a second for the 2B model on two cores."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def estimate(self, view: SizedPicture) -> PictureCost:
        """Of encoding and feeding a picture at this size; megabytes are what its keys and values take."""
        frames, patches = view.grid[0], view.grid[1] * view.grid[2]
        linear, square, token = self._measure_rates
        width, height = view.grid[2] * view.patch, view.grid[1] * view.patch
        seconds = frames * (linear * patches + square * patches**2) + token * view.tokens
        return PictureCost(
            width, height, view.tokens, round(self._bytes_per_token * view.tokens / 1e6, 2), round(seconds, 3)
        )

    def affordable_pixels(self) -> int:
        """Pixels of the largest picture that the memory now free can take."""
        visual, config = self._model.model.visual, self._model.config.vision_config
        merged = config.spatial_merge_size**2
        each = (
            self._bytes_per_token
            + _COPIES * merged * visual.blocks[0].norm1.weight.numel() * self._model.dtype.itemsize
        )
        tokens = memory_budget.free_memory(self._model.device.type) // _SHARE // each
        return int(tokens * merged * config.patch_size**2)

    @property
    def _bytes_per_token(self) -> int:
        """Bytes of a token's keys and values."""
        text = self._model.config.get_text_config()
        head = text.hidden_size // text.num_attention_heads
        return int(2 * text.num_hidden_layers * text.num_key_value_heads * head * self._model.dtype.itemsize)

    @cached_property
    def _measure_rates(self) -> tuple[float, float, float]:
        """Seconds for a patch, for a pair of patches, for a token."""
        visual, text = self._model.model.visual, self._model.model.language_model
        few, many = (self._time_vision_block(visual, count) * len(visual.blocks) for count in (_FEW, _MANY))
        square = max(0.0, (many / _MANY - few / _FEW) / (_MANY - _FEW))
        return max(0.0, few / _FEW - square * _FEW), square, self._time_text_layer(text) * len(text.layers) / _ROWS

    def _time_vision_block(self, visual: Any, patches: int) -> float:
        if not vision_tower.is_supported(visual):  # of another make: about as dear as the language model's layers
            return self._time_text_layer(self._model.model.language_model) * patches / _ROWS / 4
        side = int(patches**0.5)
        grid = (1, side, side)
        noise = torch.zeros(patches, visual.patch_embed.proj.weight[0].numel())
        hidden, cos, sin = vision_tower.prepare_patches(visual, noise, grid)
        block = visual.blocks[0]
        return _measure_seconds(
            lambda: vision_tower.finish_block(
                block, hidden, vision_tower.attend_frames(vision_tower.project_queries(block, hidden, cos, sin), 1)
            )
        )

    @torch.inference_mode()
    def _time_text_layer(self, text: Any) -> float:
        """Attention is left out: over one picture it is a small part."""
        layer = text.layers[0]
        if any(one.device.type == "meta" for one in layer.parameters()):
            return 0.0  # offloaded: it comes from disk, and nobody knows how fast
        rows = torch.zeros(1, _ROWS, text.config.hidden_size, dtype=self._model.dtype, device=self._model.device)
        attention = layer.self_attn

        def work() -> None:
            for linear in (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj, layer.mlp):
                linear(rows)

        return _measure_seconds(work)


def _measure_seconds(work: Callable[[], object]) -> float:
    """The better of two runs: the first one warms."""
    taken = []
    for _ in range(2):
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return min(taken)
