"""Which part of the engine crashed or hung how often; what does so too often gives way to the starter kit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from assistant.settings import ResponderSettings, Settings, TranscriberSettings, VoiceSettings
from assistant.text.i18n import tr, tr_noop

MAX_CRASHES = 3
_FALLBACKS: dict[str, tuple[str, Any]] = {
    "transcriber": ("transcriber", TranscriberSettings()),
    "responder": ("responder", ResponderSettings()),
    "voice": ("voice", VoiceSettings()),
}
_ROLE_NAMES = {"transcriber": tr_noop("speech model"), "responder": tr_noop("model"), "voice": tr_noop("voice")}
_ROLE_OF_STAGE = {"hear": "transcriber", "answer": "responder", "speak": "voice"}
_LOADING_CRASH_TEXT = tr_noop(
    "The {what} “{named}” stopped Hark three times while it was loading; "
    "the starter kit stands in. Choose another one in the settings."
)
_WORKING_CRASH_TEXT = tr_noop(
    "The {what} “{named}” held Hark up three times; the starter kit stands in. Choose another one in the settings."
)


class CrashRecord:
    """Counts crashes by part: one that is being loaded, or else the one at work, is taken for the culprit."""

    def __init__(self) -> None:
        self._loading_crashes: Counter[str] = Counter()
        self._working_crashes: Counter[str] = Counter()
        self._disabled: dict[str, Any] = {}  # by section of the settings, what crashed too often

    def record_loaded(self, role: str) -> None:
        self._loading_crashes[role] = 0

    def record_answered(self) -> None:
        """A turn came to its end: whatever was at work works."""
        self._working_crashes.clear()

    def replace_disabled(self, settings: Settings) -> Settings:
        """The settings, with the starter kit in place of what crashed too often and has not been changed since."""
        for section, disabled in list(self._disabled.items()):
            if getattr(settings, section) == disabled:
                settings = replace(settings, **{section: type(disabled)()})
            else:
                del self._disabled[section]  # something of it was changed: it may be tried again
        return settings

    def disable_crashing_model(self, loading_role: str, stage: str, settings: Settings) -> tuple[Settings, str]:
        """After a crash while the part `loading` was loaded, or in a step of `stage` ("" for none): the settings to go
        on with, and a sentence if they are others."""
        role = loading_role or _ROLE_OF_STAGE.get(stage, "")
        counts = self._loading_crashes if loading_role else self._working_crashes
        counts[role] += 1
        section, fallback = _FALLBACKS.get(role, ("", None))
        if not section or counts[role] < MAX_CRASHES or getattr(settings, section) == fallback:
            return settings, ""
        chosen = getattr(settings, section)
        model_name = getattr(chosen, "model", "") or getattr(chosen, "backend", "") or getattr(chosen, "id", "")
        self._disabled[section] = chosen
        counts.clear()
        sentence = tr(_LOADING_CRASH_TEXT if loading_role else _WORKING_CRASH_TEXT).format(
            what=tr(_ROLE_NAMES[role]), named=model_name
        )
        return replace(settings, **{section: fallback}), sentence
