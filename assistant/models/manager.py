"""The parts on hand: loaded when first needed, kept until their settings change. Knows nothing of turns."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from assistant import backends
from assistant.errors import AssistantError
from assistant.events import Event, ModelLoading, Notice
from assistant.interfaces import Backends, LoadOptions, Responder, Transcriber, Voice
from assistant.models import local_store, voices
from assistant.settings import MAX_SPEED, MIN_SPEED, ResponderSettings, Settings, TranscriberSettings
from assistant.text.i18n import tr

# Of these settings the model knows nothing: it is not loaded again for them.
_RUNTIME_FIELDS: dict[str, Any] = {
    name: getattr(ResponderSettings(), name)
    for name in ("system_prompt", "default_prompt", "video_frames", "video_fps", "auto_describe", "camera")
}
EmitEvent = Generator[ModelLoading | Notice, None, Any]


class ModelManager:
    """Loads the parts that settings name. When a changed one fails to open, the one before stays, and that is said.

    `voice` overrules the settings' voice. `close` ends what runs in processes of its own."""

    def __init__(self, data: Path, voice: str = "") -> None:
        self._data, self._voice_id = data, voice
        self._loaded: dict[str, tuple[object, Any]] = {}
        self._fallbacks: set[str] = set()  # roles of what was taken because something else was not here

    def load_backends(self, settings: Settings, hears: bool) -> Generator[ModelLoading | Notice, None, Backends]:
        """Yields what is being loaded; returns the parts. Raises `AssistantError`."""
        transcriber: Transcriber = (
            (yield from self._load_transcriber(settings))
            if hears
            else backends.load_transcriber("silent", LoadOptions())
        )
        look = replace(settings.responder, **_RUNTIME_FIELDS)
        responder: Responder = yield from self._load_role(
            "responder", look, lambda: _open_responder(settings.responder, self._data)
        )
        voice: Voice = yield from self._load_voice(settings)
        return Backends(transcriber, responder, voice)

    def load_transcriber(self, settings: Settings, emit: Callable[[Event], None]) -> Transcriber:
        """The transcriber alone."""
        loading = self._load_transcriber(settings)
        while True:
            try:
                emit(next(loading))
            except StopIteration as done:
                return done.value

    @property
    def responder(self) -> Responder | None:
        """Who answers, if it is loaded."""
        return self.loaded_settings("responder")

    def loaded_settings(self, role: str) -> Any:
        """What is loaded as "transcriber", "responder" or "voice", or None."""
        return self._loaded.get(role, (None, None))[1]

    def warm_up(self, settings: Settings) -> Generator[ModelLoading | Notice, None, None]:
        """Loads all parts and does now what would make the first question slow."""
        yield from self.load_backends(settings, True)
        for _, part in list(self._loaded.values()):
            part.warm_up()

    def _load_transcriber(self, settings: Settings) -> EmitEvent:
        return (
            yield from self._load_role(
                "transcriber", settings.transcriber, lambda: _open_transcriber(settings.transcriber)
            )
        )

    def unload_fallbacks(self) -> None:
        """What stands in for something that was not here goes: that may have come."""
        for role in self._fallbacks & set(self._loaded):
            self._loaded.pop(role)[1].close()
        self._fallbacks.clear()

    def close(self) -> None:
        """Lets all of them go; what is needed again is loaded again."""
        for _, part in self._loaded.values():
            part.close()
        self._loaded.clear()

    def _load_voice(self, settings: Settings) -> EmitEvent:
        notes: list[str] = []

        # One speaks: where the screen reader does, no sound is made.
        wanted = settings.voice.id if settings.voice.speaker == "hark" else "silent"

        def load() -> Voice:
            if wanted == "silent":
                return backends.load_voice("silent", LoadOptions())
            return voices.open_voice_or_default(self._voice_id, settings.voice.id, self._data, notes.append)

        part = yield from self._load_role("voice", wanted, load)
        if notes:
            self._fallbacks.add("voice")
        part.speed = min(max(settings.voice.speed, MIN_SPEED), MAX_SPEED)
        yield from map(Notice, notes)
        return part

    def _load_role(self, role: str, wanted: object, load: Callable[[], Any]) -> EmitEvent:
        kept = self._loaded.get(role)
        if kept and kept[0] == wanted:
            return kept[1]
        yield ModelLoading(role, False)
        try:
            part = load()
        except AssistantError as error:
            if kept is None:
                raise
            part = kept[1]
            yield Notice(
                tr("{message} {hint} What was chosen before stays.").format(message=error.message, hint=error.hint)
            )
        if kept and kept[1] is not part:
            kept[1].close()
        self._loaded[role] = (wanted, part)
        yield ModelLoading(role, True)
        if part.load_warning and not (kept and kept[1] is part):
            yield Notice(part.load_warning)
        return part


def _open_transcriber(hear: TranscriberSettings) -> Transcriber:
    model = local_store.find_model(hear.model, hear.backend) if hear.backend == "whisper" else hear.model
    return backends.load_transcriber(
        hear.backend,
        LoadOptions(
            model=model, device=hear.device, language=hear.language, gpu_memory_limit_gb=hear.gpu_memory_limit_gb
        ),
    )


def _open_responder(look: ResponderSettings, data: Path) -> Responder:
    model = local_store.find_model(look.model, look.backend) if look.backend == "qwen2-vl" else look.model
    options = LoadOptions(
        model=model,
        name=local_store.model_title(look.model, model),
        device=look.device,
        dtype=look.dtype,
        device_map=look.device_map,
        max_memory=look.max_memory,
        min_pixels=look.min_pixels,
        max_pixels=look.max_pixels,
        max_new_tokens=look.max_new_tokens,
        cpu_weight_format=look.cpu_weight_format,
        cache=str(data / "weights"),
        answer_from_preview=look.answer_from_preview,
        gpu_memory_limit_gb=look.gpu_memory_limit_gb,
        find_installed=local_store.find_installed_responder,
    )
    return backends.load_responder(look.backend, options)
