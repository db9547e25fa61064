"""Loads a checkpoint folder of the Qwen2-VL family, and says why one cannot be loaded. Knows nothing of answers."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from assistant.backends import memory_budget
from assistant.backends.boundary import foreign_errors
from assistant.backends.qwen2_vl import cpu_linear
from assistant.backends.qwen2_vl.responder import Qwen2VLResponder
from assistant.errors import NotAvailableError
from assistant.interfaces import LoadOptions
from assistant.text.i18n import tr
from assistant.typed_reader import parse_json, read_as

# What reads the numbers of a quantised checkpoint; none of them comes with Hark.
_READERS = {
    "gptq": "pip install optimum gptqmodel",
    "awq": "pip install optimum gptqmodel",
    "bitsandbytes": "pip install bitsandbytes",
}

_MOST_LAYERS = 1_000
_NUMBERS_IN_ONE = 16  # of a quantised checkpoint: a stored number may hold so many weights, or what belongs to them


def load_responder(options: LoadOptions) -> Qwen2VLResponder:
    """Loads the checkpoint folder `options.model`. Raises `Missing` when it cannot be loaded here, and whatever the
    libraries raise for a broken one."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    folder = Path(options.model)
    if options.cpu_weight_format not in ("int4", "bfloat16", "stored"):
        raise ValueError(f"weights cannot be {options.cpu_weight_format}")
    config = read_as(dict[str, Any], parse_json((folder / "config.json").read_bytes()), "its config")
    quantised = read_as(dict[str, Any], config.get("quantization_config") or {}, "its quantization_config")
    method, hint = str(quantised.get("quant_method", "")), ""
    if method:
        needed = _READERS.get(method, method)
        hint = tr("It is quantised ({quantised}): it needs “{needed}”.").format(quantised=method, needed=needed)
    device, note = _choose_device(options, folder)
    with foreign_errors("answer", options.model, is_loading=True, hint=hint):
        model, processor = _load_model(options, config, device)
    if options.cpu_weight_format != "stored" and not method and cpu_linear.can_pack(model):
        cache = cpu_linear.cache_file(folder, Path(options.cache)) if options.cache else None
        cpu_linear.pack_model(model, options.cpu_weight_format == "int4", cache)
    made = Qwen2VLResponder(model.eval(), processor, options.name or folder.name, options)
    made.try_template()
    made.load_warning = note
    return made


def _choose_device(options: LoadOptions, folder: Path) -> tuple[str, str]:
    """Where the model runs, and why not on the card where there is one."""
    if options.device != "auto":
        return options.device, ""
    if not torch.cuda.is_available():
        return "cpu", memory_budget.unseen_gpu_warning(options.name or folder.name) or ""
    if reason := memory_budget.find_torch_fault():
        return "cpu", memory_budget.unusable_gpu_warning(options.name or folder.name, reason)
    warning = None if options.device_map else memory_budget.memory_warning(folder, options.gpu_memory_limit_gb)
    return ("cpu", warning) if warning else ("cuda", "")


def _load_model(options: LoadOptions, config: dict[str, Any], device: str) -> tuple[Any, Any]:
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
        raise NotAvailableError("answer", what, tr("Choose another."))
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    placed: dict[str, Any] = {}
    if options.device_map:
        placed = {"device_map": options.device_map, "max_memory": _parse_limits(options.max_memory)}
    dtype = _choose_dtype(options, config, device)
    _check_layers(config)
    settings = kind.config_class.from_pretrained(options.model, **safe)
    _check_size(kind, settings, Path(options.model))
    _expand_names(getattr(settings, "quantization_config", None) or {})
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


def _check_layers(config: dict[str, Any]) -> None:
    """Before the library makes lists of them. Raises `ValueError`."""
    for part in (config, config.get("text_config"), config.get("vision_config")):
        for name in ("num_hidden_layers", "depth"):
            layers = part.get(name, 1) if isinstance(part, dict) else 1
            if not isinstance(layers, int) or not 0 < layers <= _MOST_LAYERS:
                raise ValueError(f"its config names {layers} layers")


def _check_size(kind: Any, settings: Any, folder: Path) -> None:
    """A config that describes a larger model than the weights beside it is refused before anything is allocated: what
    the weights lack would be made up, gigabytes of it. Raises `ValueError`."""
    stored = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            stored += sum(prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    if getattr(settings, "quantization_config", None):
        stored *= _NUMBERS_IN_ONE
    with torch.device("meta"), memory_budget.parameter_limit(2 * stored):  # tied ones are made twice
        kind(settings)


def _expand_names(quantised: dict[str, Any]) -> None:
    """Published checkpoints say that "visual" is not quantised; the library has since named it "model.visual"."""
    for key in ("modules_to_not_convert", "llm_int8_skip_modules"):
        names = quantised.get(key)
        if names:
            quantised[key] = [*names, *(f"model.{one}" for one in names if not one.startswith("model."))]


def _parse_limits(text: str) -> dict[int | str, str] | None:
    """What each device may take, as accelerate wants it. Raises `ValueError` for what is not "0=6GiB, cpu=16GiB"."""
    pairs = [one.partition("=")[::2] for one in text.split(",") if one.strip()]
    if not all(name.strip() and size.strip() for name, size in pairs):
        raise ValueError(f"max_memory cannot be “{text}”, but something like “0=6GiB, cpu=16GiB”")
    named = {name.strip(): size.strip() for name, size in pairs}
    return {int(name) if name.isdecimal() else name: size for name, size in named.items()} or None


def _choose_dtype(options: LoadOptions, config: dict[str, Any], device: str) -> Any:
    name = options.dtype
    if name == "auto":
        text = config.get("text_config") or {}
        name = config.get("dtype") or config.get("torch_dtype") or text.get("dtype") or "float32"
        # Processors without half-precision arithmetic would emulate it, slowly.
        name = "float32" if device == "cpu" and name == "float16" else name
    if name not in ("float32", "bfloat16", "float16"):
        raise ValueError(f"there is no dtype {name}")
    return getattr(torch, name)
