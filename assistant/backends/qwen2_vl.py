"""Answers with Qwen2-VL (Wang et al., 2024) through transformers. Knows nothing of sound, speech or other models."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from assistant.errors import AssistantError, BadInput, Missing
from assistant.roles import Message, Options

# Qwen's own advice for a balance of cost and detail: at most 1,280 picture tokens.
MAX_PIXELS = 1280 * 28 * 28
_WIDEST = 200  # the sides' ratio beyond which Qwen2-VL's own resizing gives up


@dataclass(frozen=True)
class Word:
    """One decoded token: the text that it completes (may be ""), and how likely the model held it, 0 to 1."""

    text: str
    chance: float


class Qwen2VL:
    """A loaded model. Replies are decoded greedily, token by token, in the caller's thread: closing the iterator
    stops it within one token and nothing is left running."""

    def __init__(self, model: Any, processor: Any, name: str, options: Options) -> None:
        self._model, self._processor, self.by = model, processor, name
        sizes = processor.image_processor.size
        self._min_pixels = options.min_pixels or sizes["shortest_edge"]
        self._max_pixels = options.max_pixels or min(sizes["longest_edge"], MAX_PIXELS)
        self._max_new_tokens = options.max_new_tokens
        ends = model.generation_config.eos_token_id
        self._ends = frozenset(ends if isinstance(ends, list) else [ends])

    def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        """Yields the answer in pieces. Raises `AssistantError` for pictures too slim to resize or no memory left."""
        for word in self.words(messages):
            if word.text:
                yield word.text

    def words(self, messages: Sequence[Message]) -> Generator[Word, None, None]:
        """The answer token by token, with the model's own certainty of each."""
        try:
            yield from self._words(messages)
        except (torch.OutOfMemoryError, MemoryError):
            raise AssistantError(
                "answer", "There is not enough memory for this question.", "Ask with fewer or smaller pictures."
            ) from None

    def _words(self, messages: Sequence[Message]) -> Generator[Word, None, None]:
        inputs = self._inputs(messages)
        positions, _ = self._model.model.get_rope_index(
            inputs["input_ids"],
            mm_token_type_ids=inputs["mm_token_type_ids"],
            image_grid_thw=inputs.get("image_grid_thw"),
            attention_mask=inputs["attention_mask"],
        )
        logits, cache = self._forward(None, position_ids=positions, **inputs)
        place = int(positions.max()) + 1
        ids: list[int] = []
        shown = ""
        for _ in range(self._max_new_tokens):
            token = int(logits.argmax())
            chance = float(torch.softmax(logits, dim=-1)[token])
            if token in self._ends:
                yield Word("", chance)
                return
            ids.append(token)
            text = self._processor.tokenizer.decode(ids, skip_special_tokens=True)
            # A character of several tokens is held back until it is whole.
            if text.endswith("\ufffd"):
                yield Word("", chance)
            else:
                yield Word(text[len(shown) :], chance)
                shown = text
            step = torch.tensor([[token]], device=positions.device)
            where = torch.full((3, 1, 1), place, device=positions.device)
            logits, cache = self._forward(cache, input_ids=step, position_ids=where)
            place += 1

    @torch.inference_mode()
    def _forward(self, cache: Any, **inputs: Any) -> tuple[torch.Tensor, Any]:
        out = self._model(past_key_values=cache, use_cache=True, logits_to_keep=1, **inputs)
        return out.logits[0, -1].float(), out.past_key_values

    def _inputs(self, messages: Sequence[Message]) -> Any:
        from qwen_vl_utils import process_vision_info

        chat = [self._chat(message) for message in messages]
        text = self._processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        images, _ = process_vision_info(chat)
        inputs = self._processor(text=[text], images=images, return_tensors="pt")
        return inputs.to(self._model.device)

    def _chat(self, message: Message) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        for picture in message.pictures:
            if max(picture.width, picture.height) > _WIDEST * min(picture.width, picture.height):
                raise BadInput(
                    "look", f"“{picture.name}” is too long and thin for the model.", "Crop it and ask again."
                )
            limits = {"min_pixels": self._min_pixels, "max_pixels": self._max_pixels}
            content.append({"type": "image", "image": picture.image, **limits})
        # A question is data: it must not be able to speak in the template's own tokens.
        content.append({"type": "text", "text": message.text.replace("<|", "< |")})
        return {"role": message.role, "content": content}


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
