"""Qwen2-VL in its published sizes with random weights: as fast as the real model, with meaningless answers."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import torch

from assistant.interfaces import LoadOptions

if TYPE_CHECKING:
    from assistant.backends.qwen2_vl import Qwen2VLResponder

# Published dimensions of language model and vision tower (Wang et al., 2024, table 1; the checkpoints' config.json).
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


_MROPE_SECTIONS = [16, 24, 24]  # frequencies of a head for time, row and column


def make_model(size: str, layers: int = 0, dtype: torch.dtype = torch.bfloat16) -> Any:
    """A model of `SIZES`, with the same weights each time; its special tokens are those of the starter kit's tokenizer.

    layers: of the language model, 0 for the published number."""
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
        "mrope_section": _MROPE_SECTIONS,
    }
    config.tie_word_embeddings = size == "2b"
    with torch.device("meta"):
        model: Any = transformers.Qwen2VLForConditionalGeneration(config)
        model.to(dtype)
    model.to_empty(device="cpu")
    model.tie_weights()
    _fill_weights(model)
    return model.eval()


def make_processor(max_pixels: int) -> Any:
    """The starter kit's processor, for pictures of at most `max_pixels`."""
    import transformers

    with resources.as_file(resources.files("resources") / "starter" / "tiny") as folder:
        processor = transformers.Qwen2VLProcessor.from_pretrained(folder)
    processor.image_processor.size = {"shortest_edge": 56 * 56, "longest_edge": max_pixels}
    return processor


def make_responder(model: Any, max_pixels: int, max_new_tokens: int) -> Qwen2VLResponder:
    """Hark's responder around a model; its answers have no end token."""
    from assistant.backends import qwen2_vl

    model.generation_config.eos_token_id = []
    return qwen2_vl.Qwen2VLResponder(
        model, make_processor(max_pixels), "random", LoadOptions(max_new_tokens=max_new_tokens, max_pixels=max_pixels)
    )


@torch.no_grad()
def _fill_weights(model: Any) -> None:
    """Fills weights from a small pool of normal numbers, rotated differently for each part: that takes only seconds."""
    generator = torch.Generator().manual_seed(0)
    pool = torch.randn(2**22, generator=generator).mul_(0.02)
    for name, weight in model.named_parameters():
        if name.endswith("bias"):
            weight.zero_()
        elif "norm" in name or "ln_q" in name:
            weight.fill_(1.0)
        else:
            for chunk in weight.view(-1).split(pool.numel()):
                shift = int(torch.randint(pool.numel(), (1,), generator=generator))
                chunk.copy_(pool.roll(shift)[: chunk.numel()])
    for module in model.modules():
        if hasattr(module, "original_inv_freq"):
            axial_rope = getattr(module, "compute_axial_rope_parameters", None)
            inv_freq, _ = (axial_rope or module.compute_default_rope_parameters)(module.config)
            module.inv_freq.copy_(inv_freq)
            module.original_inv_freq.copy_(inv_freq)
