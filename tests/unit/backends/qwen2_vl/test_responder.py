"""One conversation, one cache: whatever was said, shown, interrupted or taken back, it equals a run from nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from assistant.backends.qwen2_vl import Qwen2VLResponder, vision_tower
from assistant.backends.qwen2_vl.prompt import EncodedPrompt
from assistant.errors import AssistantError, InvalidInputError
from assistant.messages import Message
from assistant.pictures import Picture
from assistant.starter.scene import draw_scene, random_scene
from tests.support.qwen2_vl_models import close, exact, fed, loaded, model, picture, stock_logits


@pytest.fixture(autouse=True)
def fresh() -> None:
    model().release_buffers()


words = st.text("ab cd?é红\n", max_size=12)
moves = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), words, st.lists(st.integers(0, 7), max_size=2), st.integers(0, 12)),
        st.tuples(st.just("rewind"), st.integers(0, 6)),
        st.tuples(st.just("switch")),
        st.tuples(st.just("forget"), st.integers(0, 7)),
        st.tuples(st.just("prepare"), st.integers(0, 7), st.integers(0, 9)),
        st.tuples(st.just("overlap"), st.integers(0, 7), st.integers(0, 9)),
    ),
    max_size=9,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves)
def test_every_mix_of_turns_equals_a_run_from_nothing(story: list[tuple[Any, ...]]) -> None:
    """Turns, pictures, videos, interruptions after any token, rewinds, two conversations, pictures let go."""
    responder = model()
    here: list[Message] = []
    there: list[Message] = []
    for move, *rest in story:
        if move == "ask":
            text, shown, heard = rest
            messages = [*here, Message("user", text, tuple(picture(number) for number in shown))]
            reply = responder.generate_words(messages)
            answer = "".join(word.text for word, _ in zip(reply, range(heard), strict=False))
            reply.close()
            here = [*messages, Message("assistant", answer[: max(0, len(answer) - heard % 3)])]
        elif move == "rewind":
            here = here[: 2 * rest[0]]
        elif move == "switch":
            here, there = there, here
        elif move == "forget":
            gone = picture(rest[0]).digest
            here = [Message(m.role, m.text, tuple(p for p in m.pictures if p.digest != gone)) for m in here]
            responder.forget_picture(gone)
        else:  # a picture is dropped, in "overlap" in the middle of an answer
            number, steps = rest
            question = Message("user", "Describe it.")
            reply = responder.generate_words([*here, question]) if move == "overlap" else iter(())
            begun = [word.text for word, _ in zip(reply, range(3), strict=False)]
            work = responder.prepare([*here, Message("user", "", (picture(number),))])
            for _ in zip(range(steps), work, strict=False):
                pass
            begun += [word.text for word in reply]
            work.close()
            if begun:
                here = [*here, Message("user", "Describe it."), Message("assistant", "".join(begun))]
    exact(responder, [*here, Message("user", "What colour is it?", (picture(0),))])
    exact(responder, [*there, Message("user", "Where?")])


def test_every_decoded_token_equals_a_run_from_nothing() -> None:
    responder, messages = model(), [Message("user", "Describe this picture.", (picture(1),))]
    prompt = responder.inspect().prompt_builder.build_prompt(messages)
    logits = fed(responder, prompt)
    generator, context = responder.inspect().generator, responder.inspect().conversations[-1]
    place = generator.next_position(prompt)
    ids: list[int] = []
    for step in range(8):
        ids.append(int(logits.argmax()))
        logits = generator.forward_tokens(context, [ids[-1]], place + step)[-1]
        grown = EncodedPrompt(prompt.ids + tuple(ids), prompt.pictures)
        close(logits, stock_logits(responder, grown)[-1])


def test_a_turn_feeds_only_its_new_tokens() -> None:
    responder = model()
    first = [Message("user", "What colour is the circle?", (picture(2),))]
    answer = "".join(responder.reply(first))
    second = [*first, Message("assistant", answer), Message("user", "Where is it?")]
    parts = responder.inspect()
    prompt = parts.prompt_builder.build_prompt(second)
    new = len(prompt) - parts.conversations[-1].shared_length(prompt)
    question = "<|im_end|>\n<|im_start|>user\nWhere is it?<|im_end|>\n<|im_start|>assistant\n"
    assert new <= len(parts.prompt_builder.tokenizer.encode(question))


def test_a_prepared_picture_leaves_only_the_question_to_feed() -> None:
    responder = model()
    for _ in responder.prepare([Message("user", "", (picture(3),))]):
        pass
    prompt = responder.inspect().prompt_builder.build_prompt([Message("user", "Where is it?", (picture(3),))])
    start, view = prompt.pictures[0]
    assert responder.inspect().conversations[-1].shared_length(prompt) >= start + view.tokens
    steps = responder.reply([Message("user", "Where is it?", (picture(3),))])
    assert next(steps) == "" and next(steps), "one slice, then words"


def test_the_same_picture_is_encoded_once_in_all_conversations(monkeypatch: pytest.MonkeyPatch) -> None:
    responder, calls = model(), []
    encoded = vision_tower.encode_stepwise
    monkeypatch.setattr(vision_tower, "encode_stepwise", lambda *a: calls.append(1) or encoded(*a))
    half = responder.prepare([Message("user", "", (picture(4),))])
    next(half)
    next(half)
    half.close()
    "".join(responder.reply([Message("user", "What is it?", (picture(4),))]))
    "".join(responder.reply([Message("system", "Other."), Message("user", "Where?", (picture(4), picture(4)))]))
    assert len(calls) == 1
    responder.forget_picture(picture(4).digest)
    "".join(responder.reply([Message("user", "What is it?", (picture(4),))]))
    assert len(calls) == 2


def test_forgotten_picture_takes_no_memory() -> None:
    responder = model()
    with_it = [Message("user", "What is it?", (picture(2),)), Message("assistant", "A star."), Message("user", "Why?")]
    "".join(responder.reply(with_it))
    long = len(responder.inspect().conversations[-1].cache_keys)
    without = [Message("user", "What is it?"), *with_it[1:]]
    for _ in responder.prepare([*without, Message("user", "")]):
        pass
    assert len(responder.inspect().conversations[-1].cache_keys) < long - 4


def test_prompt_equals_that_of_the_models_processor() -> None:
    from qwen_vl_utils import process_vision_info

    responder = model()
    processor = responder.inspect().prompt_builder.processor
    limits = dict(zip(("min_pixels", "max_pixels"), responder.inspect().prompt_builder.pixel_limits, strict=True))
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
                *({"type": "image", "image": p.first_image, **limits} for p in m.pictures),
                {"type": "text", "text": m.text},
            ],
        }
        for m in messages
    ]
    text = processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    images, _ = process_vision_info(chat)
    stock = processor(text=[text], images=images, return_tensors="pt")
    prompt = responder.inspect().prompt_builder.build_prompt(messages)
    assert list(prompt.ids) == stock["input_ids"][0].tolist()
    assert [list(view.grid) for _, view in prompt.pictures] == stock["image_grid_thw"].tolist()


def test_a_long_chat_loses_its_oldest_turns_but_neither_system_prompt_nor_last_pictures() -> None:
    responder = loaded(max_new_tokens=1500)
    chat = [Message("system", "Be brief."), Message("user", "Look.", (picture(0),)), Message("assistant", "I see.")]
    for _ in range(40):
        chat += [Message("user", "And what else is there in it?"), Message("assistant", "Nothing else that I can see.")]
    chat.append(Message("user", "What colour?"))
    fitted, left = responder.inspect().prompt_builder.fit_messages(chat, responder.inspect().max_prompt_tokens)
    assert left and fitted[0] == chat[0] and fitted[-1] == chat[-1]
    assert [p for m in fitted for p in m.pictures] == [picture(0)]
    assert len(responder.inspect().prompt_builder.build_prompt(fitted)) <= responder.inspect().max_prompt_tokens
    "".join(responder.reply(chat))
    assert "left out" in responder.reply_warning


def test_a_question_longer_than_the_context_is_refused_with_the_next_step() -> None:
    with pytest.raises(InvalidInputError, match="too long"):
        "".join(loaded(max_new_tokens=2000).reply([Message("user", "what is it " * 200)]))


def test_unprepared_picture_is_answered_from_a_preview_and_reported() -> None:
    responder = loaded(max_new_tokens=12, max_pixels=600 * 600, answer_from_preview=True)
    large = Picture.from_image(draw_scene(random_scene(random.Random(9), (600, 600), 1)))
    work = responder.prepare([Message("user", "", (large,))])
    next(work)
    next(work)
    messages = [Message("user", "What colour is it?", (large,))]
    assert "".join(responder.reply(messages)) and "small view" in responder.reply_warning
    for _ in work:
        pass
    assert "".join(responder.reply(messages)) and not responder.reply_warning


def test_a_hundred_pictures_are_answered_or_refused_in_a_sentence() -> None:
    responder = loaded(max_new_tokens=2)
    many = tuple(picture(number % 6) for number in range(100))
    with pytest.raises(InvalidInputError, match="too long"):
        "".join(responder.reply([Message("user", "What is it?", many)]))
    for size in ((1, 10_000), (10_000, 1), (3840, 28), (60, 20_000)):
        thin = Picture.from_image(Image.new("RGB", size), "thin.png")
        assert responder.estimate_cost(thin).tokens
        assert "".join(responder.reply([Message("user", "What is it?", (thin,))]))


def test_cost_of_a_picture_is_estimated_before_it_is_sent() -> None:
    responder = loaded(max_pixels=600 * 600)
    small, large = (responder.estimate_cost(Picture.from_image(Image.new("RGB", (side, side)))) for side in (112, 560))
    view = responder.inspect().prompt_builder.size_picture(Picture.from_image(Image.new("RGB", (560, 560))))
    assert (large.width, large.height, large.tokens) == (560, 560, view.tokens) == (560, 560, 400)
    conversation = responder.inspect().generator.new_conversation()
    steps = responder.inspect().generator.prefill_prompt(conversation, EncodedPrompt(tuple(range(100))), {})
    assert not any(steps)
    layers: Any = conversation.cache.layers
    per_token = sum(tensor[..., :100, :].nbytes for layer in layers for tensor in (layer.keys, layer.values)) / 100
    assert large.megabytes == pytest.approx(per_token * 400 / 1e6, abs=0.01)
    assert large.seconds > small.seconds > 0


@pytest.mark.parametrize("error", [torch.OutOfMemoryError(), RuntimeError("can't allocate memory")])
def test_picture_is_reduced_when_memory_is_short(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    responder = loaded(max_new_tokens=12, max_pixels=600 * 600)
    large = Picture.from_image(draw_scene(random_scene(random.Random(9), (600, 600), 1)))
    encoded = vision_tower.encode_stepwise

    def poor(*arguments: Any) -> Any:
        if arguments[2][1] > 16:
            raise error
        return encoded(*arguments)

    monkeypatch.setattr(vision_tower, "encode_stepwise", poor)
    assert "".join(map(str, responder.reply([Message("user", "What colour is it?", (large,))])))
    assert "Memory is short" in responder.reply_warning
    monkeypatch.setattr(vision_tower, "encode_stepwise", lambda *arguments: poor(0, 0, (1, 99, 99)))
    with pytest.raises(AssistantError, match="not enough memory"):
        "".join(map(str, responder.reply([Message("user", "What?", (picture(1),))])))


def test_answer_after_a_long_video_has_the_positions_of_a_run_from_nothing() -> None:
    """Its time axis is longer than what follows it."""
    responder = loaded(max_new_tokens=12)
    film = Picture(28, 28, b"\x80" * (28 * 28 * 3 * 60), frame_count=60)
    chat = [Message("user", "What?", (film,))]
    answer = "".join(word.text for word in responder.generate_words(chat))
    chat += [Message("assistant", answer), Message("user", "Why?")]
    prompt = responder.inspect().prompt_builder.build_prompt(chat)
    conversation = responder.inspect().conversations[-1]
    assert conversation.shared_length(prompt) == len(conversation.cache_keys), "the answer is kept"
    close(fed(responder, prompt), stock_logits(responder, prompt)[-1])


@pytest.mark.parametrize("steps", [3, 20, 27, 29])  # encoding the first, the second; feeding; decoding
@pytest.mark.parametrize("how", [lambda model: model.forget_picture(picture(1).digest), lambda model: model.close()])
def test_picture_removed_during_a_turn_does_not_end_the_turn(
    steps: int, how: Callable[[Qwen2VLResponder], None]
) -> None:
    """Nor do other settings, which close the model of this turn."""
    messages = [Message("user", "What is it?", (picture(1), picture(2)))]
    undisturbed = "".join(map(str, loaded(max_new_tokens=12).reply(messages)))
    responder = loaded(max_new_tokens=12)
    reply = responder.reply(messages)
    begun = [str(next(reply)) for _ in range(steps)]
    how(responder)
    assert "".join([*begun, *map(str, reply)]) == undisturbed != ""


@pytest.mark.parametrize("size", [(3000, 60), (60, 3000), (2000, 11)])
def test_long_banner_is_answered(size: tuple[int, int]) -> None:
    responder = loaded(max_new_tokens=12)
    banner = Picture.from_image(Image.new("RGB", size))
    assert "".join(map(str, responder.reply([Message("user", "What is it?", (banner,))])))


def test_a_chat_at_its_limit_does_not_begin_anew_each_turn() -> None:
    responder = loaded(max_new_tokens=1500)
    chat: list[Message] = []
    fed_anew = 0
    for number in range(40):
        chat.append(Message("user", f"And what else is there in it, number {number}?"))
        parts = responder.inspect()
        fitted, _ = parts.prompt_builder.fit_messages(chat, parts.max_prompt_tokens)
        prompt = parts.prompt_builder.build_prompt(fitted)
        shared = parts.conversations[-1].shared_length(prompt) if parts.conversations else 0
        fed_anew += shared < len(prompt) // 2
        fed(responder, prompt)
        chat.append(Message("assistant", "Nothing else that I can see."))
    assert 1 < fed_anew <= 40 // 4
