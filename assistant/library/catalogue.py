"""The models that Hark knows by name, and which fit a computer. Knows nothing of what is here or how it runs."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.words import tongue

_PIPER = "rhasspy/piper-voices"


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be got by name. `job` is hear, look or speak; `size` in GB, about; `part` is the back end's
    name. `folder`: where in the hub's repository it is, if not all of it is wanted; `hub`: the only one that has it;
    `language`: the only one that it speaks; `quantised`: in which way its weights are, by those who publish it."""

    name: str
    job: str
    part: str
    repo: str
    size: float
    licence: str
    folder: str = ""
    hub: str = ""
    language: str = ""
    quantised: str = ""

    @property
    def memory(self) -> float:
        """GB of the computer's memory that it wants: its weights, and of those that answer a second set in four
        bits."""
        return self.size * (1.35 if self.job == "look" and not self.quantised else 1.1) + 0.5

    @property
    def card(self) -> float:
        """GB of a graphics card's memory that it wants: its weights, and what it makes while it works."""
        return self.size * 1.25


def _look(name: str, repo: str, size: float, licence: str = "Apache-2.0", quantised: str = "") -> ModelEntry:
    return ModelEntry(name, "look", "qwen2-vl", f"Qwen/{repo}", size, licence, quantised=quantised)


def _speak(name: str, language: str, folder: str, licence: str) -> ModelEntry:
    return ModelEntry(
        name, "speak", "piper", _PIPER, 0.06, licence, folder=folder, hub="huggingface", language=language
    )


# Of a job that which comes last is the best. Sizes of what is quantised: four or eight bits for each weight of the
# language model's layers, two bytes for the rest.
CATALOGUE = {
    entry.name: entry
    for entry in (
        ModelEntry("whisper-tiny", "hear", "whisper", "Systran/faster-whisper-tiny", 0.08, "MIT"),
        ModelEntry("whisper-small", "hear", "whisper", "Systran/faster-whisper-small", 0.5, "MIT"),
        ModelEntry("whisper-large-v3", "hear", "whisper", "Systran/faster-whisper-large-v3", 3.1, "MIT"),
        _look("qwen2-vl-2b", "Qwen2-VL-2B-Instruct", 4.4),
        _look("qwen2-vl-2b-awq", "Qwen2-VL-2B-Instruct-AWQ", 2.5, quantised="AWQ, 4 bits"),
        _look("qwen2-vl-7b", "Qwen2-VL-7B-Instruct", 16.6),
        _look("qwen2-vl-7b-awq", "Qwen2-VL-7B-Instruct-AWQ", 6.9, quantised="AWQ, 4 bits"),
        _look("qwen2-vl-7b-gptq", "Qwen2-VL-7B-Instruct-GPTQ-Int8", 10.2, quantised="GPTQ, 8 bits"),
        _look("qwen2-vl-72b", "Qwen2-VL-72B-Instruct", 147.0, "Qwen"),
        _look("qwen2-vl-72b-awq", "Qwen2-VL-72B-Instruct-AWQ", 43.0, "Qwen", quantised="AWQ, 4 bits"),
        _speak("piper-norman", "en", "en/en_US/norman/medium", "MIT"),
        _speak("piper-cori", "en", "en/en_GB/cori/medium", "MIT"),
        _speak("piper-ljspeech", "en", "en/en_US/ljspeech/medium", "MIT"),
        _speak("piper-huayan", "zh", "zh/zh_CN/huayan/medium", "see MODEL_CARD"),
    )
}


def fits(entry: ModelEntry, memory: float, card: float) -> bool:
    """Whether a computer with so many GB of memory, or its graphics card with so many, has what a model wants; what is
    quantised runs on a card only."""
    return entry.card <= card or (not entry.quantised and entry.memory <= memory)


def fitting(memory: float, language: str = "", card: float = 0.0) -> list[ModelEntry]:
    """The best of each job for a machine with so many GB of memory, half of which stays for everything else, and for a
    graphics card with so many. A voice speaks `language`, or what the window speaks."""
    spoken = language or tongue.language()
    # The largest Whisper hears little better and takes four times as long on a processor; what is quantised needs
    # packages that do not come with Hark.
    usual = [
        entry
        for entry in CATALOGUE.values()
        if entry.name != "whisper-large-v3" and not entry.quantised and entry.language in ("", spoken)
    ]
    best = {entry.job: entry for entry in usual if fits(entry, memory / 2, card)}
    return list(best.values())
