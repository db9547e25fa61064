"""The first run: what works now, and what one more step brings, in writing and aloud. Knows nothing of widgets."""

from __future__ import annotations

from assistant.text.i18n import tr


def welcome_text() -> str:
    """What a person hears when Hark starts for the first time."""
    return " ".join(
        (
            tr("Welcome. Nothing leaves this computer."),
            tr("The starter kit is ready: drop a picture of plain shapes or printed text."),
            tr("Then hold F9 and ask, or type."),
            tr("Its ear understands a few questions in English, and no other language; you can type."),
            tr(
                "Under Models, one button gets Whisper, which hears Chinese and many other languages, "
                "Qwen2-VL, which sees far more, and a better voice."
            ),
            tr("F1 tells all keys, F8 checks this computer."),
        )
    )
