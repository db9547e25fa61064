"""The starter's Qwen2-VL with Hark's responder around it, and the library's own beside it."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2VLForConditionalGeneration

from assistant import backends
from assistant.backends.qwen2_vl import Qwen2VLResponder
from assistant.backends.qwen2_vl.prompt import EncodedPrompt
from assistant.bench.comparison import run_to_end
from assistant.interfaces import LoadOptions
from assistant.messages import Message
from assistant.pictures import Picture
from assistant.starter.scene import draw_scene, random_scene
from tests.support.paths import STARTER_MODEL

TINY = STARTER_MODEL


def loaded(**options: Any) -> Qwen2VLResponder:
    load_options = {"model": str(TINY), "device": "cpu", "dtype": "float32", **options}
    return backends.load_responder("qwen2-vl", LoadOptions(**load_options))  # type: ignore[return-value]


@cache
def model() -> Qwen2VLResponder:
    return loaded(max_new_tokens=12)


@cache
def picture(number: int) -> Picture:
    """Return a picture; sizes vary with the number, and from the sixth on they are videos."""
    rng = random.Random(number)
    size = (rng.choice((56, 112, 150, 260)), rng.choice((56, 112, 200)))
    drawn = [
        Picture.from_image(draw_scene(random_scene(rng, size, 1))) for _ in range(1 if number < 6 else 2 * number - 8)
    ]
    return Picture(*size, b"".join(frame.rgb for frame in drawn), frame_count=len(drawn))


@cache
def stock_model(folder: Path = TINY) -> Any:
    """Return the model as transformers loads it, without Hark's changes."""
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    named = {"qwen2_vl": Qwen2VLForConditionalGeneration, "qwen2_5_vl": Qwen2_5_VLForConditionalGeneration}
    return named[kind].from_pretrained(folder, dtype=torch.float32).eval()


def stock_logits(responder: Qwen2VLResponder, prompt: EncodedPrompt, folder: Path = TINY) -> torch.Tensor:
    """Return all logits of a prompt from transformers' own forward pass without a cache."""
    inner, processor = stock_model(folder), responder.inspect().prompt_builder.processor
    captured: dict[str, list[torch.Tensor]] = {}
    kinds = torch.zeros(1, len(prompt), dtype=torch.int32)
    for start, view in prompt.pictures:
        images = [image.resize((view.grid[2] * 14, view.grid[1] * 14)) for image in view.picture.frame_images]
        if len(images) > 1:
            done = processor.video_processor(
                videos=[images], do_resize=False, do_sample_frames=False, return_tensors="pt"
            )
        else:
            done = processor.image_processor(images=images, do_resize=False, return_tensors="pt")
        for name, tensor in done.items():
            captured.setdefault(name, []).append(tensor)
        kinds[0, start : start + view.tokens] = 2 if len(images) > 1 else 1
    joined = {name: torch.cat(tensors) for name, tensors in captured.items()}
    inner.model.rope_deltas = None
    with torch.inference_mode():
        return inner(input_ids=torch.tensor([prompt.ids]), mm_token_type_ids=kinds, **joined).logits[0].float()


def fed(responder: Qwen2VLResponder, prompt: EncodedPrompt) -> torch.Tensor:
    """Return the last logits, computed through the cache."""
    return run_to_end(responder.prefill(prompt))


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Assert that both agree within 1e-5 of the largest value; float32 resolves a tenth of that."""
    assert float((ours - theirs).abs().max()) <= 1e-5 * max(1.0, float(theirs.abs().max()))


def exact(responder: Qwen2VLResponder, messages: Sequence[Message], folder: Path = TINY) -> None:
    prompt = responder.inspect().prompt_builder.build_prompt(messages)
    close(fed(responder, prompt), stock_logits(responder, prompt, folder)[-1])
