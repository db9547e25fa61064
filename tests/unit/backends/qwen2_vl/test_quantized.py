"""Quantised checkpoints, made here from the starter's trained model: they load the same way and answer as it does."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
import torch

from assistant.backends.qwen2_vl import Qwen2VLResponder
from assistant.messages import Message
from assistant.pictures import Picture
from assistant.starter.scene import draw_scene, random_scene
from tests.support import quantized_checkpoints, qwen2_vl_models
from tests.support.qwen2_vl_models import TINY


def same_answers(folder: Path) -> None:
    responder, whole = qwen2_vl_models.loaded(model=str(folder)), qwen2_vl_models.loaded()
    same = 0
    for number in range(10):
        picture = Picture.from_image(draw_scene(random_scene(random.Random(number), (200, 160), 2)))
        messages = [Message("user", "Describe this picture.", (picture,))]
        same += answer(responder, messages) == answer(whole, messages)
    assert same >= 9, "few bits may lose a close call, not more"


def answer(responder: Qwen2VLResponder, messages: list[Message]) -> str:
    return "".join(piece for piece in responder.reply(messages) if isinstance(piece, str))


@pytest.mark.parametrize(("method", "bits"), [("gptq", 4), ("gptq", 8), ("awq", 4)])
def test_gptq_and_awq_checkpoints_answer(tmp_path: Path, method: str, bits: int) -> None:
    pytest.importorskip("gptqmodel", reason="gptqmodel is built from source: tried by hand, not claimed")
    same_answers(quantized_checkpoints.checkpoint(tmp_path / "model", method, bits))


def test_bitsandbytes_checkpoint_of_four_bits_answers(tmp_path: Path) -> None:
    import transformers

    how = transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.float32,
        llm_int8_skip_modules=["model.visual", "lm_head"],
    )
    kind = transformers.Qwen2VLForConditionalGeneration
    kind.from_pretrained(TINY, quantization_config=how, dtype=torch.float32).save_pretrained(tmp_path)
    for file in TINY.iterdir():
        if not (tmp_path / file.name).exists():
            shutil.copy(file, tmp_path)
    same_answers(tmp_path)
