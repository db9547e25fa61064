"""Runs the language model over a cached conversation: prefill in slices, and greedy decoding with guessed tokens.

Positions are those of M-RoPE (time, row, column; Wang et al., 2024, section 2.1). They are computed by the model's
`get_rope_index` over all tokens of the prompt, so that a picture in the tenth turn gets its proper position."""

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

_IMAGE_TYPE, _VIDEO_TYPE = 1, 2  # transformers' mm_token_type_ids
# Tokens guessed at a time. With four-bit weights 4 rows cost 1.5 times as much as one, with sixteen bits 8 rows cost
# 1.1 times as much (docs/qwen2-vl-2b-kernels.md).
_GUESSED_TOKENS, _GUESSED_TOKENS_INT4 = 7, 3
MAX_SLICE_S, _MIN_SLICE_TOKENS = 1.0, 8  # duration of a slice of prefill, and its smallest size
EncodedPictures = dict[Key, torch.Tensor]  # (tokens, channels) of each picture by its cache key


class CachedConversation:
    """A conversation in memory.

    cache: the keys and values of its tokens.
    cache_keys: identify its tokens, see `EncodedPrompt.cache_keys`.
    is_in_use: it is being fed or decoded from, and must not be cut."""

    def __init__(self, cache: KVCache, marks: list[int] | None = None) -> None:
        self.cache, self.cache_keys = cache, marks or []
        self.is_in_use = False

    def shared_length(self, prompt: EncodedPrompt) -> int:
        """Number of tokens at its start that it has in common with a prompt."""
        pairs = enumerate(zip(self.cache_keys, prompt.cache_keys, strict=False))
        return next(
            (index for index, (cached, prompted) in pairs if cached != prompted), min(len(self.cache_keys), len(prompt))
        )

    def crop_to(self, length: int) -> None:
        """Drops all but the first `length` tokens."""
        self.cache.truncate(length)
        del self.cache_keys[length:]

    def branch_at(self, length: int) -> CachedConversation:
        """A copy of the first `length` tokens, as a conversation of its own."""
        return CachedConversation(self.cache.copy_prefix(length), self.cache_keys[:length])


