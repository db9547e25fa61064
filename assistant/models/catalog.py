"""The catalogue of models that Hark knows by name, and which of them fit a computer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from assistant.setting_change import SettingChange
from assistant.text import i18n

_PIPER_REPO = "rhasspy/piper-voices"
# The files that are downloaded of a model: weights and tables, no pickles, no code.
MODEL_FILES = ("*.json", "*.safetensors", "*.txt", "*.jinja", "model.bin")
VOICE_FILES = ("*.onnx", "*.onnx.json", "MODEL_CARD")  # of one voice in a repository of several
Task = Literal["transcriber", "responder", "voice"]


def backend_settings(backend: str, model: str) -> list[SettingChange]:
    """The changes of settings that make a back end use a model, given by name or folder."""
    if backend in ("piper", "coqui"):
        return [SettingChange("voice", "id", f"{backend}/{model}")]
    section = "transcriber" if backend == "whisper" else "responder"
    return [SettingChange(section, "model", model), SettingChange(section, "backend", backend)]


@dataclass(frozen=True)
class CatalogEntry:
    """A model that can be downloaded by name."""

    name: str
    task: Task  # what it is used as
    backend: str  # the back end that runs it
    repo: str  # its name at the hub, owner/name
    size_gb: float  # bytes to download, about
    licence: str
    folder: str = ""  # its folder in the repository, "" if it is the whole repository
    hub: str = ""  # the only hub that has it, "" if all have it
    language: str = ""  # the only language that it speaks, "" for any
    quantisation: str = ""  # how its publisher quantised the weights, "" if not
    revision: str = ""  # the commit at Hugging Face to download, "" for the newest
    sha256: tuple[tuple[str, str], ...] = ()  # file names and their known hashes

    @property
    def setting_changes(self) -> list[SettingChange]:
        """The changes of settings that put it to use."""
        return backend_settings(self.backend, self.name)

    @property
    def memory_gb(self) -> float:
        """GB of main memory that it needs: its weights, and for a responder a second set in four bits."""
        return self.size_gb * (1.35 if self.task == "responder" and not self.quantisation else 1.1) + 0.5

    @property
    def gpu_memory_gb(self) -> float:
        """GB of a graphics card's memory that it needs: its weights and activations."""
        return self.size_gb * 1.25


def _responder_entry(
    name: str, repo: str, size: float, licence: str = "Apache-2.0", quantised: str = ""
) -> CatalogEntry:
    return CatalogEntry(name, "responder", "qwen2-vl", f"Qwen/{repo}", size, licence, quantisation=quantised)


def _voice_entry(name: str, language: str, folder: str, licence: str) -> CatalogEntry:
    return CatalogEntry(
        name, "voice", "piper", _PIPER_REPO, 0.06, licence, folder=folder, hub="huggingface", language=language
    )


