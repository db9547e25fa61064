"""Rows that say whether what is fast is still right. A speed figure beside a failed gate says nothing."""

from __future__ import annotations

import random
from importlib import resources
from typing import Any

import torch

from assistant import backends
from assistant.backends.qwen2_vl import attention, cpu_linear
from assistant.backends.qwen2_vl.generation import TextGenerator
from assistant.backends.qwen2_vl.prompt import EncodedPrompt
from assistant.bench import random_weights
from assistant.bench.comparison import Measurement, run_to_end
from assistant.interfaces import LoadOptions
from assistant.messages import Message
from assistant.pictures import Picture
from assistant.starter.scene import draw_scene, random_scene

_TOKENS = 512
_LAYERS = 4  # true width; all layers in float32 beside the other arms would not fit


def check_exact_logits() -> Measurement:
    """The starter's trained model in float32: logits through the cache, turn after turn, against a run from nothing."""
    row = Measurement(
        "logits through the cache / from nothing, float32, largest difference to the largest logit", "", 1e-5, True
    )
    with resources.as_file(resources.files("resources") / "starter" / "tiny") as folder:
        options = LoadOptions(model=str(folder), device="cpu", dtype="float32", max_new_tokens=8)
        first: Any = backends.load_responder("qwen2-vl", options)
        second: Any = backends.load_responder("qwen2-vl", options)
    chat: list[Message] = []
    worst = 0.0
    for seed in range(12):
        shown = (Picture.from_image(draw_scene(random_scene(random.Random(seed), (200, 160), 2))),) if seed % 2 else ()
        chat.append(Message("user", f"Describe picture {seed}.", shown))
        second.release()
        ours, theirs = _compute_logits(first, chat), _compute_logits(second, chat)
        worst = max(worst, float((ours - theirs).abs().max() / theirs.abs().max()))
        chat.append(Message("assistant", "".join(word.text for word in first.words(chat))))
    row.judge(worst)
    return row


def check_agreement(size: str) -> Measurement:
    """Of the tokens whose two best differ by more than bfloat16's own noise, how many come out as in float32."""
    row = Measurement("bfloat16: arg-max as in float32, where the margin exceeds the noise", "", 0.99)
    ids = tuple(torch.randint(1000, (_TOKENS,), generator=torch.Generator().manual_seed(0)).tolist())
    with torch.inference_mode():
        exactly = random_weights.make_model(size, _LAYERS, torch.float32)(input_ids=torch.tensor([ids])).logits[0]
        half = random_weights.make_model(size, _LAYERS)
        noise = float(
            (half(input_ids=torch.tensor([ids])).logits[0].float() - exactly).abs().flatten()[::97].quantile(0.99)
        )
    if cpu_linear.can_pack(half):
        cpu_linear.pack_model(half, four_bits=False)
    attention.use_grouped_attention(half.model.language_model)
    language = TextGenerator(half, 64)
    context = language.new_conversation()
    ours = torch.cat([language.forward_tokens(context, list(ids[at : at + 64]), at) for at in range(0, _TOKENS, 64)])
    best = exactly.topk(2).values
    clear = best[:, 0] - best[:, 1] > noise
    row.judge(float((ours.argmax(-1) == exactly.argmax(-1))[clear].float().mean()))
    row.details = {"tokens with a clear margin": float(clear.sum()), "noise": noise}
    row.note = f"{_LAYERS} layers of true width"
    return row


def check_four_bits() -> Measurement:
    """What four bits cost: answers of the starter's trained model, word for word, against bfloat16."""
    row = Measurement("int4: answers word for word as in bfloat16, starter's trained model", "", 0.0)
    with resources.as_file(resources.files("resources") / "starter" / "tiny") as folder:
        whole, rounded = (
            backends.load_responder(
                "qwen2-vl", LoadOptions(model=str(folder), device="cpu", dtype="bfloat16", cpu_weight_format=kind)
            )
            for kind in ("bfloat16", "int4")
        )
    same = 0
    for seed in range(100):
        shown = Picture.from_image(draw_scene(random_scene(random.Random(seed), (200, 160), 1 + seed % 3)))
        asked = [Message("user", "Describe this picture.", (shown,))]
        same += list(whole.reply(asked)) == list(rounded.reply(asked))
    row.judge(same / 100)
    row.verdict = "reported"
    return row


def _compute_logits(one: Any, chat: list[Message]) -> torch.Tensor:
    """After the last token of a conversation."""
    prompt: EncodedPrompt = one._prompt_builder.build_prompt(chat)
    with one._context_for(prompt) as context:
        return run_to_end(
            one._generator.prefill_prompt(context, prompt, run_to_end(one._encode_pictures(prompt, context)))
        )
