"""The Qwen2-VL responder, which reuses the cache of earlier prompts.

Every prompt is compared with the conversations in memory, token by token: what agrees is reused, the rest is fed. So an
interrupted answer, an edited question, a branch or a removed picture need no special treatment."""

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
from assistant.backends.qwen2_vl.generation import CachedConversation, EncodedPictures, TextGenerator
from assistant.backends.qwen2_vl.prompt import EncodedPrompt, PromptBuilder, SizedPicture
from assistant.backends.qwen2_vl.vision_cache import VisionCache
from assistant.errors import AssistantError, InvalidInputError
from assistant.interfaces import LoadOptions, Responder
from assistant.messages import Detection, Message, PictureCost
from assistant.pictures import Picture
from assistant.text.i18n import tr, tr_noop

# Qwen's advice for a balance of cost and detail: at most 1,280 tokens a picture, of 28 x 28 pixels each.
MAX_PIXELS = 1280 * 28 * 28
_SLICE_TOKENS_CPU, _SLICE_TOKENS_GPU = 64, 512
_MAX_CONVERSATIONS = 2  # in memory at once
_MAX_OVERWRITTEN_TOKENS = 64  # a conversation that would lose more of its tokens is branched instead
_PREVIEW_PIXELS = 64 * 28 * 28  # of a small view
_PICTURE_TOKEN_LIMIT_S = 0.5  # to encode a token of a picture; it takes 15 ms on two slow cores
_TRIAL_MESSAGE = Message("user", ".")
_PREVIEW_SENTENCE = tr_noop(
    "“{name}” is still being looked at; this answer comes from a small view of it. Ask again for the details."
)
_MEMORY_SENTENCE = tr_noop("Memory is short: this answer comes from a small view of the pictures.")
_LEFT_OUT_SENTENCE = tr_noop("The conversation is too long for the model: its first {n} questions were left out.")


@dataclass(frozen=True)
class GeneratedWord:
    """One decoded token."""

    text: str  # that the token completes; may be ""
    probability: float  # that the model gave the token, from 0 to 1


@dataclass(frozen=True)
class ResponderInspection:
    """What a responder consists of and holds in memory, for tests and measurements."""

    prompt_builder: PromptBuilder  # turns messages into the model's tokens
    generator: TextGenerator  # runs the language model over a cached conversation
    conversations: tuple[CachedConversation, ...]  # in memory; the last used comes last
    max_prompt_tokens: int  # what the model's context leaves for a prompt
    end_ids: frozenset[int]  # tokens that end an answer


