"""Model folders as they lie about: with pipes in them, tables without end, headers that lie, files that are missing."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import backends
from assistant.audio import decode
from assistant.backends.piper import PiperVoice
from assistant.errors import NotAvailableError
from assistant.interfaces import LoadOptions
from assistant.models.model_check import MAX_TABLE_BYTES, check_model
from tests.conftest import Ran, missing
from tests.support.paths import SHARED_FILES


@pytest.fixture
def whisper(checkpoints: Path, tmp_path: Path) -> Path:
    return shutil.copytree(checkpoints / "whisper-random", tmp_path / "whisper")


@pytest.fixture
def voice(checkpoints: Path, tmp_path: Path) -> Path:
    return shutil.copytree(checkpoints / "piper-random-1", tmp_path / "voice")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("whisper", "model.bin"), ("whisper", "config.json"), ("whisper", "vocabulary.txt"),
        ("whisper", "preprocessor_config.json"), ("qwen2-vl", "model.safetensors"), ("qwen2-vl", "chat_template.jinja"),
        ("qwen2-vl", "generation_config.json"), ("qwen2-vl", "added_tokens.json"), ("qwen2-vl", "merges.txt"),
        ("qwen2-vl", "model.safetensors.index.json"), ("piper", "en_US-random-low.onnx"), ("piper", "a.onnx"),
        ("coqui", "model_file.pth"), ("coqui", "speakers.json"),
    ],
)  # fmt: skip
def test_a_pipe_among_the_files_is_refused_and_not_opened(
    whisper: Path, voice: Path, tiny: Path, tmp_path: Path, part: str, name: str
) -> None:
    folder = {"whisper": whisper, "piper": voice, "coqui": voice}.get(part) or shutil.copytree(tiny, tmp_path / "tiny")
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(NotAvailableError, match=r"not a regular file|lacks"):
        check_model(folder, part, "load")


def test_a_voice_with_a_pipe_in_it_is_4(cli: Callable[..., Ran], voice: Path) -> None:
    (voice / "en_US-random-low.onnx").unlink()
    os.mkfifo(voice / "en_US-random-low.onnx")
    ran = cli("say", "Hello.", "--voice", f"piper/{voice}", "--speak-to", voice / "a.wav")
    assert ran.code == 4 and ran.err.strip()


def test_unreadable_folder_is_reported(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    for method in ("iterdir", "open"):
        with monkeypatch.context() as patched:
            patched.setattr(Path, method, refuse)
            with pytest.raises(NotAvailableError, match="cannot be read: Permission denied"):
                check_model(tiny, "qwen2-vl", "answer")


@pytest.mark.parametrize("name", ["tokenizer.json", "added_tokens.json", "chat_template.jinja", "vocab.txt"])
def test_a_table_of_gigabytes_is_refused(tiny: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(tiny, tmp_path / "tiny")
    with (folder / name).open("ab") as file:
        file.truncate(MAX_TABLE_BYTES + 1)
    with pytest.raises(NotAvailableError, match="too large"):
        check_model(folder, "qwen2-vl", "answer")


def tensors(*offsets: object) -> bytes:
    header = {f"t{n}": {"dtype": "F32", "shape": [1], "data_offsets": pair} for n, pair in enumerate(offsets)}
    return json.dumps(header).encode()


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (tensors([0, "x"]), 64), (tensors(["a", 4]), 4), (tensors([0, 1e3]), 4), (tensors(None), 4), (tensors([4]), 4),
        (tensors([0, 4], [8, 12]), 12), (tensors([0, 8], [4, 12]), 12), (tensors([4, 0]), 4), (tensors([-4, 4]), 4),
        (tensors([0, 2**70]), 4), (b"[]", 0), (b"5", 0), (b'{"a": 5}', 0), (b"[" * 100_000, 0), (b"\xff\xfe", 0),
        (tensors([0, 4]), 3), (tensors([0, 4]), 5),
    ],
)  # fmt: skip
def test_weights_with_a_wrong_header_are_damaged(tiny: Path, tmp_path: Path, header: bytes, size: int) -> None:
    folder = shutil.copytree(tiny, tmp_path / "tiny")
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * size)
    with pytest.raises(NotAvailableError, match="cut off or damaged"):
        check_model(folder, "qwen2-vl", "answer")


def test_wrong_header_is_4(cli: Callable[..., Ran]) -> None:
    if not (SHARED_FILES / "model-030").is_dir():
        missing("the files that lied are not beside the checkout")
    ran = cli("ask", "What is this?", "--responder", "qwen2-vl", "--model", SHARED_FILES / "model-030")
    assert ran.code == 4 and "damaged" in ran.err


@pytest.mark.parametrize("index", [b"[]", b'{"weight_map": 5}', b'{"weight_map": {"a": 5}}', b"{" * 100_000, b"\xff"])
def test_nonsensical_index_is_damaged(tiny: Path, tmp_path: Path, index: bytes) -> None:
    folder = shutil.copytree(tiny, tmp_path / "tiny")
    (folder / "model.safetensors.index.json").write_bytes(index)
    with pytest.raises(NotAvailableError, match="damaged"):
        check_model(folder, "qwen2-vl", "answer")


@pytest.mark.parametrize("odd", [{"n_fft": 10**9}, {"hop_length": 0}, {"feature_size": "80"}, {"chunk_length": 10**6}])
def test_whisper_with_other_audio_features_is_damaged(whisper: Path, odd: dict[str, object]) -> None:
    file = whisper / "preprocessor_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **odd}))
    with pytest.raises(NotAvailableError, match=r"preprocessor_config\.json.*damaged"):
        check_model(whisper, "whisper", "hear")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("suppress_ids_begin", [51_865]), ("suppress_ids_begin", [-5]), ("suppress_ids_begin", 10**9),
        ("suppress_ids", [2**31]), ("suppress_ids", "x"), ("lang_ids", [10**30]), ("lang_ids", [None]),
        ("alignment_heads", [[-1, 0]]), ("alignment_heads", [1.5]),
    ],
)  # fmt: skip
def test_whisper_config_whose_tokens_lead_outside_the_vocabulary_is_damaged(
    whisper: Path, key: str, value: object
) -> None:
    config = json.loads((whisper / "config.json").read_text("utf-8"))
    check_model(whisper, "whisper", "hear")
    (whisper / "config.json").write_text(json.dumps({**config, key: None}))
    check_model(whisper, "whisper", "hear")
    (whisper / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(NotAvailableError, match=r"config\.json in “.*” is damaged"):
        check_model(whisper, "whisper", "hear")


@pytest.mark.parametrize("feature_config", [None, {}, {"feature_size": 80}])
def test_whisper_of_128_bands_hears_without_its_feature_config(
    tmp_path: Path, samples: Path, feature_config: dict[str, int] | None
) -> None:
    from tests.support import checkpoints as make

    folder = make.whisper(tmp_path, mels=128)
    file = folder / "preprocessor_config.json"
    file.unlink()
    if feature_config is not None:
        file.write_text(json.dumps(feature_config))
    check_model(folder, "whisper", "hear")
    heard = backends.load_transcriber("whisper", LoadOptions(model=str(folder), device="cpu"))
    assert "".join(heard.transcribe(decode.read_audio(samples / "shape.flac"))).strip()


def configured(voice: Path, **more: object) -> Path:
    file = voice / "en_US-random-low.onnx.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **more}))
    return voice


def test_a_voice_that_reads_letters_is_given_letters(voice: Path) -> None:
    folder = configured(voice, phoneme_type="text", espeak={}, language={"code": "en_US"})
    voice_model = backends.load_voice("piper", LoadOptions(model=str(folder)))
    assert isinstance(voice_model, PiperVoice)
    numbers = json.loads((voice / "en_US-random-low.onnx.json").read_text())["phoneme_id_map"]
    pad, begin, end = (numbers[mark][0] for mark in "_^$")
    (ids,) = voice_model.split_sentences("shé!")
    wanted = [numbers[letter][0] for letter in "she!"]  # the accent is a letter of its own, which this voice lacks
    assert ids == [begin, pad, *(number for letter_number in wanted for number in (letter_number, pad)), end]
    assert sum(len(part.samples) for part in voice_model.synthesize("she has a bed!"))
    voice_model.close()


@pytest.mark.parametrize("kind", ["pinyin", "", None, 5, ["text"]])
def test_voice_that_reads_an_unknown_input_is_refused(cli: Callable[..., Ran], voice: Path, kind: object) -> None:
    ran = cli("say", "x", "--voice", f"piper/{configured(voice, phoneme_type=kind)}", "--speak-to", voice / "a.wav")
    assert ran.code == 4 and "which Hark cannot produce" in ran.err
