"""Model and voice folders that are damaged in many ways: each is refused in one sentence that names the folder."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from assistant import backends
from assistant.audio import decode
from assistant.backends.boundary import foreign_errors, guard_backend
from assistant.errors import AssistantError, NotAvailableError
from assistant.interfaces import LoadOptions
from assistant.messages import Message
from assistant.pictures import Picture
from tests.conftest import Ran
from tests.support import broken_voices
from tests.support.paths import SAMPLES

RED = Picture.from_image(Image.new("RGB", (100, 80), "red"))


def use(kind: str, folder: Path) -> None:
    """Loads a part and has it do all that it can."""
    options = LoadOptions(model=str(folder), max_new_tokens=4, device="cpu", dtype="float32")
    if kind == "qwen2-vl":
        responder = backends.load_responder(kind, options)
        responder.estimate_cost(RED)
        list(responder.prepare([Message("user", "", (RED,))]))
        list(responder.reply([Message("user", "What?", (RED,))]))
    elif kind == "whisper":
        list(backends.load_transcriber(kind, options).transcribe(decode.read_audio(SAMPLES / "shape.flac")))
    else:
        with closing(backends.load_voice(kind, options)) as voice:
            list(voice.synthesize("Hello there."))


def refused(kind: str, folder: Path) -> str:
    """What is said of a folder that is refused, at load or at work."""
    with pytest.raises(AssistantError) as caught:
        use(kind, folder)
    said = str(caught.value)
    assert str(folder) in said and caught.value.hint, said
    assert "Traceback" not in said and "Something went wrong" not in said and "\n" not in said
    assert caught.value.exit_code in (3, 4)
    return said


@pytest.fixture
def copy(checkpoints: Path, tiny: Path, tmp_path: Path) -> Callable[[str], Path]:
    whole = {
        "qwen2-vl": tiny, "whisper": checkpoints / "whisper-random", "coqui": checkpoints / "vits-random-1",
        "piper": checkpoints / "piper-random-1",
    }  # fmt: skip
    return lambda kind: Path(shutil.copytree(whole[kind], tmp_path / "damaged"))


def change(file: Path, path: str, value: object) -> None:
    """Another value in a JSON file, at a path such as "text_config/hidden_size"."""
    config = json.loads(file.read_text("utf-8"))
    *parents, last = path.split("/")
    table: dict[str, Any] = config
    for name in parents:
        table = table[name]
    table[last] = value
    file.write_text(json.dumps(config), "utf-8")


@pytest.mark.parametrize(
    ("kind", "pattern", "path", "value"),
    [
        ("qwen2-vl", "config.json", "text_config", None),
        ("qwen2-vl", "config.json", "text_config/num_hidden_layers", 10**9),
        ("qwen2-vl", "config.json", "text_config/num_hidden_layers", "four"),
        ("qwen2-vl", "config.json", "text_config/hidden_size", 10**7),
        ("qwen2-vl", "config.json", "text_config/num_attention_heads", 0),
        ("qwen2-vl", "config.json", "text_config/vocab_size", 10**10),
        ("qwen2-vl", "config.json", "text_config/rope_parameters", []),
        ("qwen2-vl", "config.json", "text_config/hidden_act", {}),
        ("qwen2-vl", "config.json", "vision_config", 7),
        ("qwen2-vl", "config.json", "vision_config/depth", 10**8),
        ("qwen2-vl", "config.json", "dtype", [[]]),
        ("qwen2-vl", "config.json", "model_type", []),
        ("qwen2-vl", "config.json", "quantization_config", "gptq"),
        ("qwen2-vl", "processor_config.json", "image_processor/patch_size", 0),
        ("qwen2-vl", "processor_config.json", "image_processor/patch_size", "x"),
        ("qwen2-vl", "processor_config.json", "image_processor/image_mean", [[]]),
        ("qwen2-vl", "tokenizer_config.json", "eos_token", []),
        ("qwen2-vl", "tokenizer.json", "model", 3),
        ("whisper", "preprocessor_config.json", "feature_size", "x"),
        ("whisper", "preprocessor_config.json", "hop_length", 0),
        ("whisper", "preprocessor_config.json", "n_fft", []),
        ("whisper", "tokenizer.json", "model", None),
        ("coqui", "config.json", "model_args", None),
        ("coqui", "config.json", "model_args/hidden_channels", 10**5),
        ("coqui", "config.json", "model_args/num_layers_text_encoder", 10**9),
        ("coqui", "config.json", "model_args/upsample_rates_decoder", []),
        ("coqui", "config.json", "model_args/upsample_rates_decoder", None),
        ("piper", "*.onnx.json", "espeak", 1.5),
        ("piper", "*.onnx.json", "inference", "fast"),
        ("piper", "*.onnx.json", "audio/sample_rate", None),
    ],
)  # fmt: skip
def test_a_config_with_a_wrong_value_is_refused_by_name(
    kind: str, pattern: str, path: str, value: object, copy: Callable[[str], Path]
) -> None:
    folder = copy(kind)
    change(next(folder.glob(pattern)), path, value)
    refused(kind, folder)


@pytest.mark.parametrize("text", ["", "null", "[]", "5", "{", "[" * 100_000, '{"a": 1e999}', "\udcff"])
@pytest.mark.parametrize(
    ("kind", "pattern"),
    [("qwen2-vl", "config.json"), ("qwen2-vl", "tokenizer.json"), ("coqui", "config.json"), ("piper", "*.onnx.json")],
)
def test_a_config_that_is_no_config_is_refused_by_name(
    kind: str, pattern: str, text: str, copy: Callable[[str], Path]
) -> None:
    folder = copy(kind)
    next(folder.glob(pattern)).write_text(text, "utf-8", errors="surrogateescape")
    refused(kind, folder)


@pytest.mark.parametrize("damage", ["cut", "empty", "noise", "zeros"])
@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("qwen2-vl", "model.safetensors"), ("whisper", "model.bin"), ("coqui", "model_file.pth"), ("piper", "*.onnx"),
    ],
)  # fmt: skip
def test_damaged_weights_are_refused_by_name(kind: str, pattern: str, damage: str, copy: Callable[[str], Path]) -> None:
    folder = copy(kind)
    file = next(folder.glob(pattern))
    whole = file.read_bytes()
    file.write_bytes(
        {"cut": whole[: len(whole) // 2], "empty": b"", "noise": os.urandom(5000), "zeros": bytes(5000)}[damage]
    )
    refused(kind, folder)


def test_weights_of_other_shapes_are_refused_by_name(copy: Callable[[str], Path]) -> None:
    from safetensors.torch import load_file, save_file

    folder = copy("qwen2-vl")
    tensors = load_file(folder / "model.safetensors")
    save_file({name: tensor[:1].clone() for name, tensor in tensors.items()}, folder / "model.safetensors")
    refused("qwen2-vl", folder)
    shutil.rmtree(folder)
    folder = copy("coqui")
    torch.save({"model": {"a": torch.zeros(10**6)}}, folder / "model_file.pth")
    refused("coqui", folder)
    torch.save([1, 2, 3], folder / "model_file.pth")
    refused("coqui", folder)


@pytest.mark.parametrize(
    "template",
    [
        "", "{% if %}", "{{ raise_exception('no') }}", "{{ ''.__class__.__mro__ }}", "{{ messages[99].role }}",
        "{{ 1 // 0 }}", "{{ messages | nosuchfilter }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ messages.append(1) }}", "{{ 'x' * 10**12 }}", "no message at all",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}"
        "{% endfor %}",
    ],
)  # fmt: skip
def test_a_chat_template_that_fails_or_never_ends_is_refused_by_name(
    template: str, copy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.backends.qwen2_vl.prompt.TEMPLATE_LIMIT_S", 1.0)
    folder = copy("qwen2-vl")
    (folder / "chat_template.jinja").write_text(template)
    refused("qwen2-vl", folder)


def test_a_model_that_fails_is_4_on_the_command_line(cli: Callable[..., Ran], copy: Callable[[str], Path]) -> None:
    folder = copy("qwen2-vl")
    (folder / "chat_template.jinja").write_text("{{ ''.__class__ }}")
    ran = cli("ask", "x", "--model", folder, "--json")
    assert ran.code == 4 and str(folder) in ran.err and ran.ended["reason"] == "failed"
    assert "Something went wrong" not in ran.err + ran.out


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("qwen2-vl", "config.json"), ("qwen2-vl", "generation_config.json"), ("whisper", "model.bin"),
        ("coqui", "config.json"), ("piper", "*.onnx"), ("piper", "*.onnx.json"),
    ],
)  # fmt: skip
def test_a_fifo_in_a_model_folder_is_refused_and_never_waited_for(
    kind: str, pattern: str, copy: Callable[[str], Path]
) -> None:
    folder = copy(kind)
    file = next(folder.glob(pattern))
    file.unlink()
    os.mkfifo(file)
    refused(kind, folder)


@pytest.mark.parametrize("make", [broken_voices.raising, broken_voices.endless, broken_voices.huge])
def test_a_voice_that_fails_at_work_is_named(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.backends.piper._SENTENCE_LIMIT_S", 1.0)
    monkeypatch.setattr("assistant.backends.piper._PHONEME_LIMIT_S", 0.0)
    refused("piper", make(tmp_path))


def test_weights_that_name_a_file_beside_the_program_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere.bin").write_bytes(bytes(4000))
    assert "another file" in refused("piper", broken_voices.outside(tmp_path, "elsewhere.bin"))


class UnusualError(BaseException):
    """As Rust's panics come to Python."""