class TextGenerator:
    """Feeds prompts to the language model and decodes answers.

    slice_tokens: tokens in a slice of prefill; reduced while a slice takes more than a second, since a new turn has to
    wait for the slice under way.
    guessed_tokens: how many tokens are guessed at a time.
    replay: decodes single tokens on a GPU."""

    def __init__(self, model: Any, rows: int, replay: CudaGraphStep | None = None) -> None:
        self.model, self.slice_tokens, self._max_slice_tokens, self.replay = model, rows, rows, replay
        self._text = model.model.language_model
        four_bits = any(isinstance(module, Int4Linear) for module in self._text.layers[0].modules())
        # No guesses with a CUDA graph: replaying single tokens is faster than plain steps of several.
        self.guessed_tokens = 0 if replay else _GUESSED_TOKENS_INT4 if four_bits else _GUESSED_TOKENS

    def new_conversation(self) -> CachedConversation:
        """An empty conversation for this model."""
        return CachedConversation(KVCache.with_layers(self._text.config.num_hidden_layers))

    def prefill_prompt(
        self, context: CachedConversation, prompt: EncodedPrompt, encoded: EncodedPictures
    ) -> Generator[None, None, torch.Tensor]:
        """Brings the conversation in memory up to the prompt, slice by slice.

        Returns the logits (vocabulary) after the last token.

        encoded: the pictures that the context does not hold yet.
        Yields after each slice. May be closed at any time: the context then holds what was fed so far."""
        positions = self.token_positions(prompt)
        begin = min(context.shared_length(prompt), len(prompt) - 1)
        context.crop_to(begin)
        context.cache.reserve_tokens(len(prompt))
        logits = torch.empty(0)
        while begin < len(prompt):
            end = min(begin + self.slice_tokens, len(prompt))
            started = time.perf_counter()
            logits = self._prefill_slice(context, prompt, (begin, end), positions, encoded)
            self.note_slice(end - begin, time.perf_counter() - started)
            begin = end
            yield
        return logits[-1]

    def note_slice(self, rows: int, seconds: float) -> None:
        """Adapts the size of the next slices to the time that one of `rows` tokens took."""
        fitting = int(rows * MAX_SLICE_S / max(seconds, 1e-6))
        if seconds > MAX_SLICE_S or (rows == self.slice_tokens and fitting > 2 * rows):
            self.slice_tokens = max(_MIN_SLICE_TOKENS, min(self._max_slice_tokens, fitting))

    def decode_tokens(
        self, context: CachedConversation, logits: torch.Tensor, position: int
    ) -> Generator[tuple[int, float], None, None]:
        """Yields the most likely tokens (greedy decoding) with their probabilities, without an end.

        logits: (vocabulary) after the context.
        position: of the next token.
        A token is fed to the model only when the next one is asked for."""
        lookup = PromptLookup(self.guessed_tokens)
        while True:
            token, chance = _most_likely(logits)
            yield token, chance
            guessed = lookup.guess_tokens([*context.cache_keys, token])
            logit_rows = self._replay_step(context, token, position)
            if logit_rows is None:
                logit_rows = self.forward_tokens(context, [token, *guessed], position)
            right_count = 0
            for guessed_token in guessed:
                token, chance = _most_likely(logit_rows[right_count])
                if token != guessed_token:
                    break
                yield token, chance
                right_count += 1
            lookup.record_result(len(guessed), right_count)
            context.crop_to(len(context.cache_keys) - len(guessed) + right_count)
            logits, position = logit_rows[right_count], position + 1 + right_count

    def release_buffers(self) -> None:
        """Frees the captured decoding step, which is captured again when it is needed."""
        if self.replay:
            self.replay.release_buffers()

    def _replay_step(self, context: CachedConversation, token: int, position: int) -> torch.Tensor | None:
        """Feeds one token by replaying the captured step: logits (1, vocabulary), None where that is not possible."""
        logits = self.replay.replay_step(context.cache, token, position) if self.replay else None
        if logits is None:
            return None
        context.cache_keys.append(token)
        return logits[None]

    @torch.inference_mode()
    def forward_tokens(self, context: CachedConversation, tokens: list[int], position: int) -> torch.Tensor:
        """Feeds tokens of text, the first at `position`; returns the logits after each, (tokens, vocabulary)."""
        positions = torch.arange(position, position + len(tokens), device=self.model.device).expand(3, 1, -1)
        return self.run_model(context, self._embed_tokens(tokens), positions, tokens, len(tokens))

    def token_positions(self, prompt: EncodedPrompt) -> torch.Tensor:
        """The M-RoPE positions of all tokens of a prompt, (3, 1, tokens): time, row, column."""
        token_types = torch.zeros(1, len(prompt), dtype=torch.int32)
        grids: dict[int, list[tuple[int, int, int]]] = {_IMAGE_TYPE: [], _VIDEO_TYPE: []}
        for start, view in prompt.pictures:
            token_type = _VIDEO_TYPE if view.picture.frame_count > 1 else _IMAGE_TYPE
            token_types[0, start : start + view.tokens] = token_type
            grids[token_type].append(view.grid)
        positions, _ = self.model.model.get_rope_index(
            torch.tensor([prompt.ids]),
            mm_token_type_ids=token_types,
            image_grid_thw=torch.tensor(grids[_IMAGE_TYPE]) if grids[_IMAGE_TYPE] else None,
            video_grid_thw=torch.tensor(grids[_VIDEO_TYPE]) if grids[_VIDEO_TYPE] else None,
        )
        return positions

    def next_position(self, prompt: EncodedPrompt) -> int:
        """The position of the first token after a prompt, which has to end in text."""
        return int(self.token_positions(prompt)[0, 0, -1]) + 1

    @torch.inference_mode()
    def _prefill_slice(
        self,
        context: CachedConversation,
        prompt: EncodedPrompt,
        span: tuple[int, int],
        positions: torch.Tensor,
        encoded: EncodedPictures,
    ) -> torch.Tensor:
        begin, end = span
        embedded = self._embed_tokens(list(prompt.ids[begin:end]))
        for start, view in prompt.pictures:
            first, last = max(begin, start), min(end, start + view.tokens)
            if first < last:
                embedded[0, first - begin : last - begin] = encoded[view.cache_key][first - start : last - start]
        slice_positions = positions[:, :, begin:end].to(self.model.device)
        return self.run_model(context, embedded, slice_positions, prompt.cache_keys[begin:end], 1)

    def _embed_tokens(self, tokens: list[int]) -> torch.Tensor:
        return self.model.get_input_embeddings()(torch.tensor([tokens], device=self.model.device))

    def run_model(
        self,
        context: CachedConversation,
        embedded: torch.Tensor,
        positions: torch.Tensor,
        cache_keys: list[int],
        logit_count: int,
    ) -> torch.Tensor:
        try:
            output = self._text(
                inputs_embeds=embedded, position_ids=positions, past_key_values=context.cache, use_cache=True
            )
        except BaseException:
            context.cache.truncate(len(context.cache_keys))  # some layers may have appended the new tokens
            raise
        context.cache_keys += cache_keys
        return self.model.lm_head(output.last_hidden_state[0, -logit_count:]).float()


def _most_likely(logits: torch.Tensor) -> tuple[int, float]:
    token = int(logits.argmax())
    return token, float(torch.softmax(logits, dim=-1)[token])
