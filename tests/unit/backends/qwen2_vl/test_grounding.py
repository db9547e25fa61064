"""Places in pictures: asked about as pixels and coordinates, answered as events, never read aloud."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from assistant import backends
from assistant.backends.qwen2_vl import Qwen2VLResponder
from assistant.backends.qwen2_vl.generation import TextGenerator
from assistant.conversation import turn
from assistant.conversation.session import Session
from assistant.conversation.turn_runner import TurnRequest, run_request
from assistant.events import RegionPointed, Said, Wrote
from assistant.interfaces import Backends, LoadOptions, Responder
from assistant.messages import Message, PictureRegion
from assistant.models.manager import ModelManager
from assistant.paths import AppPaths
from assistant.pictures import Picture
from assistant.settings import Settings
from assistant.starter.scene import draw_scene, random_scene
from tests.conftest import Ran
from tests.support.qwen2_vl_models import exact, loaded, model, picture


def scripted(responder: Qwen2VLResponder, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the model write this text, whatever it is asked."""
    parts = responder.inspect()
    ids = iter([*parts.prompt_builder.tokenizer.encode(text, add_special_tokens=False), min(parts.end_ids)])
    parts.generator.guessed_tokens = 0  # several tokens at a time would need several lines of the script
    forward = TextGenerator.run_model

    def wrote(*arguments: Any) -> torch.Tensor:
        logits = torch.zeros_like(forward(*arguments))
        logits[-1, next(ids)] = 1.0
        return logits

    monkeypatch.setattr(TextGenerator, "run_model", wrote)


ANSWER = "It is <|object_ref_start|>the star<|object_ref_end|><|box_start|>(100,200),(500,1200)<|box_end|> at the top."


def test_boxes_in_an_answer_are_events_and_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    responder = loaded(max_new_tokens=80)
    turn_input = turn.TurnInput("Where?", pictures=(Picture(200, 100, b"\0" * 60_000, "night.png"),))
    scripted(responder, ANSWER, monkeypatch)
    parts = Backends(None, responder, backends.load_voice("silent", LoadOptions()))  # type: ignore[arg-type]
    turn_events = list(turn.run_turn(turn_input, [], parts))
    pointed = [event for event in turn_events if isinstance(event, RegionPointed)]
    assert pointed == [RegionPointed("the star", turn_input.pictures[0].digest, 20, 20, 100, 100)]
    assert "".join(event.text for event in turn_events if isinstance(event, Wrote)) == "It is the star at the top."
    assert " ".join(event.text for event in turn_events if isinstance(event, Said)) == "It is the star at the top."


@pytest.mark.parametrize("box", ["(1,2),(3", "(9,9),(1,1)", "nothing", "(1,2)"])
def test_malformed_box_is_neither_event_nor_text(box: str, monkeypatch: pytest.MonkeyPatch) -> None:
    responder = loaded(max_new_tokens=80)
    scripted(responder, f"Here <|box_start|>{box}<|box_end|>.", monkeypatch)
    assert "".join(map(str, responder.reply([Message("user", "Where?", (picture(0),))]))) == "Here ."


def test_after_an_answer_with_boxes_only_new_tokens_are_fed(monkeypatch: pytest.MonkeyPatch) -> None:
    responder = loaded(max_new_tokens=80)
    first = [Message("user", "Where?", (picture(0),))]
    with monkeypatch.context() as patched:
        scripted(responder, ANSWER, patched)
        answer = "".join(piece for piece in responder.reply(first) if isinstance(piece, str))
    more = [*first, Message("assistant", answer), Message("user", "Why?")]
    prompt = responder.inspect().prompt_builder.build_prompt(more)
    conversation = responder.inspect().conversations[-1]
    assert conversation.shared_length(prompt) == len(conversation.cache_keys)
    exact(responder, more)


def test_a_region_reaches_the_model_as_pixels_and_as_coordinates(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Message] = []

    class RecordingResponder(Responder):
        model_name = "recording"

        def reply(self, messages: Sequence[Message]) -> Generator[str, None, None]:
            seen.append(messages[-1])
            yield "There."

    whole = Picture.from_image(draw_scene(random_scene(random.Random(1), (200, 100), 1)), "whole.png")
    session = Session(Settings(), AppPaths(home, home, home / "logs"), None, ModelManager(home, "silent/x"))
    question = TurnRequest("What is this?", pictures=(whole,), regions=((20, 10, 120, 60),))
    with monkeypatch.context() as patch:
        patch.setattr(backends, "load_responder", lambda name, options: RecordingResponder())
        assert run_request(question, session, lambda event: None) is None
    (message,) = seen
    assert [(image.width, image.height) for image in message.pictures] == [(200, 100), (100, 50)]
    assert message.regions == (PictureRegion(whole, (20, 10, 120, 60)),)
    ids = model().inspect().prompt_builder.build_prompt([message]).ids
    assert "<|box_start|>(100,100),(600,600)<|box_end|>" in model().inspect().prompt_builder.tokenizer.decode(ids)
    outside = run_request(
        TurnRequest("What?", pictures=(whole,), regions=((20, 10, 300, 60),)), session, lambda event: None
    )
    assert outside and "not in it" in outside.message


@pytest.mark.parametrize("region", ["1,2,3", "a,b,c,d", "1,2,3,4,5", ""])
def test_malformed_region_is_refused_in_a_sentence(cli: Callable[..., Ran], region: str) -> None:
    ran = cli("ask", "What?", "--picture", "p.png", "--region", region)
    assert ran.code == 2 and "10,20,300,200" in ran.err
    assert cli("ask", "What?", "--region", "1,2,3,4").code == 2, "there is no picture"
