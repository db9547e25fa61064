"""Voices by id, such as `espeak/en-us`, `piper/piper-cori`, `coqui/my-voice:anna`. Knows nothing of how they sound."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assistant import backends
from assistant.errors import Missing
from assistant.library import models
from assistant.library.catalogue import CATALOGUE
from assistant.roles import Options, Voice
from assistant.words.tongue import tr

_PACKED = {"coqui": "config.json", "piper": "*.onnx.json"}  # engines whose voices are folders, and a file of each


@dataclass(frozen=True)
class VoiceEntry:
    """A voice that can be chosen: its id, and its name for people."""

    id: str
    name: str


def folder_of(data: Path) -> Path:
    """Where voice packs lie: a folder each, with `config.json` and weights, or `*.onnx` and `*.onnx.json`."""
    return data / "voices"


def open_voice(voice_id: str, data: Path) -> Voice:
    """Loads a voice. Raises `Missing` when there is none of this id or its files are gone."""
    engine, _, rest = voice_id.partition("/")
    if engine not in backends.VOICES:
        raise Missing("speak", tr("There is no voice “{voice_id}”.").format(voice_id=voice_id), tr("See hark voices."))
    if engine not in _PACKED:
        return backends.load_voice(engine, Options(speaker=rest))
    pack, _, speaker = rest.partition(":") if not os.path.isdir(rest) else (rest, "", "")
    if engine == "piper" and pack in CATALOGUE:
        return backends.load_voice(engine, Options(model=models.locate(pack, engine), speaker=speaker))
    folder = Path(pack) if Path(pack).is_absolute() else folder_of(data) / pack
    if not pack or not os.path.isdir(folder):
        raise Missing(
            "speak",
            tr("There is no voice “{voice_id}”: its folder “{folder}” is gone.").format(
                voice_id=voice_id, folder=folder
            ),
            tr("See hark voices."),
        )
    return backends.load_voice(engine, Options(model=str(folder), speaker=speaker))


def open_chosen(named: str, usual: str, data: Path, note: Callable[[str], None]) -> Voice:
    """The voice that was named, or the usual one; a usual one that is gone gives way to eSpeak's, and that is said."""
    if named:
        return open_voice(named, data)
    try:
        return open_voice(usual, data)
    except Missing as error:
        note(tr("{message} eSpeak's English voice speaks instead.").format(message=error.message))
        return open_voice("espeak/en-us", data)


def voices(data: Path) -> list[VoiceEntry]:
    """Every voice on this machine: got from a hub, eSpeak NG's, and packs."""
    from assistant.backends import espeak

    speaker = espeak.Espeak("en-us")
    try:
        found = [VoiceEntry(f"espeak/{v['language']}", v["name"]) for v in speaker.voices()]
    except (OSError, EOFError):
        found = []
    finally:
        speaker.close()
    packs = folder_of(data)
    for folder in sorted(packs.iterdir()) if packs.is_dir() else ():
        for engine, file in _PACKED.items():
            if any(folder.glob(file)):
                found.append(VoiceEntry(f"{engine}/{folder.name}", folder.name))
    got = [one for one in CATALOGUE.values() if one.job == "speak" and models.is_here(one)]
    return [VoiceEntry(f"{one.part}/{one.name}", one.name.replace("-", " ").capitalize()) for one in got] + found
