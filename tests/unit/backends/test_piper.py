"""Piper's voices: what they are given to say, their speakers, and damaged ones."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant import backends
from assistant.audio import clip
from assistant.backends.piper import PiperVoice
from assistant.errors import AssistantError, NotAvailableError
from assistant.interfaces import LoadOptions
from tests.support import checkpoints as make

pytestmark = pytest.mark.usefixtures("no_thread_left")
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


def changed(checkpoints: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The Piper voice with another config."""
    folder = tmp_path / "voice"
    shutil.copytree(checkpoints / "piper-random-1", folder)
    file = next(folder.glob("*.json"))
    config = json.loads(file.read_text("utf-8"))
    change(config)
    file.write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(("language", "text"), PIPER)
def test_piper_voice_gets_the_phonemes_that_piper_gives_it(
    language: str, text: str, checkpoints: Path, tmp_path: Path
) -> None:
    folder = changed(checkpoints, tmp_path, lambda config: config["espeak"].update(voice=language))
    voice = backends.load_voice("piper", LoadOptions(model=str(folder)))
    assert isinstance(voice, PiperVoice)
    voice.phoneme_ids = {chr(code): [code] for code in range(1, 0x2000)} | {"_": [0]}
    sentences = ["".join(chr(code) for code in ids[2:-1] if code) for ids in voice.split_sentences(text)]
    assert sentences == [unicodedata.normalize("NFD", phonemes) for phonemes in PIPER[language, text]]


def test_a_piper_voice_reads_as_it_was_trained(checkpoints: Path) -> None:
    voice = backends.load_voice("piper", LoadOptions(model=str(checkpoints / "piper-random-1")))
    assert isinstance(voice, PiperVoice)
    (ids,) = voice.split_sentences("Hot!")
    letters = {ids[0]: letter for letter, ids in voice.phoneme_ids.items()}
    assert "".join(letters[number] for number in ids) == "^_h_ˈ_ɑ_ː_t_!_$", "begin, a pad behind each, end"


def test_piper_voice_leaves_other_languages_to_espeak(checkpoints: Path) -> None:
    voice = backends.load_voice("piper", LoadOptions(model=str(checkpoints / "piper-random-1")))
    chinese = clip.join_clips(backends.load_voice("espeak", LoadOptions(speaker="cmn")).synthesize("你好，世界"))
    said = clip.join_clips(voice.synthesize("你好，世界"))
    assert said and chinese and np.array_equal(said.samples, chinese.samples)
    assert list(voice.synthesize("One, two.")), "and speaks its own again"


def test_piper_voice_of_many_speakers_speaks_as_the_chosen_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    given: list[int] = []
    run = onnxruntime.InferenceSession.run

    def watched(session: object, names: object, inputs: dict[str, np.ndarray], *options: object) -> object:
        given.append(int(inputs["sid"][0]))
        return run(session, names, inputs, *options)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", watched)
    folder = make.piper(tmp_path, speakers=3)
    for speaker in ("speaker-1", "", "2"):
        voice = backends.load_voice("piper", LoadOptions(model=str(folder), speaker=speaker))
        assert list(voice.synthesize("Hello."))
    assert given == [1, 0, 2]
    for speaker in ("anna", "3", "-1"):
        with pytest.raises(NotAvailableError, match="speaker-1"):
            backends.load_voice("piper", LoadOptions(model=str(folder), speaker=speaker))


@pytest.mark.parametrize("config", ["", "[]", "{}", "{", "null"])
def test_a_piper_voice_without_a_config_is_refused(config: str, checkpoints: Path, tmp_path: Path) -> None:
    folder = tmp_path / "voice"
    shutil.copytree(checkpoints / "piper-random-1", folder)
    next(folder.glob("*.json")).write_text(config)
    with pytest.raises(NotAvailableError, match="cannot be loaded"):
        backends.load_voice("piper", LoadOptions(model=str(folder)))


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
    with pytest.raises(NotAvailableError, match="cannot be loaded"):
        backends.load_voice("piper", LoadOptions(model=str(folder)))


def test_piper_voice_with_fewer_phonemes_than_its_config_loses_a_sentence(checkpoints: Path, tmp_path: Path) -> None:
    folder = changed(checkpoints, tmp_path, lambda config: config["phoneme_id_map"].update(h=[9999]))
    voice = backends.load_voice("piper", LoadOptions(model=str(folder)))
    with pytest.raises(AssistantError, match="could not say"):
        list(voice.synthesize("Hello."))
    assert list(voice.synthesize("One."))


def test_piper_weights_that_are_cut_or_name_another_file_are_refused(checkpoints: Path, tmp_path: Path) -> None:
    import onnx

    folder = tmp_path / "voice"
    shutil.copytree(checkpoints / "piper-random-1", folder)
    weights = next(folder.glob("*.onnx"))
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NotAvailableError, match="cannot be loaded"):
        backends.load_voice("piper", LoadOptions(model=str(folder)))
    outside = onnx.load_from_string(whole)
    onnx.save(outside, weights, save_as_external_data=True, location="elsewhere.bin", size_threshold=0)
    with pytest.raises(NotAvailableError, match="cannot be loaded"):
        backends.load_voice("piper", LoadOptions(model=str(folder)))
