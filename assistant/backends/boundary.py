"""The boundary between Hark and the libraries behind its back ends.

Whatever a library raises while a back end is loaded or at work becomes one sentence that names the model and the next
step. Every step is marked in `progress`, so that a watchdog can tell a slow back end from a stuck one."""

from __future__ import annotations

import functools
import logging
import re
import stat
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from json import JSONDecodeError
from pathlib import Path
from pickle import UnpicklingError
from types import FrameType
from typing import Any

from assistant import progress
from assistant.errors import AssistantError, NotAvailableError, first_line
from assistant.interfaces import LoadOptions
from assistant.text.i18n import tr, tr_noop

_log = logging.getLogger(__name__)

_LOAD_SENTENCES = {
    "hear": (
        tr_noop("The model in “{model}” cannot be loaded: {reason}."),
        tr_noop("Choose another model, or get it again with hark models get."),
    ),
    "answer": (
        tr_noop("The model in “{model}” cannot be loaded: {reason}."),
        tr_noop("Check device and dtype in the settings, or get it again."),
    ),
    "speak": (tr_noop("The voice in “{model}” cannot be loaded: {reason}."), tr_noop("Choose or get another voice.")),
}
_WORK_SENTENCES = {
    "hear": (
        tr_noop("The model “{model}” could not hear this: {reason}."),
        tr_noop("Try again, or choose another model."),
    ),
    "answer": (
        tr_noop("The model “{model}” could not answer: {reason}."),
        tr_noop("Ask again, or choose another model."),
    ),
    "speak": (
        tr_noop("The voice “{model}” could not say this sentence: {reason}."),
        tr_noop("The text is on the screen; try another voice."),
    ),
}
_NO_MEMORY_TO_LOAD = tr_noop("There is not enough memory to load “{model}”.")
_NO_MEMORY_AT_WORK = tr_noop("There is not enough memory for “{model}” to go on.")
_OUT_OF_MEMORY_PHRASES = ("allocate memory", "out of memory", "bad_alloc", "bad allocation", "paging file is too small")
_ONNX_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
# What Python code raises when it is given values that it was not written for, or bytes that it cannot decode.
_CODE_ERRORS = (
    TypeError, AttributeError, LookupError, ArithmeticError, RecursionError, AssertionError, JSONDecodeError,
    UnicodeError, EOFError, UnpicklingError,
)  # fmt: skip
_SENTENCE_END = re.compile(r"[.!?;] ")  # of a library's message; the rest of it is advice to programmers
_STEP_METHODS, _CALL_METHODS = (
    ("transcribe", "reply", "prepare", "synthesize", "read_text", "read_steps"),
    ("warm_up", "estimate_cost", "forget_picture"),
)
# Limits are generous multiples of what a slow processor takes.
_LOAD_LIMIT_S, _LOADED_BYTES_PER_S = 90.0, 10e6  # importing libraries from a cold disk; reading and packing weights
_BASE_STEP_LIMIT_S, _AUDIO_LIMIT_FACTOR, _LETTER_LIMIT_S = 60.0, 30.0, 0.5
_MAX_TEXT_BYTES = 128 * 1024**2  # of a JSON file or template; the largest tokenizers have 35 MB


