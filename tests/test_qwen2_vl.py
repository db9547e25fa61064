"""One conversation, one cache: whatever was said, shown, interrupted or taken back, it equals a run from nothing."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2VLForConditionalGeneration

from assistant import backends
from assistant.backends.qwen2_vl import Qwen2VL, attention, tower, weights
from assistant.backends.qwen2_vl.chat import Prompt
from assistant.errors import BadInput, Missing
from assistant.pictures import Picture
from assistant.roles import Message, Options
from assistant.starter.shapes import draw, random_scene
from tests import checkpoints

TINY = Path(__file__).parents[1] / "resources" / "starter" / "tiny"


def loaded(**options: Any) -> Qwen2VL:
    return backends.load_responder("qwen2-vl", Options(model=str(TINY), device="cpu", dtype="float32", **options))  # type: ignore[return-value]


@cache
def model() -> Qwen2VL:
    return loaded(max_new_tokens=12)


@cache
def picture(number: int) -> Picture:
    """Of several sizes and shapes."""
    rng = random.Random(number)
    return Picture.of(draw(random_scene(rng, (rng.choice((56, 112, 150, 260)), rng.choice((56, 112, 200))), 1)))


@pytest.fixture(autouse=True)
def fresh() -> None:
    model().release()


@cache
def stock_model(folder: Path = TINY) -> Any:
    """As the library loads it, untouched by Hark."""
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    named = {"qwen2_vl": Qwen2VLForConditionalGeneration, "qwen2_5_vl": Qwen2_5_VLForConditionalGeneration}
    return named[kind].from_pretrained(folder, dtype=torch.float32).eval()


def stock_logits(one: Qwen2VL, prompt: Prompt, folder: Path = TINY) -> torch.Tensor:
    """All logits of a prompt, by transformers' own forward, from nothing."""
    inner = stock_model(folder)
    pixels, grids = [], []
    for _, view in prompt.views:
        image = view.picture.image.resize((view.grid[2] * 14, view.grid[1] * 14))
        done = one._sight._images(images=[image], do_resize=False, return_tensors="pt")
        pixels.append(done["pixel_values"])
        grids.append(done["image_grid_thw"])
    kinds = torch.tensor([[int(mark < 0) for mark in prompt.marks]], dtype=torch.int32)
    seen = {"pixel_values": torch.cat(pixels), "image_grid_thw": torch.cat(grids)} if pixels else {}
    inner.model.rope_deltas = None
    with torch.inference_mode():
        return inner(input_ids=torch.tensor([prompt.ids]), mm_token_type_ids=kinds, **seen).logits[0].float()