class Qwen2VLResponder(Responder):
    """A loaded model of the Qwen2-VL family.

    Replies are decoded greedily, token by token, in the caller's thread. Closing the iterator stops within one token or
    one slice of the prompt, and leaves nothing running."""

    def __init__(self, model: Any, processor: Any, name: str, options: LoadOptions) -> None:
        self.model_name, self.reply_warning = name, ""
        sizes = processor.image_processor.size
        self._vision_cache, self._cost_estimator = VisionCache(model, processor), CostEstimator(model)
        max_pixels = min(
            sizes["longest_edge"], MAX_PIXELS, max(_PREVIEW_PIXELS, self._cost_estimator.affordable_pixels())
        )
        self._prompt_builder = PromptBuilder(
            processor, (options.min_pixels or sizes["shortest_edge"], options.max_pixels or max_pixels)
        )
        attention.use_grouped_attention(model.model.language_model)
        is_on_gpu = model.device.type == "cuda"
        is_on_one_device = {parameter.device for parameter in model.parameters()} == {model.device}
        replay = CudaGraphStep(model) if is_on_gpu and is_on_one_device else None
        self._generator = TextGenerator(model, _SLICE_TOKENS_GPU if is_on_gpu else _SLICE_TOKENS_CPU, replay)
        self._contexts: list[CachedConversation] = []  # the last used comes last
        self._max_new_tokens, self._answers_from_preview = options.max_new_tokens, options.answer_from_preview
        self._max_context_tokens = model.config.get_text_config().max_position_embeddings
        end_ids = model.generation_config.eos_token_id
        self._end_ids = frozenset(end_ids if isinstance(end_ids, list) else [end_ids])

    def reply(self, messages: Sequence[Message]) -> Generator[str | Detection, None, None]:
        """Yields the answer in pieces, and the regions it points at. Raises `AssistantError` where memory runs out."""
        for word in self._run_steps(messages):
            yield word.text if isinstance(word, GeneratedWord) else word or ""

    def generate_words(self, messages: Sequence[Message]) -> Generator[GeneratedWord, None, None]:
        """Yields the answer token by token, with the probability of each."""
        yield from (word for word in self._run_steps(messages) if isinstance(word, GeneratedWord))

    def _run_steps(self, messages: Sequence[Message]) -> Generator[GeneratedWord | Detection | None, None, None]:
        """Yields words, detections, and None after other steps; retries with small pictures where memory runs out."""
        for max_pixels in (0, _PREVIEW_PIXELS):
            has_begun = False
            try:
                for step in self._generate_words(messages, max_pixels):
                    has_begun = has_begun or step is not None
                    yield step
                return
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self.release_buffers()
                if has_begun:
                    break
        raise AssistantError(
            "answer", tr("There is not enough memory for this question."), tr("Ask with fewer or smaller pictures.")
        )

    def prepare(self, messages: Sequence[Message]) -> Generator[None, None, None]:
        """Encodes pictures and feeds the prompt in advance, up to the text of the last message, which is not used.

        A step is a part of a block of the vision tower (all of it for Qwen2.5-VL) or a slice of the prompt; the
        iterator may be closed after any. A prompt that is too long or does not fit in memory ends it silently; the
        question will raise the error."""
        try:
            prompt = self._prompt_builder.build_prompt(
                self._prompt_builder.fit_messages(messages, self._max_prompt_tokens)[0], is_complete=False
            )
            yield from self.prefill(prompt)
        except InvalidInputError:
            return
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self.release_buffers()

    def prefill(self, prompt: EncodedPrompt) -> Generator[None, None, torch.Tensor]:
        """Feeds what is not cached of a prompt, a step at a time; returns the logits (vocabulary) of its last token."""
        with self._context_for(prompt) as context:
            encoded = yield from self._encode_pictures(prompt, context)
            return (yield from self._generator.prefill_prompt(context, prompt, encoded))

    def inspect(self) -> ResponderInspection:
        """What the responder consists of and holds in memory now."""
        return ResponderInspection(
            self._prompt_builder, self._generator, tuple(self._contexts), self._max_prompt_tokens, self._end_ids
        )

    def estimate_cost(self, picture: Picture) -> PictureCost:
        """What it costs to encode a picture and feed its tokens on this machine."""
        return self._cost_estimator.estimate(self._prompt_builder.size_picture(picture))

    def forget_picture(self, digest: str) -> None:
        """Drops the encoded picture with this digest."""
        self._vision_cache.forget_picture(digest)

    def release_buffers(self) -> None:
        """Frees all memory but the model: conversations, encoded pictures and captured steps."""
        self._contexts.clear()
        self._vision_cache.forget_all()
        self._generator.release_buffers()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()  # so that other models and programs can use it

    def close(self) -> None:
        """Frees all memory but the model, which is freed with the last reply that is still running."""
        self.release_buffers()

    def try_template(self) -> None:
        """Fills the checkpoint's chat template once, so that a broken one raises now and not at the first question."""
        for is_complete in (True, False):
            self._prompt_builder.build_prompt(
                [Message("system", "."), Message("user", "."), Message("assistant", "."), _TRIAL_MESSAGE], is_complete
            )

    @property
    def _max_prompt_tokens(self) -> int:
        return self._max_context_tokens - self._max_new_tokens

    def _generate_words(
        self, messages: Sequence[Message], max_pixels: int = 0
    ) -> Generator[GeneratedWord | Detection | None, None, None]:
        fitted, left_out = self._prompt_builder.fit_messages(messages, self._max_prompt_tokens)
        self.reply_warning = tr(_LEFT_OUT_SENTENCE).format(n=left_out) if left_out else ""
        if max_pixels:
            self.reply_warning = tr(_MEMORY_SENTENCE)
        prompt = self._prompt_builder.build_prompt(
            fitted,
            sizing=(lambda picture: self._prompt_builder.size_picture(picture, max_pixels))
            if max_pixels
            else self._preview_size,
        )
        with self._context_for(prompt) as context:
            encoded = yield from self._encode_pictures(prompt, context)
            logits = yield from self._generator.prefill_prompt(context, prompt, encoded)
            yield from self._decode_words(context, logits, self._generator.next_position(prompt))

    def _decode_words(
        self, context: CachedConversation, logits: torch.Tensor, position: int
    ) -> Generator[GeneratedWord | Detection, None, None]:
        ids, text_ids, lengths, shown_text = [], [], [], ""
        parser = self._prompt_builder.grounding_parser()
        try:
            for token, chance in islice(self._generator.decode_tokens(context, logits, position), self._max_new_tokens):
                if token in self._end_ids:
                    yield GeneratedWord("", chance)
                    return
                parsed = parser.take_token(token)
                text_ids += [token] if parsed is True else []
                decoded = self._prompt_builder.decode_tokens(text_ids)
                # A character of several tokens is held back until it is whole.
                shown_before, shown_text = shown_text, shown_text if decoded.endswith("\ufffd") else decoded
                ids.append(token)
                lengths.append(len(shown_text))
                yield (
                    parsed if isinstance(parsed, Detection) else GeneratedWord(shown_text[len(shown_before) :], chance)
                )
        finally:
            self._prompt_builder.remember_tokens(shown_text, ids, lengths)

    def _preview_size(self, picture: Picture) -> SizedPicture:
        """The size for a question now: small for a picture that is still being encoded, if the settings allow it."""
        full, preview = (
            self._prompt_builder.size_picture(picture),
            self._prompt_builder.size_picture(picture, _PREVIEW_PIXELS),
        )
        if (
            not self._answers_from_preview
            or not self._vision_cache.is_encoding(full)
            or preview.cache_key == full.cache_key
        ):
            return full
        self.reply_warning = tr(_PREVIEW_SENTENCE).format(name=picture.name)
        return preview

    def _encode_pictures(
        self, prompt: EncodedPrompt, context: CachedConversation
    ) -> Generator[None, None, EncodedPictures]:
        """Encodes the pictures that the context does not hold yet."""
        shared, encoded = context.shared_length(prompt), {}
        for start, sized in prompt.pictures:
            if start + sized.tokens > shared:
                progress.extend_step_limit(
                    sized.tokens * _PICTURE_TOKEN_LIMIT_S
                )  # another architecture's tower is one single step
                encoded[sized.cache_key] = yield from self._vision_cache.encode_picture(sized)
        return encoded

    @contextmanager
    def _context_for(self, prompt: EncodedPrompt) -> Iterator[CachedConversation]:
        """The conversation in memory that has most in common with the prompt, marked as in use for the block.

        A copy of the common part where the conversation is in use, or where too much of it would be overwritten."""
        closest = max(
            self._contexts,
            key=lambda conversation: conversation.shared_length(prompt),
            default=self._generator.new_conversation(),
        )
        shared = closest.shared_length(prompt)
        if closest.is_in_use or len(closest.cache_keys) - shared > _MAX_OVERWRITTEN_TOKENS:
            closest = closest.branch_at(shared)
        self._contexts = [*(conversation for conversation in self._contexts if conversation is not closest), closest][
            -_MAX_CONVERSATIONS:
        ]
        closest.is_in_use = True
        try:
            yield closest
        finally:
            closest.is_in_use = False