@contextmanager
def foreign_errors(stage: str, model: str, is_loading: bool = False, hint: str = "") -> Iterator[None]:
    """Turns whatever the block raises into a `NotAvailableError` with a sentence that names `model`, a folder or name.

    `AssistantError` passes through, and so does what ends a generator or the program.

    stage: "hear", "answer" or "speak".
    is_loading: the sentence says that the model cannot be loaded, otherwise that it could not do its work.
    hint: the next step, instead of the usual one."""
    try:
        yield
    except (AssistantError, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # also a panic in Rust code (tokenizers, safetensors) and a library's `sys.exit`
        _log.info("%s failed", model, exc_info=True)
        raise _to_not_available(error, stage, model, is_loading, hint) from error


@contextmanager
def limit_code_time(seconds: float) -> Iterator[None]:
    """Raises `TimeoutError` in Python code that still runs in the block after `seconds`, even in an endless loop."""
    deadline = time.monotonic() + seconds

    def check_deadline(_frame: FrameType, _event: str, _value: object) -> Callable[..., Any]:
        if time.monotonic() > deadline:
            raise TimeoutError(tr("it did not come to an end"))
        return check_deadline

    previous_trace = sys.gettrace()
    sys.settrace(check_deadline)
    try:
        yield
    finally:
        sys.settrace(previous_trace)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on the processor or a graphics card.

    Many allocators raise a plain `RuntimeError`, so its message is looked at too."""
    text = str(error).lower()
    is_memory_error = any(
        kind.__name__ in ("MemoryError", "OutOfMemoryError") for kind in type(error).__mro__
    )  # torch's too
    return is_memory_error or any(phrase in text for phrase in _OUT_OF_MEMORY_PHRASES)


def _to_not_available(error: BaseException, stage: str, model: str, is_loading: bool, hint: str) -> NotAvailableError:
    if is_out_of_memory(error):
        text = tr(_NO_MEMORY_TO_LOAD) if is_loading else tr(_NO_MEMORY_AT_WORK)
        hint = tr("Close other programs, or choose a smaller model.")
        return NotAvailableError(stage, text.format(model=model), hint)
    sentence, default_hint = (_LOAD_SENTENCES if is_loading else _WORK_SENTENCES)[stage]
    first_sentence = _SENTENCE_END.split(_ONNX_PREFIX.sub("", " ".join(first_line(error).split())))[0]
    reason = first_sentence.rstrip(".:") or type(error).__name__
    if isinstance(error, _CODE_ERRORS):
        reason = tr("its files are damaged, or do not belong together ({why})").format(
            why=f"{type(error).__name__}: {reason}"
        )
    return NotAvailableError(stage, tr(sentence).format(model=model, reason=reason), hint or tr(default_hint))


def load_guarded(load: Callable[[LoadOptions], Any], stage: str, name: str, options: LoadOptions) -> Any:
    """Loads a back end by calling `load`, and guards its methods from then on.

    name: of the back end, for errors where `options` name no model.
    Raises `NotAvailableError` for anything that goes wrong."""
    model, limit_s = options.model or name, _LOAD_LIMIT_S
    with progress.watched_step("", limit_s), foreign_errors(stage, model, is_loading=True):
        if options.model:
            check_model_files(Path(options.model))
            limit_s += _model_bytes(Path(options.model)) / _LOADED_BYTES_PER_S
            progress.extend_step_limit(limit_s)
        backend = load(options)
    return guard_backend(backend, stage, model, limit_s)


def guard_backend(backend: Any, stage: str, model: str, limit_s: float = _LOAD_LIMIT_S) -> Any:
    """Wraps the methods of the back end's protocol, so that they raise only `AssistantError` and mark their steps.

    limit_s: how long `warm_up` may take before the watchdog takes it for stuck."""
    for name in _STEP_METHODS:
        if method := getattr(backend, name, None):
            setattr(backend, name, _guarded_steps(method, stage, model))
    for name in _CALL_METHODS:
        if method := getattr(backend, name, None):
            setattr(
                backend,
                name,
                _guarded_call(method, stage, model, limit_s if name == "warm_up" else progress.STEP_LIMIT_S),
            )
    if method := getattr(backend, "close", None):
        backend.close = _guarded_close(method, stage, model)
    return backend


def _guarded_steps(method: Callable[..., Generator[Any, None, Any]], stage: str, model: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def run_steps(*arguments: Any) -> Generator[Any, None, Any]:
        limit_s = _step_limit_s(*arguments)
        with foreign_errors(stage, model), closing(method(*arguments)) as items:
            while True:
                with progress.watched_step(stage, limit_s):
                    try:
                        item = next(items)
                    except StopIteration as end:
                        return end.value
                yield item

    return run_steps


def _guarded_call(method: Callable[..., Any], stage: str, model: str, limit_s: float) -> Callable[..., Any]:
    @functools.wraps(method)
    def run_call(*arguments: Any) -> Any:
        with progress.watched_step(stage, limit_s), foreign_errors(stage, model):
            return method(*arguments)

    return run_call


def _guarded_close(method: Callable[[], None], stage: str, model: str) -> Callable[[], None]:
    """Closing must not fail: an error in it is only logged."""

    @functools.wraps(method)
    def close_quietly() -> None:
        with suppress(AssistantError), foreign_errors(stage, model):
            method()

    return close_quietly


def _step_limit_s(argument: Any) -> float:
    """How long one step may take, by the length of the text or audio that the method is called with."""
    if isinstance(argument, str):
        return _BASE_STEP_LIMIT_S + len(argument) * _LETTER_LIMIT_S
    seconds = getattr(argument, "seconds", None)
    return _BASE_STEP_LIMIT_S + seconds * _AUDIO_LIMIT_FACTOR if seconds is not None else progress.STEP_LIMIT_S


def _model_bytes(model: Path) -> int:
    """Total size of a model's files, in bytes."""
    return sum(file.stat().st_size for file in _model_files(model) if file.is_file())


def _model_files(model: Path) -> Iterator[Path]:
    """The files and folders of a model: two levels of a folder, or for a file those whose names start with its name."""
    if model.is_dir():
        yield from (*model.glob("*"), *model.glob("*/*"))
    elif model.exists():
        yield from (file for file in model.parent.iterdir() if file.name.startswith(model.name))


def check_model_files(model: Path) -> None:
    """Raises `ValueError` for a model with anything but regular files and folders, or with an absurdly large text file.

    Reading a FIFO or a device would never end."""
    for file in _model_files(model):
        try:
            file_stat = file.stat()
        except OSError:
            continue  # a broken link: the loader will say so if it needs the file
        if not stat.S_ISREG(file_stat.st_mode) and not stat.S_ISDIR(file_stat.st_mode):
            raise ValueError(tr("{file} is no regular file").format(file=file.name))
        if file.suffix in (".json", ".jinja", ".txt") and file_stat.st_size > _MAX_TEXT_BYTES:
            raise ValueError(tr("{file} is too large").format(file=file.name))
