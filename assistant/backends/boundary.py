"""The boundary between Hark and the libraries behind its back ends.

Whatever a library raises, when a part is loaded or at work, becomes one sentence that names the part and the next step.
Every step at work is marked, so that a watchdog can tell a slow part from a stuck one."""

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
from assistant.roles import LoadOptions
from assistant.words.tongue import mark, tr

_log = logging.getLogger(__name__)

_AT_LOAD = {
    "hear": (
        mark("The model in “{model}” cannot be loaded: {reason}."),
        mark("Choose another model, or get it again with hark models get."),
    ),
    "answer": (
        mark("The model in “{model}” cannot be loaded: {reason}."),
        mark("Check device and dtype in the settings, or get it again."),
    ),
    "speak": (mark("The voice in “{model}” cannot be loaded: {reason}."), mark("Choose or get another voice.")),
}
_AT_WORK = {
    "hear": (mark("The model “{model}” could not hear this: {reason}."), mark("Try again, or choose another model.")),
    "answer": (
        mark("The model “{model}” could not answer: {reason}."),
        mark("Ask again, or choose another model."),
    ),
    "speak": (
        mark("The voice “{model}” could not say this sentence: {reason}."),
        mark("The text is on the screen; try another voice."),
    ),
}
_NO_MEMORY_TO_LOAD = mark("There is not enough memory to load “{model}”.")
_NO_MEMORY_AT_WORK = mark("There is not enough memory for “{model}” to go on.")
_OUT_OF_MEMORY = ("allocate memory", "out of memory", "bad_alloc", "bad allocation", "paging file is too small")
_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
# What a program says of itself, or of bytes, when it meets values that it was not made for.
_CODE_ERRORS = (
    TypeError, AttributeError, LookupError, ArithmeticError, RecursionError, AssertionError, JSONDecodeError,
    UnicodeError, EOFError, UnpicklingError,
)  # fmt: skip
_SENTENCE_END = re.compile(r"[.!?;] ")  # libraries go on with advice to programmers
_STEPS, _CALLS = ("transcribe", "reply", "prepare", "speak", "read", "read_steps"), ("warm", "cost", "forget")
_LOAD_LIMIT_S, _LOADED_BYTES_PER_S = 90.0, 10e6  # importing libraries from a cold disk; reading and packing weights
_READ_ALLOWED_S, _SOUND_FACTOR, _LETTER_ALLOWED_S = 60.0, 30.0, 0.5  # of slow processors, times a factor
_MAX_TEXT_BYTES = 128 * 1024**2  # of a JSON file or template; the largest tokenizers have 35 MB


