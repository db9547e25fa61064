"""The text that greets the user at the first start."""

from __future__ import annotations

from assistant.text.i18n import tr


def welcome_text() -> str:
    """What works already, and what the user can install, in a few sentences that are shown and spoken."""
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
