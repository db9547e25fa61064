"""Quantised checkpoints, made here from the starter's trained model: they load the same way and answer as it does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from assistant.backends.qwen2_vl import Qwen2VL
from assistant.roles import Message
from tests import quantised, qwen2
from tests.qwen2 import TINY, picture


def same_answers(folder: Path) -> None:
    one, whole = qwen2.loaded(model=str(folder)), qwen2.model()
    for number in range(4):
        asked = [Message("user", "Describe this picture.", (picture(number),))]
        assert answer(one, asked) == answer(whole, asked)


def answer(one: Qwen2VL, asked: list[Message]) -> str:
    return "".join(piece for piece in one.reply(asked) if isinstance(piece, str))


@pytest.mark.parametrize(("method", "bits"), [("gptq", 4), ("gptq", 8), ("awq", 4)])
def test_gptq_and_awq(tmp_path: Path, method: str, bits: int) -> None:
    pytest.importorskip("gptqmodel", reason="gptqmodel is not installed; it is built from source and not locked")
    same_answers(quantised.checkpoint(tmp_path / "model", method, bits))


def test_bitsandbytes_four_bits(tmp_path: Path) -> None:
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
