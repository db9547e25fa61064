"""Opens and lists voices by id, such as `espeak/en-us`, `piper/piper-cori` or `coqui/my-voice:anna`."""

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

_PACK_FILES = {"coqui": "config.json", "piper": "*.onnx.json"}  # engines whose voices are folders; a file in each


@dataclass(frozen=True)
class VoiceEntry:
    """A voice that can be chosen."""

    id: str  # as `open_voice` takes it
    name: str  # as it is shown


def packs_folder(data: Path) -> Path:
    """The folder of voice packs: a folder each, with `config.json` and weights, or `*.onnx` and `*.onnx.json`."""
    return data / "voices"


def open_voice(voice_id: str, data: Path) -> Voice:
    """Loads a voice by its id, or by the path of its folder or of a file in it, with or without the engine in front.

    `data`: the folder of Hark's data. Raises `NotAvailableError` if there is no such voice or its files are gone."""
    engine, _, name = voice_id.partition("/")
    if engine not in backends.VOICES:
        path, speaker = _split_path(voice_id)
        engine = _find_engine(path) if path else ""
        if not path or not engine:
            message = tr("There is no voice “{voice_id}”.").format(voice_id=voice_id)
            raise NotAvailableError("speak", message, tr("See hark voices."))
        return _open_pack(engine, path, speaker)
    if engine not in _PACK_FILES:
        return backends.load_voice(engine, LoadOptions(speaker=name))
    path, speaker = _split_path(name)
    if path and path.is_absolute():
        return _open_pack(engine, path, speaker)
    pack, _, speaker = name.partition(":")
    if engine == "piper" and pack in CATALOG:
        return backends.load_voice(engine, LoadOptions(model=local_store.find_model(pack, engine), speaker=speaker))
    folder = packs_folder(data) / pack
    if not pack or user_path(pack).is_absolute() or not os.path.isdir(folder):
        message = tr("There is no voice “{voice_id}”: its folder “{folder}” is gone.")
        raise NotAvailableError("speak", message.format(voice_id=voice_id, folder=folder), tr("See hark voices."))
    return _open_pack(engine, folder, speaker)


def _split_path(text: str) -> tuple[Path | None, str]:
    """Splits `path:speaker`; the speaker may be missing. (None, "") if there is no such folder or file."""
    before_colon, _, speaker = text.rpartition(":")
    for name, speaker_name in ((text, ""), (before_colon, speaker)):
        path = user_path(name)
        if name and (os.path.isdir(path) or os.path.isfile(path)):
            return path, speaker_name
    return None, ""


def _find_engine(path: Path) -> str:
    """The engine of the voice pack at this path, or ""."""
    folder = path if os.path.isdir(path) else path.parent
    return next((engine for engine in ("piper", "coqui") if any(folder.glob(_PACK_FILES[engine]))), "")


def _open_pack(engine: str, path: Path, speaker: str) -> Voice:
    """Loads a voice pack; in a folder of several Piper voices, `path` is a file of one of them."""
    if not os.path.isdir(path):
        voice = path.with_suffix("") if path.name.endswith(".onnx.json") else path
        path = voice if engine == "piper" and voice.suffix == ".onnx" else path.parent
    check_model(path if os.path.isdir(path) else path.parent, engine, "speak")
    return backends.load_voice(engine, LoadOptions(model=str(path), speaker=speaker))


def open_voice_or_default(requested_id: str, default_id: str, data: Path, on_note: Callable[[str], None]) -> Voice:
    """Opens the requested voice, or the default one if the id is "". A missing default is replaced by eSpeak's English
    voice, which is reported to `on_note`. Raises `NotAvailableError`."""
    if requested_id:
        return open_voice(requested_id, data)
    try:
        return open_voice(default_id, data)
    except NotAvailableError as error:
        on_note(tr("{message} eSpeak's English voice speaks instead.").format(message=error.message))
        return open_voice("espeak/en-us", data)


def list_voices(data: Path) -> list[VoiceEntry]:
    """All voices on this machine: downloaded ones, eSpeak NG's, and voice packs."""
    from assistant.backends import espeak

    espeak_voice = espeak.EspeakVoice("en-us")
    try:
        entries = [VoiceEntry(f"espeak/{voice['language']}", voice["name"]) for voice in espeak_voice.list_voices()]
    except (OSError, EOFError):
        entries = []
    finally:
        espeak_voice.close()
    packs = packs_folder(data)
    for folder in sorted(packs.iterdir()) if packs.is_dir() else ():
        for engine, pattern in _PACK_FILES.items():
            if any(folder.glob(pattern)):
                entries.append(VoiceEntry(f"{engine}/{folder.name}", folder.name))
    downloaded = [entry for entry in CATALOG.values() if entry.task == "voice" and local_store.is_installed(entry)]
    return [
        VoiceEntry(f"{entry.backend}/{entry.name}", entry.name.replace("-", " ").capitalize()) for entry in downloaded
    ] + entries
