"""Predicts what a picture will cost on this machine, before it is sent.

One block of the vision tower and one layer of the language model are timed once, on dummy data, and extrapolated:
attention grows with the square of the number of patches, everything else in proportion to it."""

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

_FEW_PATCHES, _MANY_PATCHES = 256, 1024  # the two sizes that the tower is timed with
_TEXT_ROWS = 64  # tokens that the language model is timed with
# Memory to encode a token, in copies of its patches' channels; measured at 256 to 4,096 tokens.
_ENCODING_COPIES = 20
_FREE_MEMORY_DIVISOR = 4  # one picture may take a quarter of the free memory


class CostEstimator:
    """Times the model at the first estimate, which takes well under a second for the 2B model on two cores."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def estimate(self, sized: SizedPicture) -> PictureCost:
        """What it costs to encode a picture at this size and to feed its tokens to the language model."""
        frames, patches = sized.grid[0], sized.grid[1] * sized.grid[2]
        patch_seconds, pair_seconds, token_seconds = self._rates
        width, height = sized.grid[2] * sized.patch_px, sized.grid[1] * sized.patch_px
        seconds = frames * (patch_seconds * patches + pair_seconds * patches**2) + token_seconds * sized.tokens
        return PictureCost(
            width, height, sized.tokens, round(self._bytes_per_token * sized.tokens / 1e6, 2), round(seconds, 3)
        )

    def affordable_pixels(self) -> int:
        """Number of pixels of the largest picture that fits into a quarter of the free memory."""
        visual, config = self._model.model.visual, self._model.config.vision_config
        patches_per_token = config.spatial_merge_size**2
        bytes_per_token = (
            self._bytes_per_token
            + _ENCODING_COPIES * patches_per_token * visual.blocks[0].norm1.weight.numel() * self._model.dtype.itemsize
        )
        tokens = memory_budget.free_memory(self._model.device.type) // _FREE_MEMORY_DIVISOR // bytes_per_token
        return int(tokens * patches_per_token * config.patch_size**2)

    @property
    def _bytes_per_token(self) -> int:
        """Size of a token's keys and values in all layers."""
        config = self._model.config.get_text_config()
        head_size = config.hidden_size // config.num_attention_heads
        return int(2 * config.num_hidden_layers * config.num_key_value_heads * head_size * self._model.dtype.itemsize)

    @cached_property
    def _rates(self) -> tuple[float, float, float]:
        """Seconds for each patch, for each pair of patches, and for each token of the language model."""
        visual, text = self._model.model.visual, self._model.model.language_model
        few_seconds, many_seconds = (
            self._time_vision_block(visual, count) * len(visual.blocks) for count in (_FEW_PATCHES, _MANY_PATCHES)
        )
        pair_seconds = max(
            0.0, (many_seconds / _MANY_PATCHES - few_seconds / _FEW_PATCHES) / (_MANY_PATCHES - _FEW_PATCHES)
        )
        return (
            max(0.0, few_seconds / _FEW_PATCHES - pair_seconds * _FEW_PATCHES),
            pair_seconds,
            self._time_text_layer(text) * len(text.layers) / _TEXT_ROWS,
        )

    def _time_vision_block(self, visual: Any, patches: int) -> float:
        if not vision_tower.is_supported(
            visual
        ):  # another architecture: about as costly as the language model's layers
            return self._time_text_layer(self._model.model.language_model) * patches / _TEXT_ROWS / 4
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
        """Seconds for 64 tokens in one layer, without attention, which is a small part for one picture."""
        layer = text.layers[0]
        if any(parameter.device.type == "meta" for parameter in layer.parameters()):
            return 0.0  # offloaded: its weights are read from disk, at an unknown speed
        rows = torch.zeros(1, _TEXT_ROWS, text.config.hidden_size, dtype=self._model.dtype, device=self._model.device)
        attention = layer.self_attn

        def multiply_rows() -> None:
            for linear in (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj, layer.mlp):
                linear(rows)

        return _measure_seconds(multiply_rows)


def _measure_seconds(work: Callable[[], object]) -> float:
    """The shorter of two runs, the first of which warms up caches."""
    durations = []
    for _ in range(2):
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        durations.append(time.perf_counter() - start)
    return min(durations)
