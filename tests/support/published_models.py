"""Models in the layouts in which their makers publish them, with small weights: what `hub_server.py` serves of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.paths import STARTER_MODEL


def files(folder: Path) -> dict[str, bytes]:
    """Read a checkpoint folder as the files of a hub."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def whisper(checkpoint: Path) -> dict[str, bytes]:
    """As Systran/faster-whisper-small: no preprocessor_config.json, and the vocabulary as plain text."""
    words = json.loads((checkpoint / "vocabulary.json").read_text("utf-8"))
    files = {name: (checkpoint / name).read_bytes() for name in ("config.json", "model.bin", "tokenizer.json")}
    return {
        **files,
        "vocabulary.txt": "\n".join(words).encode(),
        "README.md": b"# Whisper small",
        ".gitattributes": b"",
    }


def piper(checkpoint: Path, folder: str, name: str) -> dict[str, bytes]:
    """As rhasspy/piper-voices: voices by language, each with a card and samples, and one list of all."""
    config = json.loads((checkpoint / "en_US-random-low.onnx.json").read_text("utf-8"))
    config |= {
        "dataset": "ljspeech", "phoneme_type": "espeak", "num_symbols": 256, "piper_version": "1.0.0",
        "language": {"code": "en_US", "family": "en", "region": "US", "name_english": "English"},
        "phoneme_map": {}, "speaker_id_map": {},
    }  # fmt: skip
    config["audio"]["quality"] = "medium"
    return {
        f"{folder}/{name}.onnx": (checkpoint / "en_US-random-low.onnx").read_bytes(),
        f"{folder}/{name}.onnx.json": json.dumps(config, indent=4).encode(),
        f"{folder}/MODEL_CARD": b"# Model card for ljspeech (medium)\n* License: public domain",
        f"{folder}/samples/speaker_0.mp3": b"ID3",
        "voices.json": b"{}", "README.md": b"", "de/de_DE/other/low/de_DE-other-low.onnx": b"x" * 2000,
    }  # fmt: skip


def qwen2_vl() -> dict[str, bytes]:
    """As Qwen/Qwen2-VL-2B-Instruct: the flat config and the tensors' names of 2024, in two shards, with the template of
    the chat in a file of its own. The weights are the starter kit's."""
    from safetensors.torch import load_file, save

    tensors = {_old_name(name): tensor for name, tensor in load_file(STARTER_MODEL / "model.safetensors").items()}
    names = sorted(tensors)
    shards = {
        "model-00001-of-00002.safetensors": names[: len(names) // 2],
        "model-00002-of-00002.safetensors": names[len(names) // 2 :],
    }
    index = {
        "metadata": {"total_size": sum(tensor.nbytes for tensor in tensors.values())},
        "weight_map": {name: shard for shard, part in shards.items() for name in part},
    }
    tables: dict[str, object] = {
        "model.safetensors.index.json": index,
        "config.json": _flat_config(),
        "preprocessor_config.json": _preprocessor(),
        "chat_template.json": {"chat_template": (STARTER_MODEL / "chat_template.jinja").read_text("utf-8")},
        "generation_config.json": {**_read("generation_config.json"), "temperature": 0.01, "top_p": 0.001, "top_k": 1},
        "tokenizer_config.json": _tokenizer_config(),
        "vocab.json": _read("tokenizer.json")["model"]["vocab"],
    }
    merges = [
        merge if isinstance(merge, str) else " ".join(merge) for merge in _read("tokenizer.json")["model"]["merges"]
    ]
    return {
        **{shard: save({name: tensors[name] for name in part}, {"format": "pt"}) for shard, part in shards.items()},
        **{name: json.dumps(table, indent=2).encode() for name, table in tables.items()},
        "tokenizer.json": (STARTER_MODEL / "tokenizer.json").read_bytes(),
        "merges.txt": "\n".join(merges).encode(),
        "LICENSE": b"Apache",
        "README.md": b"# Qwen2-VL-2B-Instruct",
    }


def _old_name(name: str) -> str:
    return name.replace("model.language_model.", "model.").replace("model.visual.", "visual.")


def _read(name: str) -> dict[str, Any]:
    return json.loads((STARTER_MODEL / name).read_text("utf-8"))


def _flat_config() -> dict[str, object]:
    """Without `text_config`, and with the names of transformers 4.41."""
    nested = _read("config.json")
    text, vision = nested["text_config"], nested["vision_config"]
    numbers = (
        "attention_dropout", "bos_token_id", "eos_token_id", "hidden_act", "hidden_size", "initializer_range",
        "intermediate_size", "max_position_embeddings", "max_window_layers", "num_attention_heads",
        "num_hidden_layers", "num_key_value_heads", "rms_norm_eps", "use_cache", "use_sliding_window", "vocab_size",
    )  # fmt: skip
    rope = text["rope_parameters"]
    return {
        "architectures": ["Qwen2VLForConditionalGeneration"],
        **{name: text[name] for name in numbers},
        **{name: nested[name] for name in nested if name.endswith("_token_id")},
        "vision_token_id": nested["vision_end_token_id"] + 1,
        "model_type": "qwen2_vl", "rope_theta": rope["rope_theta"], "sliding_window": 32768,
        "rope_scaling": {"type": "mrope", "mrope_section": rope["mrope_section"]},
        "tie_word_embeddings": True, "torch_dtype": "float32", "transformers_version": "4.41.2",
        "vision_config": {
            **{name: vision[name] for name in ("depth", "embed_dim", "hidden_size", "mlp_ratio", "num_heads")},
            "in_chans": 3, "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14,
            "temporal_patch_size": 2,
        },
    }  # fmt: skip


def _preprocessor() -> dict[str, object]:
    processor = _read("processor_config.json")["image_processor"]
    return {
        "min_pixels": processor["size"]["shortest_edge"], "max_pixels": processor["size"]["longest_edge"],
        "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2,
        "image_mean": processor["image_mean"], "image_std": processor["image_std"],
        "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor",
    }  # fmt: skip


def _tokenizer_config() -> dict[str, object]:
    added = {
        str(token["id"]): {name: token[name] for name in token if name != "id"}
        for token in _read("tokenizer.json")["added_tokens"]
    }
    return {
        "add_prefix_space": False, "added_tokens_decoder": added,
        "additional_special_tokens": [token["content"] for token in added.values()], "bos_token": None,
        "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>", "padding_side": "left", "errors": "replace",
        "model_max_length": 32768, "pad_token": "<|endoftext|>", "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer", "unk_token": None,
    }  # fmt: skip
