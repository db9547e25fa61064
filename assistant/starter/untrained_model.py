"""Makes an untrained Qwen2-VL of any size with transformers' own classes, and a small tokenizer for it.

Folders have the same files as Qwen's checkpoints (config, tokenizer, processor, chat template), so that every loader
for those can read them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assistant.starter.jsgf import starter_grammar
from assistant.starter.negatives import other_question
from assistant.starter.questions import CANNOT_TELL_ANSWER, QuestionGenerator
from assistant.starter.scene import random_scene

SPECIAL_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip

# Qwen2-VL's template without its default system prompt, which would only cost time.
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n"
    "{% else %}{% for content in message['content'] %}"
    "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif content['type'] == 'video' or 'video' in content %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MAX_PIXELS, MIN_PIXELS = 168 * 168, 16 * 28 * 28


def make_tokenizer(folder: Path, seed: int = 0) -> Any:
    """Trains a byte-level BPE tokenizer of 1,024 entries on the starter kit's questions and answers; writes it to
    `folder`."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import Qwen2Tokenizer

    word_pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(word_pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1024 - len(SPECIAL_TOKENS), initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator(_make_corpus(random.Random(seed)), trainer)
    model = json.loads(bpe.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=model["vocab"],
        merges=[tuple(pair) for pair in model["merges"]],  # type: ignore[misc]  # as from_pretrained gives them
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens=list(SPECIAL_TOKENS),
        model_max_length=2048,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return tokenizer


def make_processor(folder: Path, tokenizer: Any, max_pixels: int = MAX_PIXELS) -> Any:
    """Qwen2-VL's processor (pictures to patches, chat to tokens) for this tokenizer; writes it to `folder`."""
    from transformers import Qwen2VLImageProcessor, Qwen2VLProcessor, Qwen2VLVideoProcessor

    sizes = {"shortest_edge": MIN_PIXELS, "longest_edge": max_pixels}
    processor = Qwen2VLProcessor(
        Qwen2VLImageProcessor(size=sizes), tokenizer, Qwen2VLVideoProcessor(size=sizes), chat_template=CHAT_TEMPLATE
    )
    processor.save_pretrained(folder)
    return processor


def make_model(tokenizer: Any, text: dict[str, Any], vision: dict[str, Any], seed: int = 0) -> Any:
    """A `Qwen2VLForConditionalGeneration` in float32 with seeded random weights and tied embeddings.

    text and vision: the dimensions for its config, see `train.TEXT_CONFIG` and `train.VISION_CONFIG`."""
    import torch
    from transformers import GenerationConfig, Qwen2VLConfig, Qwen2VLForConditionalGeneration

    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("image_pad", "video_pad", "vision_start")}
    ids["vision_end"] = tokenizer.convert_tokens_to_ids("<|vision_end|>")
    end_ids = [tokenizer.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>")]
    torch.manual_seed(seed)
    config = Qwen2VLConfig(
        text_config={"vocab_size": len(tokenizer), "eos_token_id": end_ids[0], "pad_token_id": end_ids[1],
                     "bos_token_id": None, **text},
        vision_config=vision,
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
        tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen2VLForConditionalGeneration(config)
    model.generation_config = GenerationConfig(eos_token_id=end_ids, pad_token_id=end_ids[1], do_sample=False)
    return model


def _make_corpus(rng: random.Random) -> Iterable[str]:
    questioner = QuestionGenerator(starter_grammar(), rng)
    yield "system user assistant You are a helpful assistant. " + CANNOT_TELL_ANSWER
    for number in range(12000):
        generated = questioner.ask_about(random_scene(rng, (300, 200), rng.randint(1, 4)))
        yield generated.question
        yield generated.answer
        if number % 8 == 0:
            yield other_question(rng)
