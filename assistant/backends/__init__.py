"""The catalog of back ends by name. A back end's module is imported only when it is loaded."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from assistant.backends import boundary
from assistant.errors import NotAvailableError
from assistant.interfaces import LoadOptions, Responder, Transcriber, Voice
from assistant.text.i18n import tr, tr_noop

if TYPE_CHECKING:
    from assistant.backends.ocr import TextReader

TRANSCRIBERS = {
    "sphinx": "sphinx:load_transcriber",
    "whisper": "whisper:load_transcriber",
    "silent": "silent:load_transcriber",
}
RESPONDERS = {
    "starter": "starter:load_responder",
    "qwen2-vl": "qwen2_vl:load_responder",
    "silent": "silent:load_responder",
}
VOICES = {
    "espeak": "espeak:load_voice",
    "coqui": "coqui:load_voice",
    "piper": "piper:load_voice",
    "silent": "silent:load_voice",
}


def _load_backend(targets: dict[str, str], stage: str, kind_name: str, name: str, options: LoadOptions) -> object:
    if name not in targets:
        known_names = ", ".join(sorted(targets))
        raise NotAvailableError(
            stage,
            tr("Hark knows no {what} “{name}”.").format(what=tr(kind_name), name=name),
            tr("It knows {known}.").format(known=known_names),
        )
    module, function = targets[name].split(":")

    def open_backend(options: LoadOptions) -> object:
        return getattr(import_module(f"assistant.backends.{module}"), function)(options)

    return boundary.load_guarded(open_backend, stage, name, options)


def load_transcriber(name: str, options: LoadOptions) -> Transcriber:
    """Loads the transcriber of this name from `TRANSCRIBERS`. Raises `NotAvailableError`."""
    return cast(Transcriber, _load_backend(TRANSCRIBERS, "hear", tr_noop("transcriber"), name, options))


def load_responder(name: str, options: LoadOptions) -> Responder:
    """Loads the responder of this name from `RESPONDERS`. Raises `NotAvailableError`."""
    return cast(Responder, _load_backend(RESPONDERS, "answer", tr_noop("responder"), name, options))


def load_voice(engine: str, options: LoadOptions) -> Voice:
    """Loads a voice of the engine of this name from `VOICES`. Raises `NotAvailableError`."""
    return cast(Voice, _load_backend(VOICES, "speak", tr_noop("voice engine"), engine, options))


def load_reader() -> TextReader:
    """Loads the reader of text in pictures, which the starter kit and `hark read` use. Raises `NotAvailableError`."""

    def open_reader(_: LoadOptions) -> object:
        return import_module("assistant.backends.ocr").TextReader()

    return cast("TextReader", boundary.load_guarded(open_reader, "answer", "RapidOCR", LoadOptions()))
