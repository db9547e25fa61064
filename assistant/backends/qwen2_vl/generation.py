"""The language model over a conversation that is kept: only new tokens are fed. Knows nothing of text or pixels.

Positions are ours: Qwen2-VL's three rows (time, row, column; Wang et al., 2024, section 2.1) come from the checkpoint's
own `get_rope_index` over the whole list of tokens, so that a picture in the tenth turn stands where it should."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import torch

from assistant.backends.qwen2_vl.cpu_linear import Int4Linear
from assistant.backends.qwen2_vl.cuda_graph import CudaGraphStep
from assistant.backends.qwen2_vl.kv_cache import KVCache
from assistant.backends.qwen2_vl.prompt import EncodedPrompt, Key
from assistant.backends.qwen2_vl.prompt_lookup import PromptLookup

_IMAGE, _VIDEO = 1, 2  # kinds of placeholders, in the library's numbers
# Tokens guessed at a time: four bits multiply 4 rows at 1.5 times the cost of one, sixteen bits 8 at 1.1 times
# (docs/qwen2-vl-2b-kernels.md).
_GUESSED, _GUESSED_IN_FOUR_BITS = 7, 3
SLICE_S, _FEWEST_ROWS = 1.0, 8  # what a slice of prefill may take, and the least that is in one
Seen = dict[Key, torch.Tensor]  # of each view (tokens, channels)


class CachedConversation:
    """A conversation in memory: `marks` tells its tokens, `cache` holds their keys and values.

    `held`: somebody is in the middle of it."""

    def __init__(self, cache: KVCache, marks: list[int] | None = None) -> None:
        self.cache, self.cache_keys = cache, marks or []
        self.is_in_use = False

    def shared_length(self, prompt: EncodedPrompt) -> int:
        """How many tokens it has in common with a prompt, from the first on."""
        pairs = enumerate(zip(self.cache_keys, prompt.cache_keys, strict=False))
        return next((at for at, (ours, theirs) in pairs if ours != theirs), min(len(self.cache_keys), len(prompt)))

    def crop_to(self, length: int) -> None:
        """Forgets all but the first tokens."""
        self.cache.truncate(length)
        del self.cache_keys[length:]

    def branch_at(self, length: int) -> CachedConversation:
        """Another conversation with the same beginning."""
        return CachedConversation(self.cache.copy_prefix(length), self.cache_keys[:length])


class TextGenerator:
    """`rows`: tokens in a slice of prefill, fewer where so many take more than a second: a turn has to wait for one.
    `replay` decodes on a GPU. `guessed`: tokens that are guessed at a time."""

    def __init__(self, model: Any, rows: int, replay: CudaGraphStep | None = None) -> None:
        self._model, self.rows, self._most_rows, self._replay = model, rows, rows, replay
        self._text = model.model.language_model
        four_bits = any(isinstance(one, Int4Linear) for one in self._text.layers[0].modules())
        # None where one token is replayed, which is faster than several that are not.
        self.guessed_tokens = 0 if replay else _GUESSED_IN_FOUR_BITS if four_bits else _GUESSED

    def new_conversation(self) -> CachedConversation:
        """An empty one."""
        return CachedConversation(KVCache.with_layers(self._text.config.num_hidden_layers))

    def prefill_prompt(
        self, context: CachedConversation, prompt: EncodedPrompt, seen: Seen
    ) -> Generator[None, None, torch.Tensor]:
        """Makes the context the prompt's, slice by slice; returns the logits (vocabulary) after its last token. `seen`
        has the views that the context does not hold yet.

        Yields after each slice, and is right whenever it is closed: the context holds what was fed."""
        places = self.token_positions(prompt)
        begin = min(context.shared_length(prompt), len(prompt) - 1)
        context.crop_to(begin)
        context.cache.reserve_tokens(len(prompt))
        logits = torch.empty(0)
        while begin < len(prompt):
            end = min(begin + self.rows, len(prompt))
            started = time.perf_counter()
            logits = self._prefill_slice(context, prompt, (begin, end), places, seen)
            self.note_slice(end - begin, time.perf_counter() - started)
            begin = end
            yield
        return logits[-1]

    def note_slice(self, rows: int, seconds: float) -> None:
        """Chooses the size of the next slices by what one of so many tokens took."""
        fitting = int(rows * SLICE_S / max(seconds, 1e-6))
        if seconds > SLICE_S or (rows == self.rows and fitting > 2 * rows):
            self.rows = max(_FEWEST_ROWS, min(self._most_rows, fitting))

    def decode_tokens(
        self, context: CachedConversation, logits: torch.Tensor, place: int
    ) -> Generator[tuple[int, float], None, None]:
        """Each token of the likeliest text and the chance that the model gives it, for ever. `logits` are those after
        the context, whose next token stands at `place`. A token is fed when the next one is wanted."""
        lookup = PromptLookup(self.guessed_tokens)
        while True:
            token, chance = _most_likely(logits)
            yield token, chance
            guessed = lookup.guess_tokens([*context.cache_keys, token])
            rows = self._replay_step(context, token, place)
            if rows is None:
                rows = self.forward_tokens(context, [token, *guessed], place)
            right = 0
            for one in guessed:
                token, chance = _most_likely(rows[right])
                if token != one:
                    break
                yield token, chance
                right += 1
            lookup.record_result(len(guessed), right)
            context.crop_to(len(context.cache_keys) - len(guessed) + right)
            logits, place = rows[right], place + 1 + right

    def release_buffers(self) -> None:
        """Lets go what can be made again."""
        if self._replay:
            self._replay.release_buffers()

    def _replay_step(self, context: CachedConversation, token: int, place: int) -> torch.Tensor | None:
        """The logits after one token, (1, vocabulary), where its step can be replayed."""
        logits = self._replay.replay_step(context.cache, token, place) if self._replay else None
        if logits is None:
            return None
        context.cache_keys.append(token)
        return logits[None]

    @torch.inference_mode()
    def forward_tokens(self, context: CachedConversation, tokens: list[int], place: int) -> torch.Tensor:
        """Feeds a few tokens of text at these places on; returns the logits after each, (tokens, vocabulary)."""
        at = torch.arange(place, place + len(tokens), device=self._model.device).expand(3, 1, -1)
        return self._run_model(context, self._embed_tokens(tokens), at, tokens, len(tokens))

    def token_positions(self, prompt: EncodedPrompt) -> torch.Tensor:
        """Of all tokens, (3, 1, tokens)."""
        kinds = torch.zeros(1, len(prompt), dtype=torch.int32)
        grids: dict[int, list[tuple[int, int, int]]] = {_IMAGE: [], _VIDEO: []}
        for start, view in prompt.views:
            kind = _VIDEO if view.picture.frame_count > 1 else _IMAGE
            kinds[0, start : start + view.tokens] = kind
            grids[kind].append(view.grid)
        places, _ = self._model.model.get_rope_index(
            torch.tensor([prompt.ids]),
            mm_token_type_ids=kinds,
            image_grid_thw=torch.tensor(grids[_IMAGE]) if grids[_IMAGE] else None,
            video_grid_thw=torch.tensor(grids[_VIDEO]) if grids[_VIDEO] else None,
        )
        return places

    def next_position(self, prompt: EncodedPrompt) -> int:
        """Of the first token after a prompt, which ends in text."""
        return int(self.token_positions(prompt)[0, 0, -1]) + 1

    @torch.inference_mode()
    def _prefill_slice(
        self,
        context: CachedConversation,
        prompt: EncodedPrompt,
        span: tuple[int, int],
        places: torch.Tensor,
        seen: Seen,
    ) -> torch.Tensor:
        begin, end = span
        embedded = self._embed_tokens(list(prompt.ids[begin:end]))
        for start, view in prompt.views:
            first, last = max(begin, start), min(end, start + view.tokens)
            if first < last:
                embedded[0, first - begin : last - begin] = seen[view.cache_key][first - start : last - start]
        at = places[:, :, begin:end].to(self._model.device)
        return self._run_model(context, embedded, at, prompt.cache_keys[begin:end], 1)

    def _embed_tokens(self, tokens: list[int]) -> torch.Tensor:
        return self._model.get_input_embeddings()(torch.tensor([tokens], device=self._model.device))

    def _run_model(
        self, context: CachedConversation, embedded: torch.Tensor, places: torch.Tensor, marks: list[int], wanted: int
    ) -> torch.Tensor:
        try:
            out = self._text(inputs_embeds=embedded, position_ids=places, past_key_values=context.cache, use_cache=True)
        except BaseException:
            context.cache.truncate(len(context.cache_keys))  # some layers may have taken it
            raise
        context.cache_keys += marks
        return self._model.lm_head(out.last_hidden_state[0, -wanted:]).float()


def _most_likely(logits: torch.Tensor) -> tuple[int, float]:
    token = int(logits.argmax())
    return token, float(torch.softmax(logits, dim=-1)[token])
