"""Qwen2-VL at its true size, of random weights: as fast as the real one, and it says nothing. Knows no measurements."""

from __future__ import annotations

from importlib import resources
from typing import Any, cast

import torch

from assistant.interfaces import LoadOptions

# Wide as published (Wang et al., 2024, table 1; the checkpoints' config.json): of text, then of the tower.
SIZES: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "2b": (
        {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
         "num_key_value_heads": 2, "vocab_size": 151_936},
        {"depth": 32, "embed_dim": 1280, "num_heads": 16, "mlp_ratio": 4, "hidden_size": 1536},
    ),
    "7b": (
        {"hidden_size": 3584, "intermediate_size": 18_944, "num_hidden_layers": 28, "num_attention_heads": 28,
         "num_key_value_heads": 4, "vocab_size": 152_064},
        {"depth": 32, "embed_dim": 1280, "num_heads": 16, "mlp_ratio": 4, "hidden_size": 3584},
    ),
}  # fmt: skip


_SECTIONS = [16, 24, 24]  # of a head's channels: time, row, column


def make_model(size: str, layers: int = 0, dtype: torch.dtype = torch.bfloat16) -> Any:
    """A model of `SIZES`, the same each time; with fewer `layers` of text if given. Its tokens are the starter's."""
    import transformers

    with resources.as_file(resources.files("resources") / "starter" / "tiny") as folder:
        config: Any = transformers.AutoConfig.from_pretrained(folder)
    text, vision = SIZES[size]
    depth = layers or text["num_hidden_layers"]
    for name, value in {**text, "num_hidden_layers": depth, "max_position_embeddings": 32_768}.items():
        setattr(config.text_config, name, value)
    for name, value in vision.items():
        setattr(config.vision_config, name, value)
    config.text_config.layer_types = ["full_attention"] * depth
    config.text_config.rope_parameters = {
        "rope_type": "default",
        "rope_theta": 1e6,
        "mrope_section": _SECTIONS,
    }
    config.tie_word_embeddings = size == "2b"
    with torch.device("meta"):
        made: Any = transformers.Qwen2VLForConditionalGeneration(config)
        made.to(dtype)
    made.to_empty(device="cpu")
    made.tie_weights()
    _fill_weights(made)
    return made.eval()


def make_processor(pixels: int) -> Any:
    """The starter's, for pictures of at most so many pixels."""
    import transformers

    with resources.as_file(resources.files("resources") / "starter" / "tiny") as folder:
        made = transformers.Qwen2VLProcessor.from_pretrained(folder)
    made.image_processor.size = {"shortest_edge": 56 * 56, "longest_edge": pixels}
    return made


def make_responder(model: Any, pixels: int, tokens: int) -> Any:
    """Hark's own, around it."""
    from assistant.backends.qwen2_vl import Qwen2VLResponder

    model.generation_config.eos_token_id = []
    return cast("Any", Qwen2VLResponder)(
        model, make_processor(pixels), "random", LoadOptions(max_new_tokens=tokens, max_pixels=pixels)
    )


@torch.no_grad()
def _fill_weights(made: Any) -> None:
    """Weights of one small pool of normal numbers, rolled: as good for speed, and there in seconds."""
    chance = torch.Generator().manual_seed(0)
    pool = torch.randn(2**22, generator=chance).mul_(0.02)
    for name, weight in made.named_parameters():
        if name.endswith("bias"):
            weight.zero_()
        elif "norm" in name or "ln_q" in name:
            weight.fill_(1.0)
        else:
            for part in weight.view(-1).split(pool.numel()):
                by = int(torch.randint(pool.numel(), (1,), generator=chance))
                part.copy_(pool.roll(by)[: part.numel()])
    for module in made.modules():
        if hasattr(module, "original_inv_freq"):
            axial = getattr(module, "compute_axial_rope_parameters", None)
            found, _ = (axial or module.compute_default_rope_parameters)(module.config)
            module.inv_freq.copy_(found)
            module.original_inv_freq.copy_(found)