_WHISPER_V2_FILES = (
    ("tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
    ("vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
)  # the same for all Whisper models before large-v3
_PIPER_REVISION = "c10ece1aade47bb51c153c893d14e5bf8e5b7117"
# Revisions and hashes as public projects pin them, several projects compared where possible. With a revision alone
# the hub, or a mirror, decides what is in it. No pins are known for qwen2-vl-2b-awq, qwen2-vl-7b-gptq and
# qwen2-vl-72b-awq: the newest revision is downloaded and checked against the hub's own hashes.
_PINS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "whisper-tiny": (
        "d90ca5fe260221311c53c58e660288d3deb8d356",
        (
            ("model.bin", "dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1"),
            ("config.json", "a73a28cdfe1c43ccc7202fa333d1f89c202477271407ae9a7f19afa52039cac8"),
            *_WHISPER_V2_FILES,
        ),
    ),
    "whisper-small": (
        "536b0662742c02347bc0e980a01041f333bce120",
        (
            ("model.bin", "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671"),
            ("config.json", "b55496ac7940a7ae47d2c01eab40edfd8701feec1229d9cce3b40014383fb828"),
            *_WHISPER_V2_FILES,
        ),
    ),
    "whisper-large-v3": (
        "edaa852ec7e145841d8ffdb056a99866b5f0a478",
        (
            ("model.bin", "69f74147e3334731bc3a76048724833325d2ec74642fb52620eda87352e3d4f1"),
            ("config.json", "a9306624f5ec14270a014b647e5c316b6e03a662c369758d1b90697a7b0655b9"),
            ("preprocessor_config.json", "7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711"),
            ("tokenizer.json", "6d8cbd7cd0d8d5815e478dac67b85a26bbe77c1f5e0c6d76d1ce2abc0e5f21ca"),
            ("vocabulary.json", "c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1"),
        ),
    ),
    "qwen2-vl-2b": (
        "895c3a49bc3fa70a340399125c650a463535e71c",
        (
            ("model-00001-of-00002.safetensors", "994ac2b03f97de8bc647d0fe5eba2e4b632b3e28dc03574c29bdfc36cf47e1b9"),
            ("model-00002-of-00002.safetensors", "92540d8353c8d226a589a3b179bdb33851c970ee2cc2ac7ba035f79425e7b833"),
        ),
    ),
    "qwen2-vl-7b": ("eed13092ef92e448dd6875b2a00151bd3f7db0ac", ()),
    "qwen2-vl-7b-awq": ("6ec2560b0afc3a618d4acc9b8e2967d1642f463d", ()),
    "qwen2-vl-72b": ("2ac26c967836fbb5729c709ad8f8b5548e1f88aa", ()),
    "piper-norman": (
        _PIPER_REVISION,
        (("en_US-norman-medium.onnx", "b9739443232a80a59c7d18810dd856899bf16a7964725f5ab81ea49b1351cb71"),),
    ),
    "piper-cori": (
        _PIPER_REVISION,
        (
            ("en_GB-cori-medium.onnx", "1899f98e5fb8310154f3c2973f4b8a929ba7245e722b3d3a85680b833d95f10d"),
            ("en_GB-cori-medium.onnx.json", "e262c16d7f192f69d4edd6b4ef8a5915379e67495fcc402f1ab15eeb33da3d36"),
        ),
    ),
    "piper-ljspeech": (
        _PIPER_REVISION,
        (
            ("en_US-ljspeech-medium.onnx", "6f52a751e2349abe7a76735eb09dc1875298c77ea2342ffd2fef79ff81b87f22"),
            ("en_US-ljspeech-medium.onnx.json", "141d612cc0a95ed7efc1ca936b845c2364967f2e9217c5dbfcf69fc4d6c65860"),
        ),
    ),
    "piper-huayan": (
        _PIPER_REVISION,
        (
            ("zh_CN-huayan-medium.onnx", "9929917bf8cabb26fd528ea44d3a6699c11e87317a14765312420be230be0f3d"),
            ("zh_CN-huayan-medium.onnx.json", "d521dc45504a8ccc99e325822b35946dd701840bfb07e3dbb31a40929ed6a82b"),
        ),
    ),
}


def _with_pin(entry: CatalogEntry) -> CatalogEntry:
    revision, sha256 = _PINS.get(entry.name, ("", ()))
    return replace(entry, revision=revision, sha256=sha256)


# Within a task the last model is the best. Sizes of quantised models: four or eight bits for a weight of the language
# model's layers, two bytes for the others.
CATALOG = {
    entry.name: _with_pin(entry)
    for entry in (
        CatalogEntry("whisper-tiny", "transcriber", "whisper", "Systran/faster-whisper-tiny", 0.08, "MIT"),
        CatalogEntry("whisper-small", "transcriber", "whisper", "Systran/faster-whisper-small", 0.5, "MIT"),
        CatalogEntry("whisper-large-v3", "transcriber", "whisper", "Systran/faster-whisper-large-v3", 3.1, "MIT"),
        _responder_entry("qwen2-vl-2b", "Qwen2-VL-2B-Instruct", 4.4),
        _responder_entry("qwen2-vl-2b-awq", "Qwen2-VL-2B-Instruct-AWQ", 2.5, quantised="AWQ, 4 bits"),
        _responder_entry("qwen2-vl-7b", "Qwen2-VL-7B-Instruct", 16.6),
        _responder_entry("qwen2-vl-7b-awq", "Qwen2-VL-7B-Instruct-AWQ", 6.9, quantised="AWQ, 4 bits"),
        _responder_entry("qwen2-vl-7b-gptq", "Qwen2-VL-7B-Instruct-GPTQ-Int8", 10.2, quantised="GPTQ, 8 bits"),
        _responder_entry("qwen2-vl-72b", "Qwen2-VL-72B-Instruct", 147.0, "Qwen"),
        _responder_entry("qwen2-vl-72b-awq", "Qwen2-VL-72B-Instruct-AWQ", 43.0, "Qwen", quantised="AWQ, 4 bits"),
        _voice_entry("piper-norman", "en", "en/en_US/norman/medium", "MIT"),
        _voice_entry("piper-cori", "en", "en/en_GB/cori/medium", "MIT"),
        _voice_entry("piper-ljspeech", "en", "en/en_US/ljspeech/medium", "MIT"),
        _voice_entry("piper-huayan", "zh", "zh/zh_CN/huayan/medium", "see MODEL_CARD"),
    )
}


def fits_hardware(entry: CatalogEntry, memory_gb: float, gpu_memory_gb: float) -> bool:
    """Whether a model fits into main memory or a graphics card's memory; quantised ones run on a graphics card only."""
    return entry.gpu_memory_gb <= gpu_memory_gb or (not entry.quantisation and entry.memory_gb <= memory_gb)


def recommended(memory_gb: float, language: str = "", gpu_memory_gb: float = 0.0) -> list[CatalogEntry]:
    """The best model of each task for a computer: half of its memory is left to other programs.

    The voice speaks `language`, a code such as "en", or the user's language if it is ""."""
    spoken = language or i18n.current_language()
    # The largest Whisper is hardly better and four times slower on a processor; quantised models need packages that
    # do not come with Hark.
    candidates = [
        entry
        for entry in CATALOG.values()
        if entry.name != "whisper-large-v3" and not entry.quantisation and entry.language in ("", spoken)
    ]
    best = {entry.task: entry for entry in candidates if fits_hardware(entry, memory_gb / 2, gpu_memory_gb)}
    return list(best.values())
