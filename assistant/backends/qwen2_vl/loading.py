"""Loads a checkpoint folder of the Qwen2-VL family, and says why one cannot be loaded. Knows nothing of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from assistant.backends.qwen2_vl.responder import Qwen2VL
from assistant.errors import Missing
from assistant.roles import Options


def load(options: Options) -> Qwen2VL:
    """Loads the checkpoint folder `options.model`. Raises `Missing` when it cannot be loaded here."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        config = json.loads((Path(options.model) / "config.json").read_text("utf-8"))
        kind = {"qwen2_vl": transformers.Qwen2VLForConditionalGeneration}.get(config.get("model_type"))
        if kind is None:
            what = f"“{options.model}” is a {config.get('model_type')} model, not Qwen2-VL."
            raise Missing("answer", what, "Choose another.")
        # The class is ours and `trust_remote_code` is off: no code in a folder is ever run.
        safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        device = options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        placed: dict[str, Any] = {"device_map": options.device_map} if options.device_map else {}
        dtype = _dtype(options, config, device)
        loaded: Any = kind.from_pretrained(options.model, dtype=dtype, output_loading_info=True, **safe, **placed)
        model, told = loaded
        if told["missing_keys"]:
            raise ValueError(f"{len(told['missing_keys'])} of its tensors are missing")
        processor = transformers.Qwen2VLProcessor.from_pretrained(options.model, **safe)
        if not processor.chat_template:
            raise ValueError("it has no chat template")
        if not placed:
            model.to(torch.device(device))
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, AttributeError, AssertionError) as error:
        what = f"The model in “{options.model}” cannot be loaded: {_first_line(error)}"
        raise Missing("answer", what, "Check device and dtype in the settings, or get it again.") from error
    return Qwen2VL(model.eval(), processor, options.name or Path(options.model).name, options)


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


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".") + "."
