"""The first run: what works now, and what one more step brings, in writing and aloud. Knows nothing of widgets."""

from __future__ import annotations

from assistant.words.tongue import tr


def words() -> str:
    """What a person hears when Hark starts for the first time."""
    return " ".join(
        (
            tr("Welcome. Nothing leaves this computer."),
            tr("The starter kit is ready: drop a picture of plain shapes or printed text."),
            tr("Then hold F9 and ask, or type."),
            tr("Under Models, one button gets Whisper, Qwen2-VL and a voice, which hear, see and speak far better."),
            tr("F1 tells all keys, F8 checks this computer."),
        )
    )
