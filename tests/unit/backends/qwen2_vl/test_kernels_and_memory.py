"""Qwen2-VL's parts, each against the library's own: tower, weights, attention, loading."""

from __future__ import annotations

import copy
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from assistant import backends
from assistant.backends import memory_budget
from assistant.backends.qwen2_vl import Qwen2VLResponder, attention, cpu_linear, generation, processor, vision_tower
from assistant.backends.qwen2_vl.cuda_graph import CudaGraphStep, LogitsFunction
from assistant.backends.qwen2_vl.prompt_lookup import PromptLookup
from assistant.bench import random_weights
from assistant.bench.comparison import run_to_end
from assistant.errors import NotAvailableError
from assistant.interfaces import LoadOptions
from assistant.messages import Message
from assistant.pictures import Picture
from tests.support import checkpoints
from tests.support.qwen2_vl_models import TINY, exact, loaded, model, picture, stock_model


def said(responder: Any, messages: list[Message]) -> str:
    return "".join(piece for piece in responder.reply(messages) if isinstance(piece, str))


def through_the_tower(inner: Any, patches: torch.Tensor, grid: tuple[int, int, int]) -> torch.Tensor:
    return run_to_end(vision_tower.encode_stepwise(inner, patches, grid))


def patches_of(grid: tuple[int, int, int], seed: int) -> torch.Tensor:
    return torch.randn(grid[0] * grid[1] * grid[2], 3 * 2 * 14 * 14, generator=torch.Generator().manual_seed(seed))