def fed(one: Qwen2VL, prompt: Prompt) -> torch.Tensor:
    """The last logits, through the cache."""
    for _ in one._see(prompt):
        pass
    with one._context_for(prompt) as context:
        steps = one._language.feed(context, prompt, one._sight.seen)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Within 1e-5 of the largest: float32 itself is no finer than a tenth of that."""
    assert float((ours - theirs).abs().max()) <= 1e-5 * max(1.0, float(theirs.abs().max()))


def exact(one: Qwen2VL, messages: Sequence[Message], folder: Path = TINY) -> None:
    prompt = one._chat.prompt(messages)
    close(fed(one, prompt), stock_logits(one, prompt, folder)[-1])


words = st.text("ab cd?é红\n", max_size=12)
moves = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), words, st.lists(st.integers(0, 5), max_size=2), st.integers(0, 12)),
        st.tuples(st.just("rewind"), st.integers(0, 6)),
        st.tuples(st.just("switch")),
        st.tuples(st.just("forget"), st.integers(0, 5)),
        st.tuples(st.just("prepare"), st.integers(0, 5), st.integers(0, 9)),
        st.tuples(st.just("overlap"), st.integers(0, 5), st.integers(0, 9)),
    ),
    max_size=9,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves)
def test_every_mix_of_turns_equals_a_run_from_nothing(story: list[tuple[Any, ...]]) -> None:
    """Turns, pictures, interruptions after any token, rewinds, two conversations side by side, pictures let go."""
    one = model()
    here: list[Message] = []
    there: list[Message] = []
    for move, *what in story:
        if move == "ask":
            text, shown, heard = what
            asked = [*here, Message("user", text, tuple(picture(number) for number in shown))]
            reply = one.words(asked)
            answer = "".join(word.text for word, _ in zip(reply, range(heard), strict=False))
            reply.close()
            here = [*asked, Message("assistant", answer[: max(0, len(answer) - heard % 3)])]
        elif move == "rewind":
            here = here[: 2 * what[0]]
        elif move == "switch":
            here, there = there, here
        elif move == "forget":
            gone = picture(what[0]).digest
            here = [Message(m.role, m.text, tuple(p for p in m.pictures if p.digest != gone)) for m in here]
            one.forget(gone)
        else:  # a picture is dropped, in "overlap" in the middle of an answer
            number, steps = what
            reply = one.words([*here, Message("user", "Describe it.")]) if move == "overlap" else iter(())
            begun = [word.text for word, _ in zip(reply, range(3), strict=False)]
            work = one.prepare([*here, Message("user", "", (picture(number),))])
            for _ in zip(range(steps), work, strict=False):
                pass
            begun += [word.text for word in reply]
            work.close()
            if begun:
                here = [*here, Message("user", "Describe it."), Message("assistant", "".join(begun))]
    exact(one, [*here, Message("user", "What colour is it?", (picture(0),))])
    exact(one, [*there, Message("user", "Where?")])


def test_every_decoded_token_equals_a_run_from_nothing() -> None:
    one, asked = model(), [Message("user", "Describe this picture.", (picture(1),))]
    prompt = one._chat.prompt(asked)
    logits = fed(one, prompt)
    context, place = one._contexts[-1], int(one._language.places(prompt).max()) + 1
    ids: list[int] = []
    for step in range(8):
        ids.append(int(logits.argmax()))
        logits = one._language.step(context, [ids[-1]], place + step)[-1]
        grown = Prompt(prompt.ids + tuple(ids), prompt.views)
        close(logits, stock_logits(one, grown)[-1])


def test_a_turn_feeds_only_its_new_tokens() -> None:
    one = model()
    first = [Message("user", "What colour is the circle?", (picture(2),))]
    answer = "".join(one.reply(first))
    second = [*first, Message("assistant", answer), Message("user", "Where is it?")]
    before = one._contexts[-1].shared(one._chat.prompt(second))
    new = len(one._chat.prompt(second)) - before
    assert new <= len(
        one._chat._tokenizer.encode("<|im_end|>\n<|im_start|>user\nWhere is it?<|im_end|>\n<|im_start|>assistant\n")
    )


def test_a_prepared_picture_leaves_only_the_question_to_feed() -> None:
    one = model()
    for _ in one.prepare([Message("user", "", (picture(3),))]):
        pass
    prompt = one._chat.prompt([Message("user", "Where is it?", (picture(3),))])
    assert one._contexts[-1].shared(prompt) >= prompt.views[0][0] + prompt.views[0][1].tokens
    steps = one.reply([Message("user", "Where is it?", (picture(3),))])
    assert next(steps) == "" and next(steps), "one slice, then words"


def test_the_same_picture_is_encoded_once_in_all_conversations(monkeypatch: pytest.MonkeyPatch) -> None:
    one, calls = model(), []
    encoded = tower.encoded
    monkeypatch.setattr(tower, "encoded", lambda *a: calls.append(1) or encoded(*a))
    half = one.prepare([Message("user", "", (picture(4),))])
    next(half)
    next(half)
    half.close()
    "".join(one.reply([Message("user", "What is it?", (picture(4),))]))
    "".join(one.reply([Message("system", "Other."), Message("user", "Where?", (picture(4), picture(4)))]))
    assert len(calls) == 1
    one.forget(picture(4).digest)
    "".join(one.reply([Message("user", "What is it?", (picture(4),))]))
    assert len(calls) == 2


def test_a_picture_that_is_let_go_costs_nothing_more() -> None:
    one = model()
    with_it = [Message("user", "What is it?", (picture(2),)), Message("assistant", "A star."), Message("user", "Why?")]
    "".join(one.reply(with_it))
    long = len(one._contexts[-1].marks)
    without = [Message("user", "What is it?"), *with_it[1:]]
    for _ in one.prepare([*without, Message("user", "")]):
        pass
    assert len(one._contexts[-1].marks) < long - 4


def through_the_tower(inner: Any, patches: torch.Tensor, grid: tuple[int, int, int]) -> torch.Tensor:
    steps = tower.encoded(inner, patches, grid)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


GRIDS = [(1, 4, 6), (1, 48, 48), (3, 4, 8)]


def patches_of(grid: tuple[int, int, int]) -> torch.Tensor:
    return torch.randn(grid[0] * grid[1] * grid[2], 3 * 2 * 14 * 14, generator=torch.Generator().manual_seed(grid[2]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("grid", GRIDS)
def test_the_tower_errs_as_little_as_stock(grid: tuple[int, int, int], dtype: torch.dtype) -> None:
    """Against float64. In bfloat16 our attention rounds its scores: up to two fifths more noise on these weights."""
    patches = patches_of(grid)
    stock = copy.deepcopy(model()._language._model.model.visual)
    exactly = tower.at_once(stock.double(), patches.double(), grid)
    stock = copy.deepcopy(model()._language._model.model.visual).to(dtype)
    ours, theirs = (
        float((one - exactly).square().mean().sqrt())
        for one in (through_the_tower(stock, patches, grid), tower.at_once(stock, patches, grid))
    )
    assert ours <= 1.5 * theirs


def test_prompts_are_the_processors() -> None:
    from qwen_vl_utils import process_vision_info

    one = model()
    processor = one._chat._processor
    limits = dict(zip(("min_pixels", "max_pixels"), one._chat._pixels, strict=True))
    messages = [
        Message("system", "Be brief."),
        Message("user", "What colour is it?", (picture(0), picture(1))),
        Message("assistant", "The circle is red."),
        Message("user", "Where is it?", (picture(2),)),
    ]
    chat = [
        {
            "role": m.role,
            "content": [
                *({"type": "image", "image": p.image, **limits} for p in m.pictures),
                {"type": "text", "text": m.text},
            ],
        }
        for m in messages
    ]
    text = processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    images, _ = process_vision_info(chat)
    stock = processor(text=[text], images=images, return_tensors="pt")
    prompt = one._chat.prompt(messages)
    assert list(prompt.ids) == stock["input_ids"][0].tolist()
    assert [list(view.grid) for _, view in prompt.views] == stock["image_grid_thw"].tolist()


def test_a_long_chat_loses_its_oldest_turns_but_neither_system_prompt_nor_last_pictures() -> None:
    one = loaded(max_new_tokens=1500)
    chat = [Message("system", "Be brief."), Message("user", "Look.", (picture(0),)), Message("assistant", "I see.")]
    for _ in range(40):
        chat += [Message("user", "And what else is there in it?"), Message("assistant", "Nothing else that I can see.")]
    chat.append(Message("user", "What colour?"))
    fitted, left = one._chat.fitted(chat, one._room)
    assert left and fitted[0] == chat[0] and fitted[-1] == chat[-1]
    assert [p for m in fitted for p in m.pictures] == [picture(0)]
    assert len(one._chat.prompt(fitted)) <= one._room
    "".join(one.reply(chat))
    assert "left out" in one.remark


def test_a_question_longer_than_the_context_is_refused_with_the_next_step() -> None:
    with pytest.raises(BadInput, match="too long"):
        "".join(loaded(max_new_tokens=2000).reply([Message("user", "what is it " * 200)]))


def test_a_picture_that_is_not_ready_is_answered_from_a_glance_and_said_so() -> None:
    one = loaded(max_new_tokens=12, max_pixels=600 * 600, glance=True)
    large = Picture.of(draw(random_scene(random.Random(9), (600, 600), 1)))
    work = one.prepare([Message("user", "", (large,))])
    next(work)
    next(work)
    asked = [Message("user", "What colour is it?", (large,))]
    assert "".join(one.reply(asked)) and "small view" in one.remark
    for _ in work:
        pass
    assert "".join(one.reply(asked)) and not one.remark


@pytest.mark.parametrize("rows", [1, 3, 8, 9, 70])
@pytest.mark.parametrize("bias", [False, True])
def test_four_bits_are_their_own_dequantised_weights(rows: int, bias: bool) -> None:
    torch.manual_seed(rows)
    linear = torch.nn.Linear(128, 96, bias=bias, dtype=torch.bfloat16)
    x = torch.randn(1, rows, 128, dtype=torch.bfloat16)
    whole, scales = weights.quantised(linear.weight.detach())
    stands_for = weights.dequantised(whole, scales) if rows <= 8 else linear.weight.float()
    exactly = torch.nn.functional.linear(x.float(), stands_for, linear.bias.float() if bias else None)
    assert float((weights.FourBit(linear)(x) - exactly).abs().max()) <= 2**-7 * float(exactly.abs().max())
    assert float((stands_for - linear.weight.float()).abs().max()) <= float(scales[..., 0].max())


def test_four_bits_are_made_once_and_answer_as_the_whole_ones(tmp_path: Path) -> None:
    exact_ones = loaded(max_new_tokens=40)
    cache = str(tmp_path / "weights")
    half = {"model": str(TINY), "device": "cpu", "dtype": "bfloat16", "max_new_tokens": 40, "cache": cache}
    first = backends.load_responder("qwen2-vl", Options(**half, weights="int4"))  # type: ignore[arg-type]
    kept = list((tmp_path / "weights").iterdir())
    assert len(kept) == 1 and kept[0].suffix == ".safetensors"
    when = kept[0].stat().st_mtime_ns
    again = backends.load_responder("qwen2-vl", Options(**half, weights="int4"))  # type: ignore[arg-type]
    assert kept[0].stat().st_mtime_ns == when
    kept[0].write_bytes(b"torn")
    torn = backends.load_responder("qwen2-vl", Options(**half, weights="int4"))  # type: ignore[arg-type]
    for number in range(4):
        asked = [Message("user", "Describe this picture.", (picture(number),))]
        answers = {"".join(one.reply(asked)) for one in (exact_ones, first, again, torn)}
        assert len(answers) == 1


def broken(folder: Path, **changes: Any) -> Path:
    """The starter's checkpoint with another config."""
    shutil.copytree(TINY, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(Missing) as told:
        backends.load_responder("qwen2-vl", Options(model=str(folder), device="cpu"))
    return f"{told.value.message} {told.value.hint}"


def test_checkpoints_that_cannot_be_loaded_say_why(tmp_path: Path) -> None:
    assert "is a llama model" in refused(broken(tmp_path / "other", model_type="llama"))
    assert "another model" in refused(broken(tmp_path / "tokens", image_token_id=3))
    torn = broken(tmp_path / "torn")
    weights_file = torn / "model.safetensors"
    weights_file.write_bytes(weights_file.read_bytes()[:100_000])
    assert "cannot be loaded" in refused(torn)
    for method, install in (("gptq", "gptqmodel"), ("awq", "gptqmodel"), ("bitsandbytes", "bitsandbytes")):
        bits = {"quant_method": method, "bits": 4, "group_size": 32, "load_in_4bit": True}
        told = refused(broken(tmp_path / method, quantization_config=bits))
        assert install in told and "GPU" in told, told


def test_a_hundred_pictures_are_answered_or_refused_in_a_sentence() -> None:
    one = loaded(max_new_tokens=2)
    many = tuple(picture(number % 6) for number in range(100))
    with pytest.raises(BadInput, match="too long"):
        "".join(one.reply([Message("user", "What is it?", many)]))
    thin = Picture(1, 10_000, b"\0" * 30_000, "thin.png")
    with pytest.raises(BadInput, match="too long and thin"):
        "".join(one.reply([Message("user", "What is it?", (thin,))]))


def test_qwen2_5_vl_goes_the_same_way(tmp_path: Path) -> None:
    """Random weights; its own tower."""
    folder = checkpoints.qwen2_5_vl(tmp_path)
    one = backends.load_responder("qwen2-vl", Options(model=str(folder), device="cpu", max_new_tokens=5))
    asked = [Message("user", "What is it?", (picture(0),))]
    answer = "".join(one.reply(asked))  # type: ignore[arg-type]
    more = [*asked, Message("assistant", answer), Message("user", "And here?", (picture(1),))]
    exact(one, more, folder)  # type: ignore[arg-type]


@pytest.mark.parametrize("tokens", [1, 2, 8, 9, 40])
def test_attention_in_bfloat16_errs_as_little_as_the_fused_kernel(tokens: int) -> None:
    torch.manual_seed(tokens)
    query, key, value = (torch.randn(1, heads, rows, 16) for heads, rows in ((6, tokens), (2, 90), (2, 90)))
    key += 20 * torch.randn(16)  # as large as the model's own keys, with what they have in common
    mask = torch.ones(1, 1, tokens, 90, dtype=torch.bool).tril(90 - tokens)

    def seen(dtype: torch.dtype) -> torch.Tensor:
        half = (one.to(torch.bfloat16).to(dtype) for one in (query, key, value))
        return attention._grouped(None, *half, mask if tokens > 1 else None, scaling=0.25)[0].double()

    halves = [one.to(torch.bfloat16) for one in (query, key, value)]
    options = {"attn_mask": mask if tokens > 1 else None, "scale": 0.25, "enable_gqa": True}
    fused = torch.nn.functional.scaled_dot_product_attention(*halves, **options).transpose(1, 2).double()
    exactly = seen(torch.float64)
    assert float((seen(torch.bfloat16) - exactly).abs().max()) <= 1.5 * float((fused - exactly).abs().max()) + 1e-6