@contextmanager
def foreign_errors(stage: str, model: str, loading: bool = False, hint: str = "") -> Iterator[None]:
    """Turns whatever the block raises into `Missing` with a sentence that names `model`, a folder or name.

    `AssistantError` passes through, and so does what ends a generator or the program. `loading`: the sentences are
    those of a part that is being loaded. `hint` is the next step, instead of the usual one."""
    try:
        yield
    except (AssistantError, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # also a panic of Rust's (tokenizers, safetensors) and a library's `sys.exit`
        _log.info("%s failed", model, exc_info=True)
        raise _as_sentence(error, stage, model, loading, hint) from error


@contextmanager
def code_limit(seconds: float) -> Iterator[None]:
    """Python code that the block runs ends after so many seconds, in `TimeoutError`, also if it loops for ever."""
    end = time.monotonic() + seconds

    def check(_frame: FrameType, _event: str, _value: object) -> Callable[..., Any]:
        if time.monotonic() > end:
            raise TimeoutError(tr("it did not come to an end"))
        return check

    before = sys.gettrace()
    sys.settrace(check)
    try:
        yield
    finally:
        sys.settrace(before)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the processor or a card: many allocators raise a plain `RuntimeError`."""
    text = str(error).lower()
    named = any(kind.__name__ in ("MemoryError", "OutOfMemoryError") for kind in type(error).__mro__)  # torch's too
    return named or any(phrase in text for phrase in _OUT_OF_MEMORY)


def _as_sentence(error: BaseException, stage: str, model: str, loading: bool, hint: str) -> NotAvailableError:
    if is_out_of_memory(error):
        text = tr(_NO_MEMORY_TO_LOAD) if loading else tr(_NO_MEMORY_AT_WORK)
        hint = tr("Close other programs, or choose a smaller model.")
        return NotAvailableError(stage, text.format(model=model), hint)
    sentence, usual = (_AT_LOAD if loading else _AT_WORK)[stage]
    said = _SENTENCE_END.split(_PREFIX.sub("", " ".join(first_line(error).split())))[0]
    reason = said.rstrip(".:") or type(error).__name__
    if isinstance(error, _CODE_ERRORS):
        reason = tr("its files are damaged, or do not belong together ({why})").format(
            why=f"{type(error).__name__}: {reason}"
        )
    return NotAvailableError(stage, tr(sentence).format(model=model, reason=reason), hint or tr(usual))


def load_guarded(load: Callable[[LoadOptions], Any], stage: str, name: str, options: LoadOptions) -> Any:
    """Loads a part, and guards its methods from then on. `name` is that of the back end. Raises `Missing`."""
    model, limit = options.model or name, _LOAD_LIMIT_S
    with progress.watched_step("", limit), foreign_errors(stage, model, loading=True):
        if options.model:
            check_files(Path(options.model))
            limit += _bytes_of(Path(options.model)) / _LOADED_BYTES_PER_S
            progress.extend_step_limit(limit)
        part = load(options)
    return guard(part, stage, model, limit)


def guard(part: Any, stage: str, model: str, limit: float = _LOAD_LIMIT_S) -> Any:
    """Has every method that a part promises keep to this boundary. `limit`: seconds that `warm` may take."""
    for name in _STEPS:
        if method := getattr(part, name, None):
            setattr(part, name, _guarded_steps(method, stage, model))
    for name in _CALLS:
        if method := getattr(part, name, None):
            setattr(part, name, _guarded_call(method, stage, model, limit if name == "warm" else progress.STEP_LIMIT_S))
    if method := getattr(part, "close", None):
        part.close = _guarded_close(method, stage, model)
    return part


def _guarded_steps(method: Callable[..., Generator[Any, None, Any]], stage: str, model: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def steps(*given: Any) -> Generator[Any, None, Any]:
        limit = _limit_of(*given)
        with foreign_errors(stage, model), closing(method(*given)) as items:
            while True:
                with progress.watched_step(stage, limit):
                    try:
                        item = next(items)
                    except StopIteration as end:
                        return end.value
                yield item

    return steps


def _guarded_call(method: Callable[..., Any], stage: str, model: str, limit: float) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*given: Any) -> Any:
        with progress.watched_step(stage, limit), foreign_errors(stage, model):
            return method(*given)

    return call


def _guarded_close(method: Callable[[], None], stage: str, model: str) -> Callable[[], None]:
    """A part that cannot even be closed is let go all the same."""

    @functools.wraps(method)
    def close() -> None:
        with suppress(AssistantError), foreign_errors(stage, model):
            method()

    return close


def _limit_of(given: Any) -> float:
    """Seconds that one step may take: predicted for a slow processor from what it is given, times a factor."""
    if isinstance(given, str):
        return _READ_ALLOWED_S + len(given) * _LETTER_ALLOWED_S
    seconds = getattr(given, "seconds", None)
    return _READ_ALLOWED_S + seconds * _SOUND_FACTOR if seconds is not None else progress.STEP_LIMIT_S


def _bytes_of(model: Path) -> int:
    """Of the files in a model's folder."""
    return sum(file.stat().st_size for file in _files_of(model) if file.is_file())


def _files_of(model: Path) -> Iterator[Path]:
    """What lies in a model's folder, or beside a file that is named itself and begins with its name."""
    if model.is_dir():
        yield from (*model.glob("*"), *model.glob("*/*"))
    elif model.exists():
        yield from (file for file in model.parent.iterdir() if file.name.startswith(model.name))


def check_files(model: Path) -> None:
    """Raises `ValueError` for a model folder that holds anything but regular files and folders (a FIFO or a device
    would be read for ever), or a text file of a size that none has."""
    for file in _files_of(model):
        try:
            facts = file.stat()
        except OSError:
            continue  # a link to nothing: whoever needs it says so
        if not stat.S_ISREG(facts.st_mode) and not stat.S_ISDIR(facts.st_mode):
            raise ValueError(tr("{file} is no regular file").format(file=file.name))
        if file.suffix in (".json", ".jinja", ".txt") and facts.st_size > _MAX_TEXT_BYTES:
            raise ValueError(tr("{file} is too large").format(file=file.name))
