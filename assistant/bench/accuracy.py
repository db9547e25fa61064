"""Checks that the fast implementations still give the right results; without that their speed means nothing."""

from __future__ import annotations

import random
from importlib import resources
from typing import cast

import torch

from assistant import backends
from assistant.backends.qwen2_vl import Qwen2VLResponder, attention, cpu_linear
from assistant.backends.qwen2_vl.generation import TextGenerator
from assistant.bench import random_weights
from assistant.bench.comparison import Measurement, run_to_end
from assistant.interfaces import LoadOptions
from assistant.messages import Message
from assistant.pictures import Picture
from assistant.starter.scene import draw_scene, random_scene

_TOKEN_COUNT = 512
_LAYER_COUNT = 4  # at full width; two models with all layers, one in float32, would not fit in memory


def check_exact_logits() -> Measurement:
    """Compares the logits of a cached conversation, turn after turn, with those of an empty cache.

    Uses the starter kit's trained model in float32."""
    row = Measurement(
        "logits through the cache / from nothing, float32, largest difference to the largest logit", "", 1e-5, True
    )
    with resources.as_file(resources.files("resources") / "starter" / "tiny") as folder:
        options = LoadOptions(model=str(folder), device="cpu", dtype="float32", max_new_tokens=8)
        cached_responder = cast(Qwen2VLResponder, backends.load_responder("qwen2-vl", options))
        fresh_responder = cast(Qwen2VLResponder, backends.load_responder("qwen2-vl", options))
    chat: list[Message] = []
    largest_difference = 0.0
    for seed in range(12):
        pictures = (
            (Picture.from_image(draw_scene(random_scene(random.Random(seed), (200, 160), 2))),) if seed % 2 else ()
        )
        chat.append(Message("user", f"Describe picture {seed}.", pictures))
        fresh_responder.release_buffers()
        cached, fresh = _compute_logits(cached_responder, chat), _compute_logits(fresh_responder, chat)
        largest_difference = max(largest_difference, float((cached - fresh).abs().max() / fresh.abs().max()))
        chat.append(Message("assistant", "".join(word.text for word in cached_responder.generate_words(chat))))
    row.judge(largest_difference)
    return row


def check_agreement(size: str) -> Measurement:
    """The share of tokens that bfloat16 predicts like float32, among those where the margin exceeds bfloat16's noise.

    size: "2b" or "7b". The noise is the 99th percentile of the difference between transformers' own logits."""
    row = Measurement("bfloat16: arg-max as in float32, where the margin exceeds the noise", "", 0.99)
    ids = tuple(torch.randint(1000, (_TOKEN_COUNT,), generator=torch.Generator().manual_seed(0)).tolist())
    with torch.inference_mode():
        float32_logits = random_weights.make_model(size, _LAYER_COUNT, torch.float32)(
            input_ids=torch.tensor([ids])
        ).logits[0]
        model = random_weights.make_model(size, _LAYER_COUNT)
        noise = float(
            (model(input_ids=torch.tensor([ids])).logits[0].float() - float32_logits)
            .abs()
            .flatten()[::97]
            .quantile(0.99)
        )
    if cpu_linear.can_pack(model):
        cpu_linear.pack_model(model, four_bits=False)
    attention.use_grouped_attention(model.model.language_model)
    generator = TextGenerator(model, 64)
    context = generator.new_conversation()
    logits = torch.cat(
        [
            generator.forward_tokens(context, list(ids[start : start + 64]), start)
            for start in range(0, _TOKEN_COUNT, 64)
        ]
    )
    top_two = float32_logits.topk(2).values
    has_clear_margin = top_two[:, 0] - top_two[:, 1] > noise
    row.judge(float((logits.argmax(-1) == float32_logits.argmax(-1))[has_clear_margin].float().mean()))
    row.details = {"tokens with a clear margin": float(has_clear_margin.sum()), "noise": noise}
    row.note = f"{_LAYER_COUNT} layers of true width"
    return row


def check_four_bits() -> Measurement:
    """The share of the starter model's answers that are the same, word for word, with four-bit weights and bfloat16."""
    row = Measurement("int4: answers word for word as in bfloat16, starter's trained model", "", 0.0)
    with resources.as_file(resources.files("resources") / "starter" / "tiny") as folder:
        bfloat16_responder, int4_responder = (
            backends.load_responder(
                "qwen2-vl",
                LoadOptions(model=str(folder), device="cpu", dtype="bfloat16", cpu_weight_format=weight_format),
            )
            for weight_format in ("bfloat16", "int4")
        )
    same_count = 0
    for seed in range(100):
        picture = Picture.from_image(draw_scene(random_scene(random.Random(seed), (200, 160), 1 + seed % 3)))
        messages = [Message("user", "Describe this picture.", (picture,))]
        same_count += list(bfloat16_responder.reply(messages)) == list(int4_responder.reply(messages))
    row.judge(same_count / 100)
    row.verdict = "reported"
    return row


def _compute_logits(responder: Qwen2VLResponder, chat: list[Message]) -> torch.Tensor:
    """The logits (vocabulary) after the last token of a conversation."""
    prompt = responder.inspect().prompt_builder.build_prompt(chat)
    return run_to_end(responder.prefill(prompt))
