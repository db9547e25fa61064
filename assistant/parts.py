"""The parts on hand: loaded when first needed, kept until their settings change. Knows nothing of turns."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from assistant import backends
from assistant.errors import AssistantError
from assistant.events import Event, Loading, Noted
from assistant.library import models, voices
from assistant.roles import Options, Parts, Responder, Transcriber, Voice
from assistant.settings import FASTEST, SLOWEST, Hear, Look, Settings
from assistant.words.tongue import tr

# Of these settings the model knows nothing: it is not loaded again for them.
_NOT_THE_MODELS: dict[str, Any] = {
    name: getattr(Look(), name)
    for name in ("system", "describe", "video_frames", "video_rate", "describe_dropped", "camera")
}
Told = Generator[Loading | Noted, None, Any]


class Shelf:
    """Loads the parts that settings name. When a changed one fails to open, the one before stays, and that is said.

    `voice` overrules the settings' voice. `close` ends what runs in processes of its own."""

    def __init__(self, data: Path, voice: str = "") -> None:
        self._data, self._voice_id = data, voice
        self._kept: dict[str, tuple[object, Any]] = {}
        self._stand_ins: set[str] = set()  # roles of what was taken because something else was not here

    def parts(self, settings: Settings, hears: bool) -> Generator[Loading | Noted, None, Parts]:
        """Yields what is being loaded; returns the parts. Raises `AssistantError`."""
        transcriber: Transcriber = (
            (yield from self._ear(settings)) if hears else backends.load_transcriber("silent", Options())
        )
        look = replace(settings.look, **_NOT_THE_MODELS)
        responder: Responder = yield from self._take("eye", look, lambda: _responder(settings.look, self._data))
        voice: Voice = yield from self._voice(settings)
        return Parts(transcriber, responder, voice)

    def ear(self, settings: Settings, emit: Callable[[Event], None]) -> Transcriber:
        """The transcriber alone."""
        loading = self._ear(settings)
        while True:
            try:
                emit(next(loading))
            except StopIteration as done:
                return done.value

    @property
    def responder(self) -> Responder | None:
        """Who answers, if it is loaded."""
        return self.kept("eye")

    def kept(self, role: str) -> Any:
        """What is loaded as "ear", "eye" or "voice", or None."""
        return self._kept.get(role, (None, None))[1]

    def warm(self, settings: Settings) -> Generator[Loading | Noted, None, None]:
        """Loads all parts and does now what would make the first question slow."""
        yield from self.parts(settings, True)
        for _, part in list(self._kept.values()):
            part.warm()

    def _ear(self, settings: Settings) -> Told:
        return (yield from self._take("ear", settings.hear, lambda: _transcriber(settings.hear)))

    def look_again(self) -> None:
        """What stands in for something that was not here goes: that may have come."""
        for role in self._stand_ins & set(self._kept):
            self._kept.pop(role)[1].close()
        self._stand_ins.clear()

    def close(self) -> None:
        """Lets all of them go; what is needed again is loaded again."""
        for _, part in self._kept.values():
            part.close()
        self._kept.clear()

    def _voice(self, settings: Settings) -> Told:
        notes: list[str] = []

        # One speaks: where the screen reader does, no sound is made.
        wanted = settings.speak.voice if settings.speak.by == "hark" else "silent"

        def load() -> Voice:
            if wanted == "silent":
                return backends.load_voice("silent", Options())
            return voices.open_chosen(self._voice_id, settings.speak.voice, self._data, notes.append)

        part = yield from self._take("voice", wanted, load)
        if notes:
            self._stand_ins.add("voice")
        part.speed = min(max(settings.speak.speed, SLOWEST), FASTEST)
        yield from map(Noted, notes)
        return part

    def _take(self, role: str, wanted: object, load: Callable[[], Any]) -> Told:
        kept = self._kept.get(role)
        if kept and kept[0] == wanted:
            return kept[1]
        yield Loading(role, False)
        try:
            part = load()
        except AssistantError as error:
            if kept is None:
                raise
            part = kept[1]
            yield Noted(
                tr("{message} {hint} What was chosen before stays.").format(message=error.message, hint=error.hint)
            )
        if kept and kept[1] is not part:
            kept[1].close()
        self._kept[role] = (wanted, part)
        yield Loading(role, True)
        if part.note and not (kept and kept[1] is part):
            yield Noted(part.note)
        return part


def _transcriber(hear: Hear) -> Transcriber:
    model = models.locate(hear.model, hear.transcriber) if hear.transcriber == "whisper" else hear.model
    return backends.load_transcriber(
        hear.transcriber, Options(model=model, device=hear.device, language=hear.language, budget=hear.budget)
    )


def _responder(look: Look, data: Path) -> Responder:
    model = models.locate(look.model, look.responder) if look.responder == "qwen2-vl" else look.model
    options = Options(
        model=model, name=models.title_of(look.model, model), device=look.device, dtype=look.dtype,
        device_map=look.device_map, max_memory=look.max_memory,
        min_pixels=look.min_pixels, max_pixels=look.max_pixels, max_new_tokens=look.max_new_tokens,
        weights=look.weights, cache=str(data / "weights"), glance=look.glance, budget=look.budget,
        find_installed=models.find_installed_responder,
    )  # fmt: skip
    return backends.load_responder(look.responder, options)
