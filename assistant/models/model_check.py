"""Checks that a model's folder is complete and safe to open, before a library opens it."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from assistant.errors import NotAvailableError
from assistant.models.catalog import MODEL_FILES, VOICE_FILES
from assistant.text.i18n import tr
from assistant.typed_reader import NumberRange, parse_json, read_as

NEEDED_FILES = {
    "whisper": ("config.json", "model.bin", "tokenizer.json"),
    "qwen2-vl": ("config.json", "tokenizer_config.json", "tokenizer.json"),
    "piper": ("*.onnx", "*.onnx.json"),
}
MAX_TABLE_BYTES = 64 * 1024**2  # for files other than weights; the largest known, a tokenizer, has 33 MB
MAX_HEADER_BYTES = 100_000_000  # of a safetensors file; the limit of the safetensors library
_T = TypeVar("_T")
_WEIGHT_SUFFIXES = (".safetensors", ".bin", ".onnx")


_TokenId = Annotated[int, NumberRange(0, 2**24)]


@dataclass(frozen=True)
class _TensorEntry:
    data_offsets: tuple[int, int]


@dataclass(frozen=True)
class _ShardIndex:
    weight_map: dict[str, str]


@dataclass(frozen=True)
class _PreprocessorConfig:
    """The values that every Whisper was trained with; others would cost memory or divide by zero."""

    feature_size: Literal[80, 128] = 80
    sampling_rate: Literal[16_000] = 16_000
    hop_length: Literal[160] = 160
    chunk_length: Literal[30] = 30
    n_fft: Literal[400] = 400


@dataclass(frozen=True)
class _WhisperConfig:
    """Numbers that CTranslate2 uses as indexes without checking them."""

    suppress_ids: list[_TokenId] | None = None
    suppress_ids_begin: list[_TokenId] | None = None
    lang_ids: list[_TokenId] | None = None
    alignment_heads: list[tuple[_TokenId, _TokenId]] | None = None


def check_model(folder: Path, backend: str, stage: str) -> None:
    """Checks a folder with a model for `backend`.

    Raises `NotAvailableError`, with this `stage`, if a file is missing, truncated, too large or not a regular file."""
    try:
        _check_needed_files(folder, backend, stage)
        _check_file_kinds(folder, stage)
        if backend == "whisper":
            _read_json_table(folder / "preprocessor_config.json", _PreprocessorConfig, stage)
            _check_token_ids(folder, stage)
        if backend == "qwen2-vl":
            _check_shards(folder, stage)
    except OSError as error:
        message = tr("The model folder “{folder}” cannot be read: {reason}.")
        message = message.format(folder=folder, reason=error.strerror or type(error).__name__)
        raise NotAvailableError(stage, message, tr("Check its name and permissions.")) from None


def _check_token_ids(folder: Path, stage: str) -> None:
    config = _read_json_table(folder / "config.json", _WhisperConfig, stage)
    vocabulary = _read_json_table(folder / "vocabulary.json", list[str], stage)
    token_ids = (
        [*(config.suppress_ids or ()), *(config.suppress_ids_begin or ()), *(config.lang_ids or ())] if config else []
    )
    if vocabulary is not None and max(token_ids, default=0) >= len(vocabulary):
        raise _damaged_file_error(folder / "config.json", stage)


def _check_needed_files(folder: Path, backend: str, stage: str) -> None:
    for pattern in NEEDED_FILES.get(backend, ()):
        if not any(path.is_file() for path in folder.glob(pattern)):
            raise _missing_file_error(folder, pattern, stage)


def _missing_file_error(folder: Path, file_name: str, stage: str) -> NotAvailableError:
    message = tr("The model folder “{folder}” lacks {needed}.").format(folder=folder, needed=file_name)
    return NotAvailableError(stage, message, tr("Get it again, or copy the missing file into the folder."))


def _check_shards(folder: Path, stage: str) -> None:
    for shard in _list_shards(folder, stage):
        if not (folder / shard).is_file():
            raise _missing_file_error(folder, shard, stage)
        if not _is_complete(folder / shard):
            message = tr("The file {shard} in “{folder}” is cut off or damaged.").format(shard=shard, folder=folder)
            raise NotAvailableError(stage, message, tr("Get it again, or copy the missing file into the folder."))


def _check_file_kinds(folder: Path, stage: str) -> None:
    """Refuses what would block or fill the memory when a library opens it: pipes, and tables of gigabytes."""
    for path in folder.iterdir():
        try:
            file_stat = os.stat(path)
        except OSError:  # a broken link; needed files were checked before
            continue
        problem = ""
        is_table = path.suffix not in _WEIGHT_SUFFIXES and any(
            path.match(pattern) for pattern in (*MODEL_FILES, *VOICE_FILES)
        )
        if not stat.S_ISREG(file_stat.st_mode) and not stat.S_ISDIR(file_stat.st_mode):
            problem = tr("“{file}” in the model folder “{folder}” is not a regular file.")
        elif is_table and file_stat.st_size > MAX_TABLE_BYTES:
            problem = tr("“{file}” in the model folder “{folder}” is too large.")
        if problem:
            message = problem.format(file=path.name, folder=folder)
            raise NotAvailableError(stage, message, tr("Get the model again."))


def _list_shards(folder: Path, stage: str) -> list[str]:
    index = _read_json_table(folder / "model.safetensors.index.json", _ShardIndex, stage)
    return sorted({Path(name).name for name in index.weight_map.values()}) if index else ["model.safetensors"]


def _read_json_table(path: Path, kind: type[_T], stage: str) -> _T | None:
    """Reads a JSON file; None if there is none. Raises `NotAvailableError` if it is damaged."""
    try:
        return read_as(kind, parse_json(path.read_bytes()), path.name) if path.is_file() else None
    except (ValueError, OSError):
        raise _damaged_file_error(path, stage) from None


def _damaged_file_error(path: Path, stage: str) -> NotAvailableError:
    message = tr("The file {name} in “{folder}” is damaged.").format(name=path.name, folder=path.parent)
    return NotAvailableError(stage, message, tr("Get the model again."))


def _is_complete(path: Path) -> bool:
    """Whether a safetensors file is as long as its header says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if len(head) < 8:
            return False
        (length,) = struct.unpack("<Q", head)
        if length > min(size, MAX_HEADER_BYTES):
            return False
        try:
            header = read_as(dict[str, object], parse_json(file.read(length), max_bytes=MAX_HEADER_BYTES), "header")
            header.pop("__metadata__", None)
            tensors = read_as(dict[str, _TensorEntry], header, "header")
        except ValueError:
            return False
    end = 0  # the tensors must follow each other without gaps
    for tensor_begin, tensor_end in sorted(tensor.data_offsets for tensor in tensors.values()):
        if tensor_begin != end or tensor_end < tensor_begin:
            return False
        end = tensor_end
    return size == 8 + length + end
