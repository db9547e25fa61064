"""Decodes a token by replaying a CUDA graph, captured once from a step with fixed shapes.

On a GPU the kernels for a single token finish sooner than Python can launch them. The captured step attends over the
whole buffer of the cache and masks what is not written yet; the token and its position are read from tensors, so that
the same graph serves every step."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch

from assistant.backends.qwen2_vl.kv_cache import KVCache

LogitsFunction = Callable[[], torch.Tensor]
_WARM_UP_RUNS = 3  # before a capture, in which libraries choose their kernels
_MAX_LOGIT_DIFFERENCE = 0.02  # of the largest logit, between the replayed and the plain step
_log = logging.getLogger(__name__)


def capture_graph(run: LogitsFunction) -> LogitsFunction:
    """Captures `run` as a CUDA graph and returns a function that replays it. Raises `RuntimeError` where it fails."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP_RUNS):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = run()

    def replay_graph() -> torch.Tensor:
        graph.replay()
        return out

    return replay_graph


class CudaGraphStep:
    """The captured decoding step of one model.

    `is_broken` means that a capture failed or gave other logits than the plain step; then it is not tried again."""

    def __init__(self, model: Any, capture: Callable[[LogitsFunction], LogitsFunction] = capture_graph) -> None:
        self._model, self._capture = model, capture
        self._token, self._index = (torch.zeros(1, dtype=torch.long, device=model.device) for _ in range(2))
        self._position = torch.zeros(3, 1, 1, dtype=torch.long, device=model.device)
        self._buffers: tuple[torch.Tensor, ...] = ()
        self._run: LogitsFunction | None = None
        self.is_broken = False

    def replay_step(self, cache: KVCache, token: int, position: int) -> torch.Tensor | None:
        """Feeds a token at a position and returns the logits (vocabulary) after it.

        Returns None where no graph can be captured; then the token was not fed."""
        length = cache.get_seq_length()
        cache.ensure_capacity(length + 1)
        self._token.fill_(token)
        self._position.fill_(position)
        self._index.fill_(length)
        if not self._reads_buffers_of(cache) and not self._capture_for(cache):
            return None
        assert self._run
        logits = self._run().clone()
        cache.advance_length(1)
        return logits

    def release_buffers(self) -> None:
        """Frees the captured step and the buffers that it reads."""
        self._buffers, self._run = (), None

    def _reads_buffers_of(self, cache: KVCache) -> bool:
        """Whether the captured step reads this cache's buffers, which move when they grow."""
        buffers = cache.list_buffers()
        return len(buffers) == len(self._buffers) and all(map(torch.Tensor.is_set_to, buffers, self._buffers))

    def _capture_for(self, cache: KVCache) -> bool:
        if self.is_broken:
            return False
        self.release_buffers()
        try:
            plain = self._run_model(cache)
            run = self._capture(lambda: self._run_model(cache))
            difference = float((run() - plain).abs().max() / plain.abs().max())
            self.is_broken = not difference < _MAX_LOGIT_DIFFERENCE
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            _log.info("Steps are not captured: %s", error)
            self.is_broken = True
        if not self.is_broken:
            self._buffers, self._run = cache.list_buffers(), run
        return not self.is_broken

    @torch.inference_mode()
    def _run_model(self, cache: KVCache) -> torch.Tensor:
        embedded = self._model.get_input_embeddings()(self._token[None])
        is_written = torch.arange(cache.capacity_tokens, device=self._index.device) <= self._index
        with cache.writing_at(self._index):
            out = self._model.model.language_model(
                inputs_embeds=embedded,
                position_ids=self._position,
                attention_mask={"full_attention": is_written[None, None, None]},
                past_key_values=cache,
                use_cache=True,
            )
        return self._model.lm_head(out.last_hidden_state[0, -1]).float()
