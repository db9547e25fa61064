"""Loads a checkpoint folder of Qwen2-VL or Qwen2.5-VL, and explains why one cannot be loaded."""

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

# The packages that read a quantised checkpoint, by quantization method; none of them comes with Hark.
_QUANTIZATION_PACKAGES = {
    "gptq": "pip install optimum gptqmodel",
    "awq": "pip install optimum gptqmodel",
    "bitsandbytes": "pip install bitsandbytes",
}

_MAX_LAYERS = 1_000
_MAX_PACKED_NUMBERS = (
    16  # weights that one stored number of a quantised checkpoint may hold, such as 2-bit ones in an int32
)


def load_responder(options: LoadOptions) -> Qwen2VLResponder:
    """Loads the checkpoint folder `options.model`.

    Raises `NotAvailableError` when it cannot be loaded on this machine, and whatever the libraries raise for a broken
    one."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    folder = Path(options.model)
    if options.cpu_weight_format not in ("int4", "bfloat16", "stored"):
        raise ValueError(f"weights cannot be {options.cpu_weight_format}")
    config = read_as(dict[str, Any], parse_json((folder / "config.json").read_bytes()), "its config")
    quantization = read_as(dict[str, Any], config.get("quantization_config") or {}, "its quantization_config")
    method, hint = str(quantization.get("quant_method", "")), ""
    if method:
        package = _QUANTIZATION_PACKAGES.get(method, method)
        hint = tr("It is quantised ({quantised}): it needs “{needed}”.").format(quantised=method, needed=package)
    device, warning = choose_device(options, folder)
    with foreign_errors("answer", options.model, is_loading=True, hint=hint):
        model, processor = _load_model(options, config, device)
    if options.cpu_weight_format != "stored" and not method and cpu_linear.can_pack(model):
        cache = cpu_linear.cache_file(folder, Path(options.cache)) if options.cache else None
        cpu_linear.pack_model(model, options.cpu_weight_format == "int4", cache)
    responder = Qwen2VLResponder(model.eval(), processor, options.name or folder.name, options)
    responder.try_template()
    responder.load_warning = warning
    return responder


def choose_device(options: LoadOptions, folder: Path) -> tuple[str, str]:
    """The device that the model runs on, and a warning where it is not the graphics card that is there, or ""."""
    if options.device != "auto":
        return options.device, ""
    if not torch.cuda.is_available():
        return "cpu", memory_budget.unseen_gpu_warning(options.name or folder.name) or ""
    if reason := memory_budget.find_torch_fault():
        return "cpu", memory_budget.unusable_gpu_warning(options.name or folder.name, reason)
    warning = None if options.device_map else memory_budget.memory_warning(folder, options.gpu_memory_limit_gb)
    return ("cpu", warning) if warning else ("cuda", "")


def _load_model(options: LoadOptions, config: dict[str, Any], device: str) -> tuple[Any, Any]:
    """Loads model and processor. The classes are fixed and `trust_remote_code` is off, so no code in a folder runs."""
    import transformers

    classes: dict[str, tuple[Any, Any]] = {
        "qwen2_vl": (transformers.Qwen2VLForConditionalGeneration, transformers.Qwen2VLProcessor),
        "qwen2_5_vl": (transformers.Qwen2_5_VLForConditionalGeneration, transformers.Qwen2_5_VLProcessor),
    }
    model_class, processor_class = classes.get(config.get("model_type", ""), (None, None))
    if model_class is None:
        message = tr("“{model}” is a {kind} model, not Qwen2-VL.")
        message = message.format(model=options.model, kind=config.get("model_type"))
        raise NotAvailableError("answer", message, tr("Choose another."))
    hub_options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    placement: dict[str, Any] = {}
    if options.device_map:
        placement = {"device_map": options.device_map, "max_memory": _parse_limits(options.max_memory)}
    dtype = _choose_dtype(options, config, device)
    _check_layers(config)
    model_config = model_class.config_class.from_pretrained(options.model, **hub_options)
    _check_size(model_class, model_config, Path(options.model))
    _expand_names(getattr(model_config, "quantization_config", None) or {})
    loading_info: dict[str, Any]
    model, loading_info = model_class.from_pretrained(
        options.model, config=model_config, dtype=dtype, output_loading_info=True, **hub_options, **placement
    )
    if loading_info["missing_keys"]:
        raise ValueError(f"{len(loading_info['missing_keys'])} of its tensors are missing")
    processor = processor_class.from_pretrained(options.model, **hub_options)
    if not processor.chat_template:
        raise ValueError("it has no chat template")
    if processor.tokenizer.convert_tokens_to_ids(processor.image_token) != model.config.image_token_id:
        raise ValueError("its tokenizer belongs to another model")
    if not placement:
        model.to(torch.device(device))
    return model, processor


def _check_layers(config: dict[str, Any]) -> None:
    """Raises `ValueError` for an absurd number of layers, before transformers makes lists of that length."""
    for section in (config, config.get("text_config"), config.get("vision_config")):
        for name in ("num_hidden_layers", "depth"):
            layers = section.get(name, 1) if isinstance(section, dict) else 1
            if not isinstance(layers, int) or not 0 < layers <= _MAX_LAYERS:
                raise ValueError(f"its config names {layers} layers")


def _check_size(model_class: Any, model_config: Any, folder: Path) -> None:
    """Raises `ValueError` for a config that describes a larger model than the weights beside it, before any memory is
    allocated: transformers would fill up missing weights with gigabytes of random numbers."""
    stored_numbers = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            stored_numbers += sum(prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    if getattr(model_config, "quantization_config", None):
        stored_numbers *= _MAX_PACKED_NUMBERS
    with torch.device("meta"), memory_budget.parameter_limit(2 * stored_numbers):  # tied weights are counted twice
        model_class(model_config)


def _expand_names(quantization: dict[str, Any]) -> None:
    """Adds today's names of modules that are not quantised: checkpoints say "visual", transformers "model.visual"."""
    for key in ("modules_to_not_convert", "llm_int8_skip_modules"):
        names = quantization.get(key)
        if names:
            quantization[key] = [*names, *(f"model.{name}" for name in names if not name.startswith("model."))]


def _parse_limits(text: str) -> dict[int | str, str] | None:
    """Parses a text such as "0=6GiB, cpu=16GiB" into accelerate's `max_memory`. Raises `ValueError`."""
    pairs = [entry.partition("=")[::2] for entry in text.split(",") if entry.strip()]
    if not all(name.strip() and size.strip() for name, size in pairs):
        raise ValueError(f"max_memory cannot be “{text}”, but something like “0=6GiB, cpu=16GiB”")
    limits = {name.strip(): size.strip() for name, size in pairs}
    return {int(name) if name.isdecimal() else name: size for name, size in limits.items()} or None


def _choose_dtype(options: LoadOptions, config: dict[str, Any], device: str) -> Any:
    name = options.dtype
    if name == "auto":
        text = config.get("text_config") or {}
        name = config.get("dtype") or config.get("torch_dtype") or text.get("dtype") or "float32"
        # Most processors have no float16 arithmetic and would emulate it slowly.
        name = "float32" if device == "cpu" and name == "float16" else name
    if name not in ("float32", "bfloat16", "float16"):
        raise ValueError(f"there is no dtype {name}")
    return getattr(torch, name)
