"""whisper → qwen2-vl → coqui → WAV, each from a checkpoint folder, through the loaders that users' models take.

Whisper's and VITS's weights are random (`tests/support/checkpoints.py`); Qwen2-VL's are the starter kit's, trained."""

from __future__ import annotations

import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assistant import backends
from assistant.interfaces import LoadOptions
from assistant.messages import Message
from assistant.pictures import Picture
from tests.conftest import Ran
from tests.support.paths import SAMPLES

SPOKEN = SAMPLES / "shape.flac"


def test_spoken_question_about_a_picture_is_answered_aloud(
    cli: Callable[..., Ran], home: Path, checkpoints: Path, tiny: Path, red_circle: Path
) -> None:
    shutil.copytree(checkpoints / "vits-random-1", home / "voices" / "random")
    (home / "settings.toml").write_text(f'[transcriber]\nmodel = "{checkpoints / "whisper-random"}"\nlanguage = "en"\n')
    wav = home / "answer.wav"
    ran = cli(
        "ask", "--audio", SPOKEN, "--picture", red_circle, "--transcriber", "whisper",
        "--responder", "qwen2-vl", "--model", tiny, "--voice", "coqui/random", "--speak-to", wav, "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.ended["heard"] and ran.ended["answer"] and ran.ended["by"] == "tiny"
    with wave.open(str(wav)) as file:
        samples_ = np.frombuffer(file.readframes(10**9), np.int16)
    assert len(samples_) > 2000 and np.abs(samples_).max() > 0


def test_qwen2_vl_answers_over_turns_pictures_and_a_system_prompt(tiny: Path, red_circle: Path) -> None:
    model = backends.load_responder("qwen2-vl", LoadOptions(model=str(tiny)))
    picture = Picture.from_image(Image.open(red_circle))
    ask = Message("user", "What colour is the circle?", (picture,))
    assert "".join(model.reply([ask])) == "The circle is red."
    system = Message("system", "You are a helpful assistant.")
    assert "".join(model.reply([system, ask])) == "The circle is red."
    more = [ask, Message("assistant", "The circle is red."), Message("user", "Where is it?", (picture,))]
    assert "".join(model.reply(more))


def test_closed_qwen2_vl_stops_within_one_token(tiny: Path, red_circle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant.backends.qwen2_vl.generation import TextGenerator

    model = backends.load_responder("qwen2-vl", LoadOptions(model=str(tiny)))
    calls = []
    step = TextGenerator.forward_tokens
    monkeypatch.setattr(TextGenerator, "forward_tokens", lambda *a: calls.append(1) or step(*a))
    reply = model.reply([Message("user", "Describe this picture.", (Picture.from_image(Image.open(red_circle)),))])
    assert any(reply), "a word came"
    done = len(calls)
    reply.close()
    assert len(calls) == done <= 2


def test_whisper_detects_the_language_and_takes_no_gpu_on_trust(checkpoints: Path, samples: Path) -> None:
    from assistant.audio import decode

    model = backends.load_transcriber("whisper", LoadOptions(model=str(checkpoints / "whisper-random"), device="auto"))
    assert model.device in ("cpu", "cuda")
    assert "".join(model.transcribe(decode.read_audio(samples / "shape.flac"))).strip()
