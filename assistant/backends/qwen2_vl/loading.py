"""Loads a checkpoint folder of the Qwen2-VL family, and says why one cannot be loaded. Knows nothing of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from assistant.backends import room
from assistant.backends.qwen2_vl import weights
from assistant.backends.qwen2_vl.responder import Qwen2VL
from assistant.errors import Missing, first_line
from assistant.roles import Options
from assistant.words.tongue import tr

# What reads the numbers of a quantised checkpoint; none of them comes with Hark.
_READERS = {
    "gptq": "pip install optimum gptqmodel",
    "awq": "pip install optimum gptqmodel",
    "bitsandbytes": "pip install bitsandbytes",
}

_CANNOT = (
    OSError, ValueError, KeyError, RuntimeError, ImportError, AttributeError, AssertionError, SafetensorError,
)  # fmt: skip


def load(options: Options) -> Qwen2VL:
    """Loads the checkpoint folder `options.model`. Raises `Missing` when it cannot be loaded here."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    hint = tr("Check device and dtype in the settings, or get it again.")
    try:
        folder = Path(options.model)
        config = json.loads((folder / "config.json").read_text("utf-8"))
        quantised = config.get("quantization_config", {}).get("quant_method", "")
        if quantised:
            needed = _READERS.get(quantised, quantised)
            hint = tr("It is quantised ({quantised}): it needs “{needed}”.").format(quantised=quantised, needed=needed)
        device, note = _device(options, folder)
        model, processor = _opened(options, config, device)
        if options.weights not in ("int4", "bfloat16", "stored"):
            raise ValueError(f"weights cannot be {options.weights}")
        if options.weights != "stored" and not quantised and weights.can_pack(model):
            cache = weights.cache_file(folder, Path(options.cache)) if options.cache else None
            weights.pack(model, options.weights == "int4", cache)
    except _CANNOT as error:
        what = tr("The model in “{model}” cannot be loaded: {why}").format(
            model=options.model, why=f"{first_line(error)}."
        )
        raise Missing("answer", what, hint) from error
    made = Qwen2VL(model.eval(), processor, options.name or folder.name, options)
    made.note = note
    return made


def _device(options: Options, folder: Path) -> tuple[str, str]:
    """Where the model runs, and why not on the card where there is one."""
    if options.device != "auto":
        return options.device, ""
    if not torch.cuda.is_available():
        return "cpu", ""
    note = "" if options.device_map else room.too_large(folder, options.budget)
    return "cpu" if note else "cuda", note


def _opened(options: Options, config: dict[str, Any], device: str) -> tuple[Any, Any]:
    """Model and processor. The classes are ours and `trust_remote_code` is off: no code in a folder is ever run."""
    import transformers

    kinds: dict[str, tuple[Any, Any]] = {
        "qwen2_vl": (transformers.Qwen2VLForConditionalGeneration, transformers.Qwen2VLProcessor),
        "qwen2_5_vl": (transformers.Qwen2_5_VLForConditionalGeneration, transformers.Qwen2_5_VLProcessor),
    }
    kind, reader = kinds.get(config.get("model_type", ""), (None, None))
    if kind is None:
        what = tr("“{model}” is a {kind} model, not Qwen2-VL.")
        what = what.format(model=options.model, kind=config.get("model_type"))
        raise Missing("answer", what, tr("Choose another."))
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    placed: dict[str, Any] = {}
    if options.device_map:
        placed = {"device_map": options.device_map, "max_memory": _limits(options.max_memory)}
    dtype = _dtype(options, config, device)
    settings = kind.config_class.from_pretrained(options.model, **safe)
    _name_whole(getattr(settings, "quantization_config", None) or {})
    told: dict[str, Any]
    model, told = kind.from_pretrained(
        options.model, config=settings, dtype=dtype, output_loading_info=True, **safe, **placed
    )
    if told["missing_keys"]:
        raise ValueError(f"{len(told['missing_keys'])} of its tensors are missing")
    processor = reader.from_pretrained(options.model, **safe)
    if not processor.chat_template:
        raise ValueError("it has no chat template")
    if processor.tokenizer.convert_tokens_to_ids(processor.image_token) != model.config.image_token_id:
        raise ValueError("its tokenizer belongs to another model")
    if not placed:
        model.to(torch.device(device))
    return model, processor


def _name_whole(quantised: dict[str, Any]) -> None:
    """Published checkpoints say that "visual" is not quantised; the library has since named it "model.visual"."""
    for key in ("modules_to_not_convert", "llm_int8_skip_modules"):
        names = quantised.get(key)
        if names:
            quantised[key] = [*names, *(f"model.{one}" for one in names if not one.startswith("model."))]


def _limits(text: str) -> dict[int | str, str] | None:
    """What each device may take, as accelerate wants it. Raises `ValueError` for what is not "0=6GiB, cpu=16GiB"."""
    pairs = [one.partition("=")[::2] for one in text.split(",") if one.strip()]
    if not all(name.strip() and size.strip() for name, size in pairs):
        raise ValueError(f"max_memory cannot be “{text}”, but something like “0=6GiB, cpu=16GiB”")
    named = {name.strip(): size.strip() for name, size in pairs}
    return {int(name) if name.isdecimal() else name: size for name, size in named.items()} or None


def _dtype(options: Options, config: dict[str, Any], device: str) -> Any:
    name = options.dtype
    if name == "auto":
        text = config.get("text_config") or {}
        name = config.get("dtype") or config.get("torch_dtype") or text.get("dtype") or "float32"
        # Processors without half-precision arithmetic would emulate it, slowly.
        name = "float32" if device == "cpu" and name == "float16" else name
    if name not in ("float32", "bfloat16", "float16"):
        raise ValueError(f"there is no dtype {name}")
    return getattr(torch, name)
