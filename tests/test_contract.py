"""What every part in the catalogue keeps, whoever wrote it."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from assistant import backends
from assistant.errors import AssistantError, Missing
from assistant.pictures import Picture
from assistant.roles import Message, Options
from assistant.sound import audio
from assistant.sound.audio import Audio
from tests import checkpoints as make

pytestmark = pytest.mark.usefixtures("no_thread_left")
RED = Picture.of(Image.new("RGB", (200, 160), "white"))


def options_for(name: str, checkpoints: Path, tiny: Path) -> Options:
    folders = {
        "whisper": checkpoints / "whisper-random", "qwen2-vl": tiny, "coqui": checkpoints / "vits-random-1",
        "piper": checkpoints / "piper-random-1",
    }  # fmt: skip
    return Options(model=str(folders.get(name, "")), max_new_tokens=12)


@pytest.mark.parametrize("name", backends.VOICES)
def test_a_voice_yields_sound_and_stops_when_closed(name: str, checkpoints: Path, tiny: Path) -> None:
    voice = backends.load_voice(name, options_for(name, checkpoints, tiny))
    blocks = list(voice.speak("The circle is red, and the star is at the top."))
    assert sum(block.seconds for block in blocks) > 0.2
    for block in blocks:
        assert block.samples.ndim == 1 and block.samples.dtype == np.float32 and block.rate == blocks[0].rate
        assert np.isfinite(block.samples).all() and np.abs(block.samples).max(initial=0) <= 1
    speaking = voice.speak("A long sentence that nobody wants to hear to its end.")
    next(speaking)
    speaking.close()
    assert list(voice.speak("Again.")), "it speaks again after it was stopped"


@pytest.mark.parametrize("name", backends.VOICES)
@pytest.mark.parametrize("text", ["…", "🙂", "\u202e", "a" * 2000])
def test_a_voice_survives_odd_text(name: str, text: str, checkpoints: Path, tiny: Path) -> None:
    voice = backends.load_voice(name, options_for(name, checkpoints, tiny))
    for block in voice.speak(text):
        assert np.isfinite(block.samples).all()


@pytest.mark.parametrize("name", backends.TRANSCRIBERS)
def test_a_transcriber_hears_nothing_in_silence_and_something_in_speech(
    name: str, checkpoints: Path, tiny: Path, samples: Path
) -> None:
    transcriber = backends.load_transcriber(name, options_for(name, checkpoints, tiny))
    assert "".join(transcriber.transcribe(Audio(np.zeros(32000, np.float32), 16000))) == ""
    assert "".join(transcriber.transcribe(audio.read(samples / "shape.flac"))).strip()
    transcriber.transcribe(audio.read(samples / "shape.flac")).close()


@pytest.mark.parametrize("name", backends.RESPONDERS)
def test_a_responder_answers_and_stops_when_closed(name: str, checkpoints: Path, tiny: Path) -> None:
    responder = backends.load_responder(name, options_for(name, checkpoints, tiny))
    messages = [Message("user", "What colour is the circle?", (RED,))]
    assert "".join(responder.reply(messages)).strip()
    assert responder.by
    reply = responder.reply(messages)
    next(reply)
    reply.close()
    assert "".join(responder.reply(messages)).strip()


@pytest.mark.parametrize("load", [backends.load_voice, backends.load_responder, backends.load_transcriber])
def test_an_unknown_name_is_refused_with_those_that_are_known(load) -> None:
    with pytest.raises(Missing, match="silent"):
        load("nobody", Options())


@pytest.mark.parametrize("name", ["espeak", "coqui", "piper"])
def test_a_missing_voice_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Missing):
        backends.load_voice(name, Options(model=str(tmp_path), speaker="xx-nowhere"))


@pytest.mark.parametrize("name", backends.VOICES)
def test_a_voice_speaks_as_fast_as_it_is_told(name: str, checkpoints: Path, tiny: Path) -> None:
    voice = backends.load_voice(name, options_for(name, checkpoints, tiny))
    lengths = []
    for voice.speed in (0.5, 1.0, 2.0):
        torch.manual_seed(0)
        lengths.append(sum(len(audio.samples) for audio in voice.speak("one two three four five six seven eight")))
    assert lengths[0] > 1.4 * lengths[1] > 1.4 * 1.4 * lengths[2]


def test_espeak_speaks_chinese_whatever_its_voice() -> None:
    voice = backends.load_voice("espeak", Options(speaker="en-us"))
    english, chinese = (
        audio.join(voice.speak("你好，世界")),
        audio.join(backends.load_voice("espeak", Options(speaker="cmn")).speak("你好，世界")),
    )
    assert english and chinese and len(english.samples) == len(chinese.samples)


def test_a_dead_espeak_is_started_again() -> None:
    voice = backends.load_voice("espeak", Options())
    speaking = voice.speak("One two three four five six seven eight nine ten. " * 50)
    next(speaking)
    voice._child.kill()
    with pytest.raises(AssistantError, match="stopped in the middle"):
        list(speaking)
    assert list(voice.speak("Back again."))


@pytest.mark.parametrize("speaker", ["speaker-0", "speaker-2", "1", ""])
def test_coqui_voices_of_many_speakers(speaker: str, checkpoints: Path) -> None:
    options = Options(model=str(checkpoints / "vits-random-3"), speaker=speaker)
    assert list(backends.load_voice("coqui", options).speak("Hello."))


def test_coqui_reads_safetensors_and_knows_its_speakers(checkpoints: Path) -> None:
    assert list(backends.load_voice("coqui", Options(model=str(checkpoints / "vits-random-1-safe"))).speak("Hello."))
    with pytest.raises(Missing, match="speaker-1"):
        backends.load_voice("coqui", Options(model=str(checkpoints / "vits-random-3"), speaker="anna"))


def test_coqui_runs_no_code_from_a_pickle(checkpoints: Path, tmp_path: Path) -> None:
    import pickle

    folder = tmp_path / "voice"
    shutil.copytree(checkpoints / "vits-random-1", folder)
    mark = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str, ...]]:
            return open, (str(mark), "w")

    (folder / "model_file.pth").write_bytes(pickle.dumps({"model": Evil()}))
    with pytest.raises(Missing, match="cannot be loaded"):
        backends.load_voice("coqui", Options(model=str(folder)))
    assert not mark.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"characters": {"characters_class": "os.system", "characters": "abc", "punctuations": "", "pad": "_"}},
        {"text_cleaner": "no_such_cleaner"},
        {"model": "xtts"},
    ],
)
def test_a_coqui_config_imports_nothing(change: dict[str, object], checkpoints: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoints / "vits-random-1", tmp_path / "voice")
    config = json.loads((folder / "config.json").read_text())
    for name, value in change.items():
        config[name] = (
            {**config[name], **value} if isinstance(value, dict) and isinstance(config[name], dict) else value
        )
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(Missing, match="cannot be loaded"):
        backends.load_voice("coqui", Options(model=str(folder)))


def test_a_coqui_config_fetches_nothing(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    asked: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *address: asked.append(address) or 1 / 0)
    folder = shutil.copytree(checkpoints / "vits-random-1", tmp_path / "voice")
    config = json.loads((folder / "config.json").read_text())
    address = "http://127.0.0.1:9/x"
    config["model_args"] |= {"d_vector_file": [address], "speaker_encoder_config_path": address}
    (folder / "config.json").write_text(json.dumps(config))
    assert list(backends.load_voice("coqui", Options(model=str(folder))).speak("Hello."))
    assert not asked


# What piper-tts 1.8 makes of the same texts, sentence by sentence.
PIPER = {
    ("en-us", "Hello there, how are you?"): ["həlˈoʊ ðˈɛɹ, hˈaʊ ɑːɹ juː?"],
    ("en-us", "There are 3 red squares; and one blue circle."): [
        "ðɛɹˌɑːɹ θɹˈiː ɹˈɛd skwˈɛɹz; ænd wˈʌn blˈuː sˈɜːkəl.",
    ],
    ("en-us", "Wait! It costs $3.50: not (much) more"): [
        "wˈeɪt!", "ɪt kˈɔsts dˈɑːlɚ θɹˈiː pɔɪnt fˈaɪv zˈiəɹoʊ: nˌɑːt mˈʌtʃ mˈɔːɹ",
    ],
    ("en-us", "One... two, three!? Four"): ["wˌʌntˈuː, θɹˈiː!", "fˈɔːɹ"],
    ("en-us", 'He said "yes" — at 10:30.'): ["hiː sˈɛd jˈɛs; æt tˈɛn θˈɜːɾi."],
    ("en-us", ""): [],
    ("cmn", "你好，世界。今天好吗？"): ["ni2χˈɑu2s.ˈi.5 tɕˈiɛ5", "tɕˈi5n thiɛ5nχˈɑu2 mˈɑ1"],
    ("cmn", "真的！三个圆；一个星。好"): ["ts.ˈə5n tˈə1", "sa5nkˈo-1 jˈyæɜnjiɜkˈo-1 ɕˈi5ŋ", "χˈɑu2"],
    ("cmn", "图片里有三个红色的方块,还有一个圆."): [
        "thˈuɜ phˈiɛ5n lˈi2 jˈiou2 sa5nkˈo-1 χˈonɡɜ sˈo-5 tˈə1 fˈɑ5ŋ khˈuai5 χaiɜjˈiou2 jiɜkˈo-1 jˈyæɜn.",
    ],
    ("ar", "مرحبا، كيف حالك؟ نعم."): ["mrħbˈaː, kˈajfa ħˈaːlik?", "nˈaʕam."],
    ("hi", "नमस्ते। कैसे हो?"): ["nəmˈʌsteː", "kˈɛːseː hoː?"],
}  # fmt: skip


@pytest.mark.parametrize(("language", "text"), PIPER)
def test_a_piper_voice_is_given_what_piper_gives_it(
    language: str, text: str, checkpoints: Path, tmp_path: Path
) -> None:
    folder = changed(checkpoints, tmp_path, lambda config: config["espeak"].update(voice=language))
    voice = backends.load_voice("piper", Options(model=str(folder)))
    voice._ids = {chr(one): [one] for one in range(1, 0x2000)} | {"_": [0]}
    read = ["".join(chr(one) for one in ids[2:-1] if one) for ids in voice._sentences(text)]
    assert read == [unicodedata.normalize("NFD", one) for one in PIPER[language, text]]


def test_a_piper_voice_reads_as_it_was_trained(checkpoints: Path) -> None:
    voice = backends.load_voice("piper", Options(model=str(checkpoints / "piper-random-1")))
    (ids,) = voice._sentences("Hot!")
    letters = {ids[0]: letter for letter, ids in voice._ids.items()}
    assert "".join(letters[one] for one in ids) == "^_h_ˈ_ɑ_ː_t_!_$", "begin, a pad behind each, end"


def test_a_piper_voice_leaves_the_other_language_to_espeak(checkpoints: Path) -> None:
    voice = backends.load_voice("piper", Options(model=str(checkpoints / "piper-random-1")))
    chinese = audio.join(backends.load_voice("espeak", Options(speaker="cmn")).speak("你好，世界"))
    said = audio.join(voice.speak("你好，世界"))
    assert said and chinese and np.array_equal(said.samples, chinese.samples)
    assert list(voice.speak("One, two.")), "and speaks its own again"


def test_piper_voices_of_many_speakers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    given: list[int] = []
    run = onnxruntime.InferenceSession.run

    def watched(session: object, names: object, inputs: dict[str, np.ndarray]) -> object:
        given.append(int(inputs["sid"][0]))
        return run(session, names, inputs)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", watched)
    folder = make.piper(tmp_path, speakers=3)
    for speaker in ("speaker-1", "", "2"):
        voice = backends.load_voice("piper", Options(model=str(folder), speaker=speaker))
        assert list(voice.speak("Hello."))
    assert given == [1, 0, 2]
    for speaker in ("anna", "3", "-1"):
        with pytest.raises(Missing, match="speaker-1"):
            backends.load_voice("piper", Options(model=str(folder), speaker=speaker))


@pytest.mark.parametrize("config", ["", "[]", "{}", "{", "null"])
def test_a_piper_voice_without_a_config_is_refused(config: str, checkpoints: Path, tmp_path: Path) -> None:
    folder = tmp_path / "voice"
    shutil.copytree(checkpoints / "piper-random-1", folder)
    next(folder.glob("*.json")).write_text(config)
    with pytest.raises(Missing, match="cannot be loaded"):
        backends.load_voice("piper", Options(model=str(folder)))


@pytest.mark.parametrize(
    "damage",
    [
        {"audio": 1}, {"audio": {"sample_rate": "x"}}, {"audio": {"sample_rate": 0}}, {"audio": {"sample_rate": -1}},
        {"audio": {"sample_rate": float("inf")}}, {"num_speakers": float("inf")}, {"num_speakers": 10**9},
        {"num_speakers": 3}, {"phoneme_id_map": {"_": None}}, {"phoneme_id_map": {"_": [0], "^": [1], "$": [2**70]}},
        {"phoneme_id_map": {"_": [0], "^": [1], "$": [-2]}}, {"phoneme_id_map": {}}, {"espeak": {}},
        {"inference": {"noise_scale": []}}, {"speaker_id_map": 7},
    ],
)  # fmt: skip
def test_a_damaged_piper_voice_is_refused(damage: dict[str, object], checkpoints: Path, tmp_path: Path) -> None:
    folder = changed(checkpoints, tmp_path, lambda config: config.update(damage))
    with pytest.raises(Missing, match="cannot be loaded"):
        backends.load_voice("piper", Options(model=str(folder)))


def test_a_piper_voice_that_knows_fewer_phonemes_than_it_says_loses_a_sentence(
    checkpoints: Path, tmp_path: Path
) -> None:
    folder = changed(checkpoints, tmp_path, lambda config: config["phoneme_id_map"].update(h=[9999]))
    voice = backends.load_voice("piper", Options(model=str(folder)))
    with pytest.raises(AssistantError, match="could not say"):
        list(voice.speak("Hello."))
    assert list(voice.speak("One."))


def changed(checkpoints: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The Piper voice with another config."""
    folder = tmp_path / "voice"
    shutil.copytree(checkpoints / "piper-random-1", folder)
    file = next(folder.glob("*.json"))
    config = json.loads(file.read_text("utf-8"))
    change(config)
    file.write_text(json.dumps(config))
    return folder


def test_piper_weights_that_are_cut_or_name_another_file_are_refused(checkpoints: Path, tmp_path: Path) -> None:
    import onnx

    folder = tmp_path / "voice"
    shutil.copytree(checkpoints / "piper-random-1", folder)
    weights = next(folder.glob("*.onnx"))
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Missing, match="cannot be loaded"):
        backends.load_voice("piper", Options(model=str(folder)))
    outside = onnx.load_from_string(whole)
    onnx.save(outside, weights, save_as_external_data=True, location="elsewhere.bin", size_threshold=0)
    with pytest.raises(Missing, match="cannot be loaded"):
        backends.load_voice("piper", Options(model=str(folder)))