@pytest.mark.parametrize(
    "error",
    [
        TypeError("a\nb"),
        IndexError(),
        ZeroDivisionError(),
        Exception(),
        UnusualError("panicked"),
        SystemExit(3),
        StopIteration(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_error_of_a_backend_becomes_a_sentence(error: BaseException) -> None:
    class FailingVoice:
        def synthesize(self, text: str) -> Iterator[int]:
            yield 1
            raise error

        def warm_up(self) -> None:
            raise error

        def close(self) -> None:
            raise error

    part = guard_backend(FailingVoice(), "speak", "/voices/odd")
    with pytest.raises(NotAvailableError, match="/voices/odd"):
        list(part.synthesize("Hello."))
    with pytest.raises(NotAvailableError, match="/voices/odd"):
        part.warm_up()
    part.close()


@pytest.mark.parametrize("damage", [b"", b"\x80", b"PK\3\4 cut off"])
def test_message_of_a_library_for_programmers_is_left_out(damage: bytes, copy: Callable[[str], Path]) -> None:
    folder = copy("coqui")
    (folder / "model_file.pth").write_bytes(damage)
    said = refused("coqui", folder)
    assert "PyTorch 2.6" not in said and "seeing this error" not in said and len(said) < 300, said


def test_out_of_memory_has_a_sentence_of_its_own() -> None:
    for error in (MemoryError(), RuntimeError("[enforce fail] can't allocate memory"), RuntimeError("std::bad_alloc")):
        with (
            pytest.raises(NotAvailableError, match="not enough memory to load “large”"),
            foreign_errors("answer", "large", True),
        ):
            raise error


def test_exception_that_closes_a_generator_is_passed_on() -> None:
    ended: list[str] = []

    class FailingVoice:
        def synthesize(self, text: str) -> Iterator[int]:
            try:
                yield 1
                yield 2
            finally:
                ended.append(text)

    speaking = guard_backend(FailingVoice(), "speak", "x").synthesize("Hello.")
    assert next(speaking) == 1
    speaking.close()
    assert ended == ["Hello."]
    with pytest.raises(KeyboardInterrupt), foreign_errors("speak", "x"):
        raise KeyboardInterrupt
    own = AssistantError("speak", "It broke.", "Mend it.")
    with pytest.raises(AssistantError) as caught, foreign_errors("speak", "x"):
        raise own
    assert caught.value is own
