"""The language model over a conversation that is kept: only new tokens are fed. Knows nothing of text or pixels.

Positions are ours: Qwen2-VL's three rows (time, row, column; Wang et al., 2024, section 2.1) come from the checkpoint's
own `get_rope_index` over the whole list of tokens, so that a picture in the tenth turn stands where it should."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import torch

from assistant.backends.qwen2_vl.cache import KVCache
from assistant.backends.qwen2_vl.chat import Key, Prompt
from assistant.backends.qwen2_vl.lookup import Lookup
from assistant.backends.qwen2_vl.replay import Replay
from assistant.backends.qwen2_vl.weights import FourBit

_IMAGE, _VIDEO = 1, 2  # kinds of placeholders, in the library's numbers
# Tokens guessed at a time: four bits multiply 4 rows at 1.5 times the cost of one, sixteen bits 8 at 1.1 times
# (docs/qwen2-vl-2b-kernels.md).
_GUESSED, _GUESSED_IN_FOUR_BITS = 7, 3
SLICE_S, _FEWEST_ROWS = 1.0, 8  # what a slice of prefill may take, and the least that is in one
Seen = dict[Key, torch.Tensor]  # of each view (tokens, channels)


class Context:
    """A conversation in memory: `marks` tells its tokens, `cache` holds their keys and values.

    `held`: somebody is in the middle of it."""

    def __init__(self, cache: KVCache, marks: list[int] | None = None) -> None:
        self.cache, self.marks = cache, marks or []
        self.held = False

    def shared(self, prompt: Prompt) -> int:
        """How many tokens it has in common with a prompt, from the first on."""
        pairs = enumerate(zip(self.marks, prompt.marks, strict=False))
        return next((at for at, (ours, theirs) in pairs if ours != theirs), min(len(self.marks), len(prompt)))

    def crop(self, length: int) -> None:
        """Forgets all but the first tokens."""
        self.cache.shorten(length)
        del self.marks[length:]

    def branch(self, length: int) -> Context:
        """Another conversation with the same beginning."""
        return Context(self.cache.branch(length), self.marks[:length])


class Language:
    """`rows`: tokens in a slice of prefill, fewer where so many take more than a second: a turn has to wait for one.
    `replay` decodes on a GPU. `guessed`: tokens that are guessed at a time."""

    def __init__(self, model: Any, rows: int, replay: Replay | None = None) -> None:
        self._model, self.rows, self._most_rows, self._replay = model, rows, rows, replay
        self._text = model.model.language_model
        four_bits = any(isinstance(one, FourBit) for one in self._text.layers[0].modules())
        # None where one token is replayed, which is faster than several that are not.
        self.guessed = 0 if replay else _GUESSED_IN_FOUR_BITS if four_bits else _GUESSED

    def context(self) -> Context:
        """An empty one."""
        return Context(KVCache.empty(self._text.config.num_hidden_layers))

    def feed(self, context: Context, prompt: Prompt, seen: Seen) -> Generator[None, None, torch.Tensor]:
        """Makes the context the prompt's, slice by slice; returns the logits (vocabulary) after its last token. `seen`
        has the views that the context does not hold yet.

        Yields after each slice, and is right whenever it is closed: the context holds what was fed."""
        places = self.places(prompt)
        begin = min(context.shared(prompt), len(prompt) - 1)
        context.crop(begin)
        context.cache.reserve(len(prompt))
        logits = torch.empty(0)
        while begin < len(prompt):
            end = min(begin + self.rows, len(prompt))
            started = time.perf_counter()
            logits = self._slice(context, prompt, (begin, end), places, seen)
            self.note_slice(end - begin, time.perf_counter() - started)
            begin = end
            yield
        return logits[-1]

    def note_slice(self, rows: int, seconds: float) -> None:
        """Chooses the size of the next slices by what one of so many tokens took."""
        fitting = int(rows * SLICE_S / max(seconds, 1e-6))
        if seconds > SLICE_S or (rows == self.rows and fitting > 2 * rows):
            self.rows = max(_FEWEST_ROWS, min(self._most_rows, fitting))

    def decode(self, context: Context, logits: torch.Tensor, place: int) -> Generator[tuple[int, float], None, None]:
        """Each token of the likeliest text and the chance that the model gives it, for ever. `logits` are those after
        the context, whose next token stands at `place`. A token is fed when the next one is wanted."""
        lookup = Lookup(self.guessed)
        while True:
            token, chance = _best(logits)
            yield token, chance
            guessed = lookup.guess([*context.marks, token])
            rows = self._replayed(context, token, place)
            if rows is None:
                rows = self.step(context, [token, *guessed], place)
            right = 0
            for one in guessed:
                token, chance = _best(rows[right])
                if token != one:
                    break
                yield token, chance
                right += 1
            lookup.judge(len(guessed), right)
            context.crop(len(context.marks) - len(guessed) + right)
            logits, place = rows[right], place + 1 + right

    def release(self) -> None:
        """Lets go what can be made again."""
        if self._replay:
            self._replay.release()

    def _replayed(self, context: Context, token: int, place: int) -> torch.Tensor | None:
        """The logits after one token, (1, vocabulary), where its step can be replayed."""
        logits = self._replay.step(context.cache, token, place) if self._replay else None
        if logits is None:
            return None
        context.marks.append(token)
        return logits[None]

    @torch.inference_mode()
    def step(self, context: Context, tokens: list[int], place: int) -> torch.Tensor:
        """Feeds a few tokens of text at these places on; returns the logits after each, (tokens, vocabulary)."""
        at = torch.arange(place, place + len(tokens), device=self._model.device).expand(3, 1, -1)
        return self._forward(context, self._embedded(tokens), at, tokens, len(tokens))

    def places(self, prompt: Prompt) -> torch.Tensor:
        """Of all tokens, (3, 1, tokens)."""
        kinds = torch.zeros(1, len(prompt), dtype=torch.int32)
        grids: dict[int, list[tuple[int, int, int]]] = {_IMAGE: [], _VIDEO: []}
        for start, view in prompt.views:
            kind = _VIDEO if view.picture.frames > 1 else _IMAGE
            kinds[0, start : start + view.tokens] = kind
            grids[kind].append(view.grid)
        places, _ = self._model.model.get_rope_index(
            torch.tensor([prompt.ids]),
            mm_token_type_ids=kinds,
            image_grid_thw=torch.tensor(grids[_IMAGE]) if grids[_IMAGE] else None,
            video_grid_thw=torch.tensor(grids[_VIDEO]) if grids[_VIDEO] else None,
        )
        return places

    def next_place(self, prompt: Prompt) -> int:
        """Of the first token after a prompt, which ends in text."""
        return int(self.places(prompt)[0, 0, -1]) + 1

    @torch.inference_mode()
    def _slice(
        self, context: Context, prompt: Prompt, span: tuple[int, int], places: torch.Tensor, seen: Seen
    ) -> torch.Tensor:
        begin, end = span
        embedded = self._embedded(list(prompt.ids[begin:end]))
        for start, view in prompt.views:
            first, last = max(begin, start), min(end, start + view.tokens)
            if first < last:
                embedded[0, first - begin : last - begin] = seen[view.key][first - start : last - start]
        at = places[:, :, begin:end].to(self._model.device)
        return self._forward(context, embedded, at, prompt.marks[begin:end], 1)

    def _embedded(self, tokens: list[int]) -> torch.Tensor:
        return self._model.get_input_embeddings()(torch.tensor([tokens], device=self._model.device))

    def _forward(
        self, context: Context, embedded: torch.Tensor, places: torch.Tensor, marks: list[int], wanted: int
    ) -> torch.Tensor:
        try:
            out = self._text(inputs_embeds=embedded, position_ids=places, past_key_values=context.cache, use_cache=True)
        except BaseException:
            context.cache.shorten(len(context.marks))  # some layers may have taken it
            raise
        context.marks += marks
        return self._model.lm_head(out.last_hidden_state[0, -wanted:]).float()


def _best(logits: torch.Tensor) -> tuple[int, float]:
    token = int(logits.argmax())
    return token, float(torch.softmax(logits, dim=-1)[token])
