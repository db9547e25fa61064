"""Voices by id, such as `espeak/en-us`, `piper/piper-cori`, `coqui/my-voice:anna`. Knows nothing of how they sound."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assistant import backends
from assistant.errors import NotAvailableError
from assistant.interfaces import LoadOptions, Voice
from assistant.models import local_store
from assistant.models.catalog import CATALOG
from assistant.models.model_check import check_model
from assistant.safe_open import user_path
from assistant.text.i18n import tr

_PACK_FILES = {"coqui": "config.json", "piper": "*.onnx.json"}  # engines whose voices are folders, and a file of each


@dataclass(frozen=True)
class VoiceEntry:
    """A voice that can be chosen: its id, and its name for people."""

    id: str
    name: str


def packs_folder(data: Path) -> Path:
    """Where voice packs lie: a folder each, with `config.json` and weights, or `*.onnx` and `*.onnx.json`."""
    return data / "voices"


def open_voice(voice_id: str, data: Path) -> Voice:
    """Loads a voice, also by the path of its folder or of a file in it, with or without the engine's name in front.
    Raises `Missing` when there is none of this id or its files are gone."""
    engine, _, rest = voice_id.partition("/")
    if engine not in backends.VOICES:
        path, speaker = _path_named(voice_id)
        engine = _engine_of(path) if path else ""
        if not path or not engine:
            what = tr("There is no voice “{voice_id}”.").format(voice_id=voice_id)
            raise NotAvailableError("speak", what, tr("See hark voices."))
        return _open_packed(engine, path, speaker)
    if engine not in _PACK_FILES:
        return backends.load_voice(engine, LoadOptions(speaker=rest))
    path, speaker = _path_named(rest)
    if path and path.is_absolute():
        return _open_packed(engine, path, speaker)
    pack, _, speaker = rest.partition(":")
    if engine == "piper" and pack in CATALOG:
        return backends.load_voice(engine, LoadOptions(model=local_store.find_model(pack, engine), speaker=speaker))
    folder = packs_folder(data) / pack
    if not pack or user_path(pack).is_absolute() or not os.path.isdir(folder):
        what = tr("There is no voice “{voice_id}”: its folder “{folder}” is gone.")
        raise NotAvailableError("speak", what.format(voice_id=voice_id, folder=folder), tr("See hark voices."))
    return _open_packed(engine, folder, speaker)


def _path_named(text: str) -> tuple[Path | None, str]:
    """A folder or file that is there, and the speaker that may stand behind it and a colon."""
    before, _, speaker = text.rpartition(":")
    for name, voice in ((text, ""), (before, speaker)):
        path = user_path(name)
        if name and (os.path.isdir(path) or os.path.isfile(path)):
            return path, voice
    return None, ""


def _engine_of(path: Path) -> str:
    """Which engine speaks with what lies there, or ""."""
    folder = path if os.path.isdir(path) else path.parent
    return next((engine for engine in ("piper", "coqui") if any(folder.glob(_PACK_FILES[engine]))), "")


def _open_packed(engine: str, path: Path, speaker: str) -> Voice:
    """Of a folder of several of Piper's voices, a path to one names it."""
    if not os.path.isdir(path):
        voice = path.with_suffix("") if path.name.endswith(".onnx.json") else path
        path = voice if engine == "piper" and voice.suffix == ".onnx" else path.parent
    check_model(path if os.path.isdir(path) else path.parent, engine, "speak")
    return backends.load_voice(engine, LoadOptions(model=str(path), speaker=speaker))


def open_voice_or_default(named: str, usual: str, data: Path, note: Callable[[str], None]) -> Voice:
    """The voice that was named, or the usual one; a usual one that is gone gives way to eSpeak's, and that is said."""
    if named:
        return open_voice(named, data)
    try:
        return open_voice(usual, data)
    except NotAvailableError as error:
        note(tr("{message} eSpeak's English voice speaks instead.").format(message=error.message))
        return open_voice("espeak/en-us", data)


def list_voices(data: Path) -> list[VoiceEntry]:
    """Every voice on this machine: got from a hub, eSpeak NG's, and packs."""
    from assistant.backends import espeak

    speaker = espeak.EspeakVoice("en-us")
    try:
        found = [VoiceEntry(f"espeak/{v['language']}", v["name"]) for v in speaker.list_voices()]
    except (OSError, EOFError):
        found = []
    finally:
        speaker.close()
    packs = packs_folder(data)
    for folder in sorted(packs.iterdir()) if packs.is_dir() else ():
        for engine, file in _PACK_FILES.items():
            if any(folder.glob(file)):
                found.append(VoiceEntry(f"{engine}/{folder.name}", folder.name))
    got = [one for one in CATALOG.values() if one.task == "voice" and local_store.is_installed(one)]
    return [VoiceEntry(f"{one.backend}/{one.name}", one.name.replace("-", " ").capitalize()) for one in got] + found
