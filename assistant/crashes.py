"""Which part of the engine crashed or hung how often; what does so too often gives way to the starter kit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from assistant.settings import Hear, Look, Settings, Speak
from assistant.words.tongue import mark, tr

MOST_CRASHES = 3
_KIT: dict[str, tuple[str, Any]] = {"ear": ("hear", Hear()), "eye": ("look", Look()), "voice": ("speak", Speak())}
_PARTS = {"ear": mark("speech model"), "eye": mark("model"), "voice": mark("voice")}
_PART_OF_STAGE = {"hear": "ear", "answer": "eye", "speak": "voice"}
_WHILE_LOADING = mark(
    "The {what} “{named}” stopped Hark three times while it was loading; "
    "the starter kit stands in. Choose another one in the settings."
)
_AT_WORK = mark(
    "The {what} “{named}” held Hark up three times; the starter kit stands in. Choose another one in the settings."
)


class CrashRecord:
    """Counts crashes by part: one that is being loaded, or else the one at work, is taken for the culprit."""

    def __init__(self) -> None:
        self._loading: Counter[str] = Counter()
        self._working: Counter[str] = Counter()
        self._refused: dict[str, Any] = {}  # by section of the settings, what crashed too often

    def loaded(self, part: str) -> None:
        self._loading[part] = 0

    def answered(self) -> None:
        """A turn came to its end: whatever was at work works."""
        self._working.clear()

    def allowed(self, settings: Settings) -> Settings:
        """The settings, with the starter kit in place of what crashed too often and has not been changed since."""
        for section, refused in list(self._refused.items()):
            if getattr(settings, section) == refused:
                settings = replace(settings, **{section: type(refused)()})
            else:
                del self._refused[section]  # something of it was changed: it may be tried again
        return settings

    def blame(self, loading: str, stage: str, settings: Settings) -> tuple[Settings, str]:
        """After a crash while the part `loading` was loaded, or in a step of `stage` ("" for none): the settings to go
        on with, and a sentence if they are others."""
        part = loading or _PART_OF_STAGE.get(stage, "")
        counts = self._loading if loading else self._working
        counts[part] += 1
        section, kit = _KIT.get(part, ("", None))
        if not section or counts[part] < MOST_CRASHES or getattr(settings, section) == kit:
            return settings, ""
        chosen = getattr(settings, section)
        named = getattr(chosen, "model", "") or getattr(chosen, "responder", "") or getattr(chosen, "voice", "")
        self._refused[section] = chosen
        counts.clear()
        sentence = tr(_WHILE_LOADING if loading else _AT_WORK).format(what=tr(_PARTS[part]), named=named)
        return replace(settings, **{section: kit}), sentence
