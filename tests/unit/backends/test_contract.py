"""What every part in the catalogue keeps, whoever wrote it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from assistant import backends
from assistant.audio import clip, decode
from assistant.audio.clip import AudioClip
from assistant.errors import AssistantError, NotAvailableError
from assistant.interfaces import LoadOptions
from assistant.messages import Message
from assistant.pictures import Picture

pytestmark = pytest.mark.usefixtures("no_thread_left")
RED = Picture.from_image(Image.new("RGB", (200, 160), "white"))


def options_for(name: str, checkpoints: Path, tiny: Path) -> LoadOptions:
    folders = {
        "whisper": checkpoints / "whisper-random", "qwen2-vl": tiny, "coqui": checkpoints / "vits-random-1",
        "piper": checkpoints / "piper-random-1",
    }  # fmt: skip
    return LoadOptions(model=str(folders.get(name, "")), max_new_tokens=12)


@pytest.mark.parametrize("name", backends.VOICES)
def test_a_voice_yields_sound_and_stops_when_closed(name: str, checkpoints: Path, tiny: Path) -> None:
    voice = backends.load_voice(name, options_for(name, checkpoints, tiny))
    blocks = list(voice.synthesize("The circle is red, and the star is at the top."))
    assert sum(block.seconds for block in blocks) > 0.2
    for block in blocks:
        assert block.samples.ndim == 1 and block.samples.dtype == np.float32 and block.rate == blocks[0].rate
        assert np.isfinite(block.samples).all() and np.abs(block.samples).max(initial=0) <= 1
    speaking = voice.synthesize("A long sentence that nobody wants to hear to its end.")
    next(speaking)
    speaking.close()
    assert list(voice.synthesize("Again.")), "it speaks again after it was stopped"


@pytest.mark.parametrize("name", backends.VOICES)
@pytest.mark.parametrize("text", ["…", "🙂", "\u202e", "a" * 500])
def test_a_voice_survives_odd_text(name: str, text: str, checkpoints: Path, tiny: Path) -> None:
    voice = backends.load_voice(name, options_for(name, checkpoints, tiny))
    for block in voice.synthesize(text):
        assert np.isfinite(block.samples).all()


@pytest.mark.parametrize("name", backends.TRANSCRIBERS)
def test_a_transcriber_hears_nothing_in_silence_and_something_in_speech(
    name: str, checkpoints: Path, tiny: Path, samples: Path
) -> None:
    transcriber = backends.load_transcriber(name, options_for(name, checkpoints, tiny))
    assert "".join(transcriber.transcribe(AudioClip(np.zeros(32000, np.float32), 16000))) == ""
    assert "".join(transcriber.transcribe(decode.read_audio(samples / "shape.flac"))).strip()
    transcriber.transcribe(decode.read_audio(samples / "shape.flac")).close()


def test_speech_after_a_long_silence_is_transcribed(samples: Path) -> None:
    transcriber, sound = backends.load_transcriber("sphinx", LoadOptions()), decode.read_audio(samples / "shape.flac")
    pause = np.random.default_rng(1).normal(0, 3e-4, 3 * sound.rate).astype(np.float32)
    late = AudioClip(np.concatenate([pause, sound.samples]), sound.rate)
    assert "".join(transcriber.transcribe(late)) == "".join(transcriber.transcribe(sound))


@pytest.mark.parametrize("name", backends.RESPONDERS)
def test_a_responder_answers_and_stops_when_closed(name: str, checkpoints: Path, tiny: Path) -> None:
    responder = backends.load_responder(name, options_for(name, checkpoints, tiny))
    messages = [Message("user", "What colour is the circle?", (RED,))]
    assert "".join(responder.reply(messages)).strip()
    assert responder.model_name
    reply = responder.reply(messages)
    next(reply)
    reply.close()
    assert "".join(responder.reply(messages)).strip()


@pytest.mark.parametrize("load", [backends.load_voice, backends.load_responder, backends.load_transcriber])
def test_an_unknown_name_is_refused_with_those_that_are_known(load) -> None:
    with pytest.raises(NotAvailableError, match="silent"):
        load("nobody", LoadOptions())


@pytest.mark.parametrize("name", ["espeak", "coqui", "piper"])
def test_a_missing_voice_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(NotAvailableError):
        backends.load_voice(name, LoadOptions(model=str(tmp_path), speaker="xx-nowhere"))


@pytest.mark.parametrize("name", backends.VOICES)
def test_voice_speaks_at_the_speed_that_is_set(name: str, checkpoints: Path, tiny: Path) -> None:
    voice = backends.load_voice(name, options_for(name, checkpoints, tiny))
    lengths = []
    for voice.speed in (0.5, 1.0, 2.0):
        torch.manual_seed(0)
        lengths.append(sum(len(clip.samples) for clip in voice.synthesize("one two three four five six seven eight")))
    assert lengths[0] > 1.4 * lengths[1] > 1.4 * 1.4 * lengths[2]


def test_espeak_speaks_chinese_text_with_the_chinese_voice() -> None:
    voice = backends.load_voice("espeak", LoadOptions(speaker="en-us"))
    english, chinese = (
        clip.join_clips(voice.synthesize("你好，世界")),
        clip.join_clips(backends.load_voice("espeak", LoadOptions(speaker="cmn")).synthesize("你好，世界")),
    )
    assert english and chinese and len(english.samples) == len(chinese.samples)


def test_a_dead_espeak_is_started_again() -> None:
    voice = backends.load_voice("espeak", LoadOptions())
    speaking = voice.synthesize("One two three four five six seven eight nine ten. " * 50)
    next(speaking)
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.ZombieProcess):  # a process of an earlier test
            if "assistant.backends.espeak_process" in child.cmdline():
                child.kill()
    with pytest.raises(AssistantError, match="stopped in the middle"):
        list(speaking)
    assert list(voice.synthesize("Back again."))
