"""Loads back ends when they are first needed, and keeps them until their settings change."""

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

# Settings that do not affect loading: a change of these does not reload the responder.
_RUNTIME_FIELDS: dict[str, Any] = {
    name: getattr(ResponderSettings(), name)
    for name in ("system_prompt", "default_prompt", "video_frames", "video_fps", "auto_describe", "camera")
}
EmitEvent = Generator[ModelLoading | Notice, None, Any]


class ModelManager:
    """Loads and keeps the back ends that the settings name. If a changed one cannot be loaded, the previous one stays.

    `data`: the folder of Hark's data.
    `voice`: the id of a voice that overrides the settings', "" for none."""

    def __init__(self, data: Path, voice: str = "") -> None:
        self._data, self._voice_id = data, voice
        self._loaded: dict[str, tuple[object, Any]] = {}
        self._fallbacks: set[str] = set()  # roles whose back end replaces one that was not installed

    def load_backends(self, settings: Settings, hears: bool) -> Generator[ModelLoading | Notice, None, Backends]:
        """Yields what is being loaded; returns the back ends. Without `hears` the transcriber is a silent one.

        Raises `AssistantError` if one cannot be loaded and there is no previous one."""
        transcriber: Transcriber = (
            (yield from self._load_transcriber(settings))
            if hears
            else backends.load_transcriber("silent", LoadOptions())
        )
        settings_to_load = replace(settings.responder, **_RUNTIME_FIELDS)
        responder: Responder = yield from self._load_role(
            "responder", settings_to_load, lambda: _open_responder(settings.responder, self._data)
        )
        voice: Voice = yield from self._load_voice(settings)
        return Backends(transcriber, responder, voice)

    def load_transcriber(self, settings: Settings, emit: Callable[[Event], None]) -> Transcriber:
        """Loads the transcriber only, and passes the events to `emit`. Raises `AssistantError`."""
        loading = self._load_transcriber(settings)
        while True:
            try:
                emit(next(loading))
            except StopIteration as done:
                return done.value

    @property
    def responder(self) -> Responder | None:
        """The responder, if it is loaded."""
        return self.loaded_backend("responder")

    def loaded_backend(self, role: str) -> Any:
        """The loaded "transcriber", "responder" or "voice", or None."""
        return self._loaded.get(role, (None, None))[1]

    def warm_up(self, settings: Settings) -> Generator[ModelLoading | Notice, None, None]:
        """Loads all back ends and warms them up, so that the first question is not slow."""
        yield from self.load_backends(settings, True)
        for _, backend in list(self._loaded.values()):
            backend.warm_up()

    def _load_transcriber(self, settings: Settings) -> EmitEvent:
        return (
            yield from self._load_role(
                "transcriber", settings.transcriber, lambda: _open_transcriber(settings.transcriber)
            )
        )

    def unload_fallbacks(self) -> None:
        """Unloads replacements of back ends that were not installed: these may be by now."""
        for role in self._fallbacks & set(self._loaded):
            self._loaded.pop(role)[1].close()
        self._fallbacks.clear()

    def close(self) -> None:
        """Closes all back ends; they are loaded again when needed."""
        for _, backend in self._loaded.values():
            backend.close()
        self._loaded.clear()

    def _load_voice(self, settings: Settings) -> EmitEvent:
        notes: list[str] = []

        # With the screen reader as speaker, Hark itself is silent.
        voice_key = settings.voice.id if settings.voice.speaker == "hark" else "silent"

        def load() -> Voice:
            if voice_key == "silent":
                return backends.load_voice("silent", LoadOptions())
            return voices.open_voice_or_default(self._voice_id, settings.voice.id, self._data, notes.append)

        voice = yield from self._load_role("voice", voice_key, load)
        if notes:
            self._fallbacks.add("voice")
        voice.speed = min(max(settings.voice.speed, MIN_SPEED), MAX_SPEED)
        yield from map(Notice, notes)
        return voice

    def _load_role(self, role: str, key: object, load: Callable[[], Any]) -> EmitEvent:
        previous = self._loaded.get(role)
        if previous and previous[0] == key:
            return previous[1]
        yield ModelLoading(role, False)
        try:
            backend = load()
        except AssistantError as error:
            if previous is None:
                raise
            backend = previous[1]
            yield Notice(
                tr("{message} {hint} What was chosen before stays.").format(message=error.message, hint=error.hint)
            )
        if previous and previous[1] is not backend:
            previous[1].close()
        self._loaded[role] = (key, backend)
        yield ModelLoading(role, True)
        if backend.load_warning and not (previous and previous[1] is backend):
            yield Notice(backend.load_warning)
        return backend


def _open_transcriber(settings: TranscriberSettings) -> Transcriber:
    model = (
        local_store.find_model(settings.model, settings.backend) if settings.backend == "whisper" else settings.model
    )
    return backends.load_transcriber(
        settings.backend,
        LoadOptions(
            model=model,
            device=settings.device,
            language=settings.language,
            gpu_memory_limit_gb=settings.gpu_memory_limit_gb,
        ),
    )


def _open_responder(settings: ResponderSettings, data: Path) -> Responder:
    model = (
        local_store.find_model(settings.model, settings.backend) if settings.backend == "qwen2-vl" else settings.model
    )
    options = LoadOptions(
        model=model,
        name=local_store.model_title(settings.model, model),
        device=settings.device,
        dtype=settings.dtype,
        device_map=settings.device_map,
        max_memory=settings.max_memory,
        min_pixels=settings.min_pixels,
        max_pixels=settings.max_pixels,
        max_new_tokens=settings.max_new_tokens,
        cpu_weight_format=settings.cpu_weight_format,
        cache=str(data / "weights"),
        answer_from_preview=settings.answer_from_preview,
        gpu_memory_limit_gb=settings.gpu_memory_limit_gb,
        find_installed=local_store.find_installed_responder,
    )
    return backends.load_responder(settings.backend, options)
