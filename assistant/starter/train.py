"""Trains the starter kit's tiny Qwen2-VL on drawn pictures: `python -m assistant.starter.train FOLDER --minutes 60`.

The result is an ordinary checkpoint folder. Two shortcuts of training leave no trace in it: the vision tower runs on
one dense batch, and small extra heads predict from every picture token what covers it."""

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

from assistant.starter.dataset import IGNORED_LABEL, TrainingBatch, TrainingDataset
from assistant.starter.untrained_model import MAX_PIXELS, make_model, make_processor, make_tokenizer

TEXT_CONFIG = {
    "hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 2048, "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "mrope_section": [8, 8, 8], "rope_theta": 10000.0},
}  # fmt: skip
VISION_CONFIG = {"depth": 4, "embed_dim": 160, "num_heads": 4, "mlp_ratio": 3, "hidden_size": 192}


class ProbeHeads(nn.Module):
    """Linear heads on picture tokens: kind and colour of the shape that covers a token, and the ninth it lies in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = nn.Linear(width, 5 + 9 + 9)

    def forward(self, tokens: torch.Tensor, batch: TrainingBatch) -> torch.Tensor:
        kind, hue, place = self.heads(tokens.float()).split((5, 9, 9), dim=-1)
        rare = torch.tensor([0.3] + [1.0] * 8)
        losses = (
            F.cross_entropy(kind.flatten(0, 1), batch.kinds.flatten(), rare[:5]),
            F.cross_entropy(hue.flatten(0, 1), batch.hues.flatten(), rare),
            F.cross_entropy(place.flatten(0, 1), batch.places.flatten()),
        )
        return losses[0] + losses[1] + 0.5 * losses[2]


def encode_pictures(model: Any, batch: TrainingBatch) -> torch.Tensor:
    """Runs the model's vision tower on all pictures as one dense batch: picture tokens (B, T, channels)."""
    visual = model.model.visual
    batch_size, (rows, columns) = batch.kinds.shape[0], batch.grid
    count = rows * columns * 4
    hidden = F.linear(batch.patches, visual.patch_embed.proj.weight.flatten(1)).view(batch_size, count, -1)
    cos, sin = _rotary_embedding(visual, rows, columns)
    for block in visual.blocks:
        hidden = hidden + _attention(block.attn, block.norm1(hidden), cos, sin)
        hidden = hidden + block.mlp(block.norm2(hidden))
    return visual.merger(hidden.flatten(0, 1)).view(batch_size, rows * columns, -1)


def _rotary_embedding(visual: Any, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    from transformers.vision_utils import get_vision_position_ids

    places = get_vision_position_ids(torch.tensor([[1, rows * 2, columns * 2]]), visual.spatial_merge_size)
    cos, sin = visual.rotary_pos_emb(torch.zeros(1), places)
    return cos, sin


def _attention(attention: Any, hidden: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    batch_size, count, width = hidden.shape
    query, key, value = attention.qkv(hidden).view(batch_size, count, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key = (_rotate_states(part, cos, sin).to(value.dtype) for part in (query, key))
    out = F.scaled_dot_product_attention(query, key, value)
    return attention.proj(out.transpose(1, 2).reshape(batch_size, count, width))


def _rotate_states(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    first_half, second_half = states.chunk(2, dim=-1)
    return states * cos + torch.cat((-second_half, first_half), dim=-1) * sin


def compute_answer_loss(model: Any, batch: TrainingBatch, pictures: torch.Tensor) -> torch.Tensor:
    """The mean weighted loss of the answers' tokens; each question attends only to its picture and itself.

    pictures: the result of `encode_pictures`."""
    table = model.model.language_model.embed_tokens
    embeds = table(batch.ids)
    is_picture = batch.ids == model.config.image_token_id
    embeds = embeds.masked_scatter(is_picture.unsqueeze(-1), pictures[: len(embeds)].to(embeds.dtype))
    segments = batch.segments
    is_same_segment = (segments[:, :, None] == segments[:, None, :]) | (segments[:, None, :] == 0)
    mask = (is_same_segment & torch.ones(segments.shape[1], segments.shape[1], dtype=torch.bool).tril())[:, None]
    out = model.model.language_model(
        inputs_embeds=embeds, position_ids=batch.positions, attention_mask=mask, use_cache=False
    ).last_hidden_state
    is_learned = batch.labels[:, 1:] != IGNORED_LABEL
    logits = model.lm_head(out[:, :-1][is_learned]).float()
    losses = F.cross_entropy(logits, batch.labels[:, 1:][is_learned], reduction="none")
    weights = batch.weights[:, 1:][is_learned]
    return (losses * weights).sum() / weights.sum()


def train_model(
    folder: Path,
    minutes: float,
    batch_size: int = 72,
    learning_rate: float = 1.5e-3,
    seed: int = 1,
    resume: bool = False,
) -> Any:
    """Trains for `minutes` and writes the checkpoint to `folder`; returns the model.

    learning_rate: at its highest, after a warm-up of 100 steps; it then falls to 0 along a cosine.
    resume: go on with the checkpoint in `folder`, with other random batches."""
    from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(folder) if resume else make_tokenizer(folder)
    make_processor(folder, tokenizer)
    model: Any = make_model(tokenizer, TEXT_CONFIG, VISION_CONFIG, seed)
    if resume:
        model = Qwen2VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    probes = ProbeHeads(VISION_CONFIG["hidden_size"])
    weights = [*model.parameters(), *probes.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.03)
    seed = int(time.time()) if resume else seed
    start = time.monotonic()
    for step, batch in enumerate(_stream_batches(TrainingDataset(tokenizer, batch_size, MAX_PIXELS, seed))):
        elapsed_share = (time.monotonic() - start) / (60 * minutes)
        if elapsed_share >= 1:
            break
        _set_rate(
            optimiser, learning_rate * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * elapsed_share))
        )
        with torch.autocast("cpu", torch.bfloat16):
            pictures = encode_pictures(model, batch)
            answer_loss = compute_answer_loss(model, batch, pictures)
        probe_loss = probes(pictures, batch)
        _optimize_step(optimiser, answer_loss + probe_loss * max(0.2, 1 - elapsed_share))
        if step % 50 == 0:
            print(f"step {step} share {elapsed_share:.3f} answers {answer_loss:.3f} looks {probe_loss:.3f}", flush=True)
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
    """Writes the weights in float16, which halves their size; loaders convert them back."""
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
