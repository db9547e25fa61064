"""Applies the options that name models to the settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from assistant.errors import UsageError
from assistant.settings import Settings


def choose_models(options: Any, settings: Settings) -> Settings:
    """The settings with `--transcriber`, `--responder` and `--model` applied. Raises `UsageError`."""
    if options.model and options.responder == "starter" and options.transcriber != "whisper":
        raise UsageError("usage", "The starter kit takes no --model.", "Name a responder or transcriber that does.")
    transcriber, responder = settings.transcriber, settings.responder
    if options.transcriber:
        transcriber = replace(transcriber, backend=options.transcriber)
    if options.responder:
        responder = replace(responder, backend=options.responder)
    if options.model:
        # The model belongs to the back end that was named, or to the responder where neither or both are named.
        if options.transcriber == "whisper" and options.responder in ("", "starter"):
            transcriber = replace(transcriber, model=options.model)
        else:
            responder = replace(responder, model=options.model, backend=options.responder or "qwen2-vl")
    return replace(settings, transcriber=transcriber, responder=responder)
