"""Trains the starter kit's tiny Qwen2-VL on drawn pictures: `python -m assistant.starter.train FOLDER --minutes 60`.

Knows the model's insides; the folder it writes is an ordinary checkpoint. Two shortcuts of training leave no trace in
it: the vision tower runs as one dense batch, and small extra heads ask each picture token what stands in it."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from assistant.starter.dataset import IGNORE, TrainingBatch, TrainingDataset
from assistant.starter.untrained_model import MAX_PIXELS, make_model, make_processor, make_tokenizer

TEXT = {
    "hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 2048, "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "mrope_section": [8, 8, 8], "rope_theta": 10000.0},
}  # fmt: skip
VISION = {"depth": 4, "embed_dim": 160, "num_heads": 4, "mlp_ratio": 3, "hidden_size": 192}


class ProbeHeads(nn.Module):
    """Linear heads on picture tokens: kind and colour of the shape that covers them, and which ninth they lie in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = nn.Linear(width, 5 + 9 + 9)

    def forward(self, tokens: torch.Tensor, lesson: TrainingBatch) -> torch.Tensor:
        kind, hue, place = self.heads(tokens.float()).split((5, 9, 9), dim=-1)
        rare = torch.tensor([0.3] + [1.0] * 8)
        losses = (
            F.cross_entropy(kind.flatten(0, 1), lesson.kinds.flatten(), rare[:5]),
            F.cross_entropy(hue.flatten(0, 1), lesson.hues.flatten(), rare),
            F.cross_entropy(place.flatten(0, 1), lesson.places.flatten()),
        )
        return losses[0] + losses[1] + 0.5 * losses[2]


def encode_pictures(model: Any, lesson: TrainingBatch) -> torch.Tensor:
    """Picture tokens (B, T, width): the model's own vision tower, run as one dense batch."""
    visual = model.model.visual
    batch, (rows, columns) = lesson.kinds.shape[0], lesson.grid
    count = rows * columns * 4
    hidden = F.linear(lesson.patches, visual.patch_embed.proj.weight.flatten(1)).view(batch, count, -1)
    cos, sin = _rotary_embedding(visual, rows, columns)
    for block in visual.blocks:
        hidden = hidden + _attention(block.attn, block.norm1(hidden), cos, sin)
        hidden = hidden + block.mlp(block.norm2(hidden))
    return visual.merger(hidden.flatten(0, 1)).view(batch, rows * columns, -1)


def _rotary_embedding(visual: Any, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    from transformers.vision_utils import get_vision_position_ids

    places = get_vision_position_ids(torch.tensor([[1, rows * 2, columns * 2]]), visual.spatial_merge_size)
    cos, sin = visual.rotary_pos_emb(torch.zeros(1), places)
    return cos, sin


def _attention(attention: Any, hidden: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    batch, count, width = hidden.shape
    query, key, value = attention.qkv(hidden).view(batch, count, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key = (_rotate_states(part, cos, sin).to(value.dtype) for part in (query, key))
    out = F.scaled_dot_product_attention(query, key, value)
    return attention.proj(out.transpose(1, 2).reshape(batch, count, width))


def _rotate_states(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    one, other = states.chunk(2, dim=-1)
    return states * cos + torch.cat((-other, one), dim=-1) * sin


def predict_tokens(model: Any, lesson: TrainingBatch, pictures: torch.Tensor) -> torch.Tensor:
    """Loss of the answers, each question seeing only its picture and itself."""
    table = model.model.language_model.embed_tokens
    embeds = table(lesson.ids)
    slots = lesson.ids == model.config.image_token_id
    embeds = embeds.masked_scatter(slots.unsqueeze(-1), pictures[: len(embeds)].to(embeds.dtype))
    segment = lesson.segments
    same = (segment[:, :, None] == segment[:, None, :]) | (segment[:, None, :] == 0)
    mask = (same & torch.ones(segment.shape[1], segment.shape[1], dtype=torch.bool).tril())[:, None]
    out = model.model.language_model(
        inputs_embeds=embeds, position_ids=lesson.positions, attention_mask=mask, use_cache=False
    ).last_hidden_state
    wanted = lesson.labels[:, 1:] != IGNORE
    logits = model.lm_head(out[:, :-1][wanted]).float()
    losses = F.cross_entropy(logits, lesson.labels[:, 1:][wanted], reduction="none")
    weights = lesson.weights[:, 1:][wanted]
    return (losses * weights).sum() / weights.sum()


def train_model(
    folder: Path, minutes: float, batch: int = 72, rate: float = 1.5e-3, seed: int = 1, resume: bool = False
) -> Any:
    """Trains for so many minutes and leaves the checkpoint (float16 weights, for size) in `folder`."""
    from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(folder) if resume else make_tokenizer(folder)
    make_processor(folder, tokenizer)
    model: Any = make_model(tokenizer, TEXT, VISION, seed)
    if resume:
        model = Qwen2VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    probes = ProbeHeads(VISION["hidden_size"])
    weights = [*model.parameters(), *probes.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=rate, betas=(0.9, 0.98), weight_decay=0.03)
    seed = int(time.time()) if resume else seed
    start = time.monotonic()
    for step, lesson in enumerate(_stream_batches(TrainingDataset(tokenizer, batch, MAX_PIXELS, seed))):
        share = (time.monotonic() - start) / (60 * minutes)
        if share >= 1:
            break
        _set_rate(optimiser, rate * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * share)))
        with torch.autocast("cpu", torch.bfloat16):
            pictures = encode_pictures(model, lesson)
            answers = predict_tokens(model, lesson, pictures)
        seen = probes(pictures, lesson)
        _optimize_step(optimiser, answers + seen * max(0.2, 1 - share))
        if step % 50 == 0:
            print(f"step {step} share {share:.3f} answers {answers:.3f} looks {seen:.3f}", flush=True)
        if step and step % 250 == 0:
            save_model(model, folder)
    save_model(model, folder)
    return model


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def _optimize_step(optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    loss.backward()
    nn.utils.clip_grad_norm_([weight for group in optimiser.param_groups for weight in group["params"]], 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)


def _stream_batches(lessons: TrainingDataset) -> Iterator[TrainingBatch]:
    yield from DataLoader(lessons, batch_size=None, num_workers=1, prefetch_factor=4)


def save_model(model: Any, folder: Path) -> None:
    """Weights in float16: half the bytes, and every loader widens them again."""
    from safetensors.torch import save_file

    halves = {
        name: value.detach().half().contiguous()
        for name, value in model.state_dict().items()
        if name != "lm_head.weight"
    }
    model.config.dtype = torch.float16
    model.config.save_pretrained(folder)
    model.config.dtype = torch.float32
    model.generation_config.save_pretrained(folder)
    save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=72)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    train_model(options.folder, options.minutes, options.batch, options.rate, resume=options.resume)