def dequantize_weight(whole: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """The float32 weights (rows, columns) that the result of `quantize_weight` stands for."""
    scale, zero = scales.float().transpose(0, 1).unsqueeze(2).unbind(-1)
    return ((whole.unflatten(1, (-1, cpu_linear.GROUP_SIZE)) - 8) * scale + zero).flatten(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("grid", [(1, 4, 6), (1, 24, 24), (3, 4, 8)])
def test_the_tower_errs_as_little_as_stock(grid: tuple[int, int, int], dtype: torch.dtype) -> None:
    """Against float64, the median token of six pictures. A few tokens of a picture magnify any rounding, on another
    processor others do: the mean of one picture is theirs alone, and is anything from a third to twice the stock's."""
    trained = model().inspect().generator.model.model.visual
    wide, narrow = (copy.deepcopy(trained).to(kind) for kind in (torch.float64, dtype))
    ours, theirs = [], []
    for seed in range(6):
        patches = patches_of(grid, seed)
        exactly = vision_tower.encode_at_once(wide, patches.double(), grid)
        ours.append((through_the_tower(narrow, patches, grid) - exactly).norm(dim=1))
        theirs.append((vision_tower.encode_at_once(narrow, patches, grid) - exactly).norm(dim=1))
    assert float(torch.cat(ours).median()) <= 1.5 * float(torch.cat(theirs).median())


@pytest.mark.parametrize("rows", [1, 3, 8, 9, 70])
@pytest.mark.parametrize("bias", [False, True])
def test_four_bit_product_equals_that_of_the_dequantized_weights(rows: int, bias: bool) -> None:
    torch.manual_seed(rows)
    linear = torch.nn.Linear(128, 96, bias=bias, dtype=torch.bfloat16)
    x = torch.randn(1, rows, 128, dtype=torch.bfloat16)
    whole, scales = cpu_linear.quantize_weight(linear.weight.detach())
    stands_for = dequantize_weight(whole, scales) if rows <= 8 else linear.weight.float()
    exactly = torch.nn.functional.linear(x.float(), stands_for, linear.bias.float() if bias else None)
    assert float((cpu_linear.Int4Linear(linear)(x) - exactly).abs().max()) <= 2**-7 * float(exactly.abs().max())
    assert float((stands_for - linear.weight.float()).abs().max()) <= float(scales[..., 0].max())


def test_four_bit_weights_are_stored_once_and_answer_like_the_originals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on a processor that would rather leave the weights as they are."""
    monkeypatch.setattr(cpu_linear, "can_pack", lambda model: True)
    exact_ones = loaded(max_new_tokens=40)
    first = four_bit_responder(tmp_path)
    weight_files = list((tmp_path / "weights").iterdir())
    assert len(weight_files) == 1 and weight_files[0].suffix == ".safetensors"
    when = weight_files[0].stat().st_mtime_ns
    again = four_bit_responder(tmp_path)
    assert weight_files[0].stat().st_mtime_ns == when
    weight_files[0].write_bytes(b"torn")
    torn = four_bit_responder(tmp_path)
    for number in range(4):
        messages = [Message("user", "Describe this picture.", (picture(number),))]
        answers = {"".join(responder.reply(messages)) for responder in (exact_ones, first, again, torn)}
        assert len(answers) == 1


def four_bit_responder(folder: Path) -> Any:
    half = {"model": str(TINY), "device": "cpu", "dtype": "bfloat16", "max_new_tokens": 40, "cpu_weight_format": "int4"}
    return backends.load_responder("qwen2-vl", LoadOptions(**half, cache=str(folder / "weights")))  # type: ignore[arg-type]


@pytest.mark.parametrize("multiplies", [False, True])
def test_weights_stay_as_they_are_where_the_processor_multiplies_no_bfloat16(
    multiplies: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if multiplies and not processor.supports_bfloat16():
        monkeypatch.setattr(cpu_linear, "sixteen_bit_linear", lambda linear: linear)  # it has no other
    monkeypatch.setattr(cpu_linear, "supports_bfloat16", lambda: multiplies)
    responder = four_bit_responder(tmp_path)
    kinds = {type(layer) for layer in responder.inspect().generator.model.model.language_model.modules()}
    assert ((cpu_linear.Int4Linear in kinds), (tmp_path / "weights").exists()) == (multiplies, multiplies)
    messages = [Message("user", "Describe this picture.", (picture(0),))]
    assert said(responder, messages) == said(loaded(max_new_tokens=40), messages)


@pytest.mark.parametrize(
    ("capability", "limit", "held"),
    [("AVX512", "", False), ("AVX512", "AVX512_CORE_AMX", False), ("AVX2", "", True), ("AVX512", "avx2", True)],
)
def test_a_processor_held_to_avx2_counts_as_one(
    capability: str, limit: str, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with AVX-512 and AMX in an environment that keeps libraries from them: torch itself still says yes."""
    for name in ("_is_avx512_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert (processor.supports_bfloat16(), processor.has_amx()) == (not held, not held)
    monkeypatch.setattr(torch.cpu, "_is_avx512_supported", lambda: False)
    assert processor.supports_bfloat16(), "AVX2 with conversions of its own is no imitation"


def broken(folder: Path, **changes: Any) -> Path:
    """The starter's checkpoint with another config."""
    shutil.copytree(TINY, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(NotAvailableError) as refusal:
        backends.load_responder("qwen2-vl", LoadOptions(model=str(folder), device="cpu"))
    return f"{refusal.value.message} {refusal.value.hint}"


def test_checkpoints_that_cannot_be_loaded_say_why(tmp_path: Path) -> None:
    assert "is a llama model" in refused(broken(tmp_path / "other", model_type="llama"))
    assert "another model" in refused(broken(tmp_path / "tokens", image_token_id=3))
    torn = broken(tmp_path / "torn")
    weights_file = torn / "model.safetensors"
    weights_file.write_bytes(weights_file.read_bytes()[:100_000])
    assert "cannot be loaded" in refused(torn)
    for method in ("gptq", "awq"):
        bits = {"quant_method": method, "bits": 4, "group_size": 32}
        assert "pip install optimum gptqmodel" in refused(broken(tmp_path / method, quantization_config=bits))


def test_qwen2_5_vl_answers_like_a_run_from_nothing(tmp_path: Path) -> None:
    """Random weights; its own tower."""
    folder = checkpoints.qwen2_5_vl(tmp_path)
    responder = backends.load_responder("qwen2-vl", LoadOptions(model=str(folder), device="cpu", max_new_tokens=5))
    messages = [Message("user", "What is it?", (picture(0),))]
    answer = "".join(responder.reply(messages))  # type: ignore[arg-type]
    more = [*messages, Message("assistant", answer), Message("user", "And here?", (picture(1),))]
    exact(responder, more, folder)  # type: ignore[arg-type]


@pytest.mark.parametrize("tokens", [1, 2, 8, 9, 40])
def test_attention_in_bfloat16_errs_as_little_as_the_fused_kernel(tokens: int) -> None:
    torch.manual_seed(tokens)
    query, key, value = (torch.randn(1, heads, rows, 16) for heads, rows in ((6, tokens), (2, 90), (2, 90)))
    key += 20 * torch.randn(16)  # as large as the model's own keys, with what they have in common
    mask = torch.ones(1, 1, tokens, 90, dtype=torch.bool).tril(90 - tokens)

    def seen(dtype: torch.dtype) -> torch.Tensor:
        half = (tensor.to(torch.bfloat16).to(dtype) for tensor in (query, key, value))
        return attention.grouped_attention(None, *half, mask if tokens > 1 else None, scaling=0.25)[0].double()

    halves = [tensor.to(torch.bfloat16) for tensor in (query, key, value)]
    options = {"attn_mask": mask if tokens > 1 else None, "scale": 0.25, "enable_gqa": True}
    fused = torch.nn.functional.scaled_dot_product_attention(*halves, **options).transpose(1, 2).double()
    exactly = seen(torch.float64)
    assert float((seen(torch.bfloat16) - exactly).abs().max()) <= 1.5 * float((fused - exactly).abs().max()) + 1e-6


def test_each_device_of_a_map_has_its_limit() -> None:
    """On this machine the one device is the processor; what does not fit goes to disk, or is refused."""
    spread = LoadOptions(model=str(TINY), device_map="auto", max_memory="cpu=2GiB", dtype="float32")
    responder: Any = backends.load_responder("qwen2-vl", spread)
    exact(responder, [Message("user", "What is it?", (picture(0),))])
    for wrong in ("cpu", "cpu=", "=1GiB", "0:1GiB"):
        with pytest.raises(NotAvailableError, match="0=6GiB"):
            backends.load_responder("qwen2-vl", replace(spread, max_memory=wrong))


def test_guesses_change_no_answer_and_save_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation that repeats itself, with guesses that are right and guesses that are wrong."""

    def talk(most: int) -> tuple[list[str], list[int]]:
        monkeypatch.setattr(generation, "_GUESSED_TOKENS", most)
        responder, fed = loaded(max_new_tokens=40), []
        generator = responder.inspect().generator
        step = generator.forward_tokens
        monkeypatch.setattr(generator, "forward_tokens", lambda to, ids, at: fed.append(len(ids)) or step(to, ids, at))
        messages: list[Message] = []
        for number in (0, 1, 0, 0, 1):
            messages.append(Message("user", "Describe this picture.", (picture(number),)))
            messages.append(Message("assistant", said(responder, messages)))
            exact(responder, [*messages, Message("user", "And now?")])
        return [message.text for message in messages[1::2]], fed

    before, plain = talk(0)
    assert set(plain) == {1}
    for most in (3, 7):
        same, fed = talk(most)
        assert same == before and len(fed) < 0.7 * len(plain) and max(fed) == 1 + most


def test_guessing_pauses_after_a_wrong_guess() -> None:
    lookup = PromptLookup(3)
    tokens = [1, 2, 3, 4, 5, 6, 1, 2, 3]
    assert lookup.guess_tokens(tokens) == [4, 5, 6]
    lookup.record_result(3, 1)
    assert lookup.guess_tokens(tokens) == []
    assert [lookup.guess_tokens(tokens) for _ in range(16)][-1] == [4, 5, 6]
    assert PromptLookup(3).guess_tokens([1, 2, 3, -7, -7, 1, 2, 3]) == []


def test_model_too_large_for_the_card_runs_on_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_budget, "free_memory", lambda device: 6_000_000_000)
    (tmp_path / "a.safetensors").touch()
    os.truncate(tmp_path / "a.safetensors", 4_400_000_000)  # of nothing: it takes no room on the disk
    assert memory_budget.memory_warning(tmp_path, 0) is None
    assert memory_budget.memory_warning(tmp_path, 6) is None
    assert "has 5.0 GB to give" in memory_budget.memory_warning(
        tmp_path, 5
    ) and "processor" in memory_budget.memory_warning(tmp_path, 5)
    monkeypatch.setattr(memory_budget, "free_memory", lambda device: 4_000_000_000)
    assert "wants 5.5" in memory_budget.memory_warning(tmp_path, 0)


def test_pictures_are_no_larger_than_free_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    large = Picture(2000, 1500, bytes(2000 * 1500 * 3))

    def tokens(free: int, **options: int) -> int:
        monkeypatch.setattr(memory_budget, "free_memory", lambda device: free)
        inner, reader = copy.deepcopy(stock_model()), random_weights.make_processor(5_000_000)
        return Qwen2VLResponder(inner, reader, "x", LoadOptions(**options)).estimate_cost(large).tokens

    assert 1200 < tokens(10**10) <= 1280
    assert 200 < tokens(50_000_000) < 400
    assert tokens(1) > 50, "however little there is, a small view is tried"
    assert tokens(1, max_pixels=2000 * 1500) > 3000, "the user's own limit counts"


def test_a_step_of_fixed_shapes_is_the_plain_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is captured for a GPU, run without a capture: two conversations, buffers that grow, steps by turns."""
    responder, plainly, captures = loaded(max_new_tokens=30), loaded(max_new_tokens=30), []
    generator = responder.inspect().generator
    generator.replay = replay = CudaGraphStep(generator.model, lambda run: captures.append(1) or run)
    generator.guessed_tokens = 0
    monkeypatch.setattr(generator, "forward_tokens", lambda *arguments: pytest.fail("a plain step"))
    messages: list[Message] = []
    for number in range(9):
        messages.append(Message("user", "Describe this picture.", (picture(number % 3),)))
        answer = said(responder, messages)
        assert answer == said(plainly, messages)
        messages.append(Message("assistant", answer))
        exact(responder, [*messages, Message("user", "And now?")])
        other = [Message("user", f"Where is it? {number}", (picture(4),))]
        assert said(responder, other) == said(plainly, other)
    assert not replay.is_broken and len(captures) >= 9, "each other conversation has buffers of its own"


def test_a_capture_that_fails_or_errs_is_not_used() -> None:
    def refuses(run: LogitsFunction) -> LogitsFunction:
        raise RuntimeError("operation not permitted when stream is capturing")

    for capture in (refuses, lambda run: lambda: run() * 1.5):
        responder = loaded(max_new_tokens=12)
        generator = responder.inspect().generator
        generator.replay = replay = CudaGraphStep(generator.model, capture)
        messages = [Message("user", "Describe this picture.", (picture(0),))]
        assert said(responder, messages) == said(model(), messages)
        assert replay.is_broken
