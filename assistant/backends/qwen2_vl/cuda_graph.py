"""One token's step of fixed shapes, captured once as a CUDA graph and replayed. Knows nothing of text or pixels.

On a GPU a single token's kernels are done sooner than Python can launch them. The step attends over the whole buffer
of the cache, with what is not written yet hidden; where it stands is told by tensors, so that a replay can go on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch

from assistant.backends.qwen2_vl.kv_cache import KVCache

Run = Callable[[], torch.Tensor]
_WARM = 3  # runs before a capture: libraries make their plans in them
_CLOSE = 0.02  # of the largest logit: replayed or not, the same kernels run
_log = logging.getLogger(__name__)


def capture_graph(run: Run) -> Run:
    """The same work as a CUDA graph. Raises `RuntimeError` where that cannot be."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM):
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
    """For one model. `broken`: a capture failed or gave other logits than the plain step; it is not tried again."""

    def __init__(self, model: Any, capture: Callable[[Run], Run] = capture_graph) -> None:
        self._model, self._capture = model, capture
        self._token, self._at = (torch.zeros(1, dtype=torch.long, device=model.device) for _ in range(2))
        self._place = torch.zeros(3, 1, 1, dtype=torch.long, device=model.device)
        self._buffers: tuple[torch.Tensor, ...] = ()
        self._run: Run | None = None
        self.is_broken = False

    def replay_step(self, cache: KVCache, token: int, place: int) -> torch.Tensor | None:
        """The logits after one more token, (vocabulary); None where it cannot be replayed: nothing was fed then."""
        at = cache.get_seq_length()
        cache.ensure_capacity(at + 1)
        self._token.fill_(token)
        self._place.fill_(place)
        self._at.fill_(at)
        if not self._is_of(cache) and not self._captured_for(cache):
            return None
        assert self._run
        logits = self._run().clone()
        cache.advance_length(1)
        return logits

    def release_buffers(self) -> None:
        """Lets go of the captured step, and of the buffers that it reads."""
        self._buffers, self._run = (), None

    def _is_of(self, cache: KVCache) -> bool:
        """Whether what was captured reads this cache's buffers: they move when they grow."""
        buffers = cache.list_buffers()
        return len(buffers) == len(self._buffers) and all(map(torch.Tensor.is_set_to, buffers, self._buffers))

    def _captured_for(self, cache: KVCache) -> bool:
        if self.is_broken:
            return False
        self.release_buffers()
        try:
            plain = self._run_model(cache)
            run = self._capture(lambda: self._run_model(cache))
            off = float((run() - plain).abs().max() / plain.abs().max())
            self.is_broken = not off < _CLOSE
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
        seen = torch.arange(cache.capacity_tokens, device=self._at.device) <= self._at
        with cache.writing_at(self._at):
            out = self._model.model.language_model(
                inputs_embeds=embedded,
                position_ids=self._place,
                attention_mask={"full_attention": seen[None, None, None]},
                past_key_values=cache,
                use_cache=True,
            )
        return self._model.lm_head(out.last_hidden_state[0, -1]).float()
