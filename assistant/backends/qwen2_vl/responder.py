"""Answers with Qwen2-VL: one conversation, one cache. Knows nothing of sound, speech or other models.

A prompt is compared with what is in memory, token by token: what agrees is kept, the rest is fed. So an interrupted
answer, an edited question, a branch or a picture that was let go need no word of their own."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from assistant import progress
from assistant.backends.boundary import is_out_of_memory
from assistant.backends.qwen2_vl import attention
from assistant.backends.qwen2_vl.cost_model import CostEstimator
from assistant.backends.qwen2_vl.cuda_graph import CudaGraphStep
from assistant.backends.qwen2_vl.generation import CachedConversation, Seen, TextGenerator
from assistant.backends.qwen2_vl.prompt import EncodedPrompt, PromptBuilder, SizedPicture
from assistant.backends.qwen2_vl.vision_cache import VisionCache
from assistant.errors import AssistantError, InvalidInputError
from assistant.interfaces import LoadOptions, Responder
from assistant.messages import Detection, Message, PictureCost
from assistant.pictures import Picture
from assistant.text.i18n import tr, tr_noop

# Qwen's own advice for a balance of cost and detail: at most 1,280 picture tokens.
MAX_PIXELS = 1280 * 28 * 28
_ROWS_ON_CPU, _ROWS_ON_GPU = 64, 512
_CONTEXTS = 2  # conversations in memory
_WORTH_KEEPING = 64  # tokens of a conversation that are not overwritten by another one
_GLANCE = 64 * 28 * 28  # pixels of a small view
_TOKEN_ALLOWED_S = 0.5  # of a picture: 15 ms on two slow cores, times a factor
_TRIAL = Message("user", ".")
_GLANCED = tr_noop(
    "“{name}” is still being looked at; this answer comes from a small view of it. Ask again for the details."
)
_SHORT_OF_MEMORY = tr_noop("Memory is short: this answer comes from a small view of the pictures.")
_FORGOT = tr_noop("The conversation is too long for the model: its first {n} questions were left out.")


@dataclass(frozen=True)
class GeneratedWord:
    """One decoded token: the text that it completes (may be ""), and how likely the model held it, 0 to 1."""

    text: str
    chance: float


class Qwen2VLResponder(Responder):
    """A loaded model. Replies are decoded greedily, token by token, in the caller's thread: closing the iterator
    stops it within one token, or one slice of a prompt, and nothing is left running.

    `remark` is what the user should know of the last reply, `note` of how the model runs, or ""."""

    def __init__(self, model: Any, processor: Any, name: str, options: LoadOptions) -> None:
        self.model_name, self.reply_warning = name, ""
        sizes = processor.image_processor.size
        self._vision_cache, self._costs = VisionCache(model, processor), CostEstimator(model)
        fitting = min(sizes["longest_edge"], MAX_PIXELS, max(_GLANCE, self._costs.affordable_pixels()))
        self._prompt_builder = PromptBuilder(
            processor, (options.min_pixels or sizes["shortest_edge"], options.max_pixels or fitting)
        )
        attention.use_grouped_attention(model.model.language_model)
        on_gpu = model.device.type == "cuda"
        alone = {one.device for one in model.parameters()} == {model.device}
        replay = CudaGraphStep(model) if on_gpu and alone else None
        self._generator = TextGenerator(model, _ROWS_ON_GPU if on_gpu else _ROWS_ON_CPU, replay)
        self._contexts: list[CachedConversation] = []  # the last used comes last
        self._max_new_tokens, self._glances = options.max_new_tokens, options.answer_from_preview
        self._longest = model.config.get_text_config().max_position_embeddings
        ends = model.generation_config.eos_token_id
        self._ends = frozenset(ends if isinstance(ends, list) else [ends])

    def reply(self, messages: Sequence[Message]) -> Generator[str | Detection, None, None]:
        """Yields the answer in pieces, and the places it points at. Raises `AssistantError` where no memory is
        left."""
        for word in self._run_steps(messages):
            yield word.text if isinstance(word, GeneratedWord) else word or ""

    def generate_words(self, messages: Sequence[Message]) -> Generator[GeneratedWord, None, None]:
        """The answer token by token, with the model's own certainty of each."""
        yield from (word for word in self._run_steps(messages) if isinstance(word, GeneratedWord))

    def _run_steps(self, messages: Sequence[Message]) -> Generator[GeneratedWord | Detection | None, None, None]:
        """A word, a place, or None after a step that gives none."""
        for most in (0, _GLANCE):
            begun = False
            try:
                for step in self._generate_words(messages, most):
                    begun = begun or step is not None
                    yield step
                return
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self.release_buffers()
                if begun:
                    break
        raise AssistantError(
            "answer", tr("There is not enough memory for this question."), tr("Ask with fewer or smaller pictures.")
        )

    def prepare(self, messages: Sequence[Message]) -> Generator[None, None, None]:
        """Does now what the next question will need: `messages` end in one of the user whose text is not known yet.

        Takes one step at a time, a part of the tower's block (Qwen2.5-VL's tower is one step) or a slice of the prompt,
        and may be closed after any. What cannot be done is left for the question to tell."""
        try:
            prompt = self._prompt_builder.build_prompt(
                self._prompt_builder.fit_messages(messages, self._free_memory_scope)[0], asked=False
            )
            with self._context_for(prompt) as context:
                seen = yield from self._encode_pictures(prompt, context)
                yield from self._generator.prefill_prompt(context, prompt, seen)
        except InvalidInputError:
            return
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self.release_buffers()

    def estimate_cost(self, picture: Picture) -> PictureCost:
        """What preparing a picture takes here."""
        return self._costs.estimate(self._prompt_builder.size_picture(picture))

    def forget_picture(self, digest: str) -> None:
        """Lets a picture go."""
        self._vision_cache.forget_picture(digest)

    def release_buffers(self) -> None:
        """Lets all go that can be made again."""
        self._contexts.clear()
        self._vision_cache.release_tower()
        self._generator.release_buffers()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()  # so that other parts, and other programs, may have it

    def close(self) -> None:
        """Lets all go that can be made again; a reply under way goes on, and the model leaves with the last of them."""
        self.release_buffers()

    def try_template(self) -> None:
        """Raises what the checkpoint's chat template raises for a conversation: better now than at the question."""
        for asked in (True, False):
            self._prompt_builder.build_prompt(
                [Message("system", "."), Message("user", "."), Message("assistant", "."), _TRIAL], asked
            )

    @property
    def _free_memory_scope(self) -> int:
        return self._longest - self._max_new_tokens

    def _generate_words(
        self, messages: Sequence[Message], most: int = 0
    ) -> Generator[GeneratedWord | Detection | None, None, None]:
        fitted, left = self._prompt_builder.fit_messages(messages, self._free_memory_scope)
        self.reply_warning = tr(_FORGOT).format(n=left) if left else ""
        if most:
            self.reply_warning = tr(_SHORT_OF_MEMORY)
        prompt = self._prompt_builder.build_prompt(
            fitted, view=(lambda one: self._prompt_builder.size_picture(one, most)) if most else self._preview_size
        )
        with self._context_for(prompt) as context:
            seen = yield from self._encode_pictures(prompt, context)
            logits = yield from self._generator.prefill_prompt(context, prompt, seen)
            yield from self._decode_words(context, logits, self._generator.next_position(prompt))

    def _decode_words(
        self, context: CachedConversation, logits: torch.Tensor, place: int
    ) -> Generator[GeneratedWord | Detection, None, None]:
        ids, text, lengths, shown = [], [], [], ""
        boxes = self._prompt_builder.grounding_parser()
        try:
            for token, chance in islice(self._generator.decode_tokens(context, logits, place), self._max_new_tokens):
                if token in self._ends:
                    yield GeneratedWord("", chance)
                    return
                taken = boxes.take_token(token)
                text += [token] if taken is True else []
                whole = self._prompt_builder.decode_tokens(text)
                # A character of several tokens is held back until it is whole.
                before, shown = shown, shown if whole.endswith("\ufffd") else whole
                ids.append(token)
                lengths.append(len(shown))
                yield taken if isinstance(taken, Detection) else GeneratedWord(shown[len(before) :], chance)
        finally:
            self._prompt_builder.remember_tokens(shown, ids, lengths)

    def _preview_size(self, picture: Picture) -> SizedPicture:
        """A picture that is still being encoded is answered from a glance, if the settings say so."""
        view, small = self._prompt_builder.size_picture(picture), self._prompt_builder.size_picture(picture, _GLANCE)
        if not self._glances or not self._vision_cache.is_encoding(view) or small.cache_key == view.cache_key:
            return view
        self.reply_warning = tr(_GLANCED).format(name=picture.name)
        return small

    def _encode_pictures(self, prompt: EncodedPrompt, context: CachedConversation) -> Generator[None, None, Seen]:
        """Encodes what the context does not hold yet."""
        shared, seen = context.shared_length(prompt), {}
        for start, view in prompt.views:
            if start + view.tokens > shared:
                progress.extend_step_limit(view.tokens * _TOKEN_ALLOWED_S)  # a tower of another make is one step
                seen[view.cache_key] = yield from self._vision_cache.encode_picture(view)
        return seen

    @contextmanager
    def _context_for(self, prompt: EncodedPrompt) -> Iterator[CachedConversation]:
        """The conversation in memory that has most in common with the prompt, or a branch of it where somebody is in
        the middle of it or too much would be overwritten; held while it is fed."""
        best = max(
            self._contexts, key=lambda one: one.shared_length(prompt), default=self._generator.new_conversation()
        )
        shared = best.shared_length(prompt)
        if best.is_in_use or len(best.cache_keys) - shared > _WORTH_KEEPING:
            best = best.branch_at(shared)
        self._contexts = [*(one for one in self._contexts if one is not best), best][-_CONTEXTS:]
        best.is_in_use = True
        try:
            yield best
        finally:
            best.is_in_use = False
