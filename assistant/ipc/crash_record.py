"""Counts which model crashes or hangs the engine, and replaces one that does so too often by the starter kit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from assistant.settings import ResponderSettings, Settings, TranscriberSettings, VoiceSettings
from assistant.text.i18n import tr, tr_noop

MAX_CRASHES = 3
_FALLBACKS: dict[str, Any] = {  # by role, which is also the section of the settings
    "transcriber": TranscriberSettings(),
    "responder": ResponderSettings(),
    "voice": VoiceSettings(),
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
    """Counts crashes by role: "transcriber", "responder" or "voice". The model that is being loaded is taken to be the
    cause, or else the one at work."""

    def __init__(self) -> None:
        self._loading_crashes: Counter[str] = Counter()
        self._working_crashes: Counter[str] = Counter()
        self._disabled: dict[str, Any] = {}  # settings that crashed too often, by role

    def record_loaded(self, role: str) -> None:
        """A model was loaded without a crash."""
        self._loading_crashes[role] = 0

    def record_answered(self) -> None:
        """A turn was answered: the models that were at work are healthy."""
        self._working_crashes.clear()

    def replace_disabled(self, settings: Settings) -> Settings:
        """The settings, with the starter kit in place of models that crashed too often and were not changed since."""
        for role, disabled in list(self._disabled.items()):
            if getattr(settings, role) == disabled:
                settings = replace(settings, **{role: _FALLBACKS[role]})
            else:
                del self._disabled[role]  # the user changed it: try it again
        return settings

    def disable_crashing_model(self, loading_role: str, stage: str, settings: Settings) -> tuple[Settings, str]:
        """Counts a crash while the model of `loading_role` was loaded, or in a step of `stage` ("" for none). Returns
        the settings to go on with, and a sentence for the user if they are others, else ""."""
        role = loading_role or _ROLE_OF_STAGE.get(stage, "")
        counts = self._loading_crashes if loading_role else self._working_crashes
        counts[role] += 1
        fallback = _FALLBACKS.get(role)
        if fallback is None or counts[role] < MAX_CRASHES or getattr(settings, role) == fallback:
            return settings, ""
        chosen = getattr(settings, role)
        model_name = getattr(chosen, "model", "") or getattr(chosen, "backend", "") or getattr(chosen, "id", "")
        self._disabled[role] = chosen
        counts.clear()
        sentence = tr(_LOADING_CRASH_TEXT if loading_role else _WORKING_CRASH_TEXT).format(
            what=tr(_ROLE_NAMES[role]), named=model_name
        )
        return replace(settings, **{role: fallback}), sentence
