"""A process around eSpeak NG's library, which may abort on hostile text. Knows nothing of Hark but this protocol.

In: one line of JSON per piece, `{"voice", "speed", "text"}`, `{"voice", "phonemes": text}`, or `{"list": true}`. Out:
`!`, a length and so much JSON (`{"rate"}`, `{"clauses"}`, `{"voices"}` or `{"error"}`), then for a piece `#`, a length
and 16-bit samples, until a length of zero."""

from __future__ import annotations

import ctypes
import json
import struct
import sys
from typing import Any, BinaryIO

import espeakng_loader

_SYNCHRONOUS, _UTF8, _IPA = 2, 1, 2
_RATE, _USUAL = 1, 175  # the parameter, and words a minute
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class _EspeakVoiceStruct(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


def _write_frame(out: BinaryIO, mark: bytes, body: bytes) -> None:
    out.write(mark + struct.pack("<I", len(body)) + body)
    out.flush()


def _list_voices(library: Any) -> list[dict[str, str]]:
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_EspeakVoiceStruct))
    table = library.espeak_ListVoices(None)
    found, index = [], 0
    while table[index]:
        voice = table[index].contents
        language = voice.languages[1:].split(b"\0")[0].decode()
        found.append({"language": language, "name": voice.name.decode(), "file": voice.identifier.decode()})
        index += 1
    return found


def _phonemize_clauses(library: Any, text: str) -> list[tuple[str, str]]:
    """Of each clause its phonemes (IPA) and what was read of the text for it: up to a letter into the next clause."""
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    raw = text.encode()
    buffer = ctypes.create_string_buffer(raw)
    place, found, read = ctypes.c_void_p(ctypes.addressof(buffer)), [], 0
    while place.value:
        phonemes = library.espeak_TextToPhonemes(ctypes.byref(place), _UTF8, _IPA)
        end = place.value - ctypes.addressof(buffer) if place.value else len(raw)
        found.append((phonemes.decode(errors="ignore"), raw[read:end].decode(errors="ignore")))
        read = end
    return found


def main() -> None:
    out = sys.stdout.buffer
    library = espeakng_loader.load_library()
    data = espeakng_loader.get_data_path().encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)

    def on_samples(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            _write_frame(out, b"#", ctypes.string_at(samples, count * 2))
        return 0

    callback = _CALLBACK(on_samples)
    library.espeak_SetSynthCallback(callback)
    files = {voice["language"].lower(): voice["file"] for voice in reversed(_list_voices(library))}
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if "list" in asked:
            _write_frame(out, b"!", json.dumps({"voices": _list_voices(library)}).encode())
            continue
        # Some voices answer only to their file's name; what follows a plus is a variant, such as "+f3".
        language, plus, variant = asked["voice"].partition("+")
        name = files.get(language.lower(), language) + plus + variant
        if library.espeak_SetVoiceByName(name.encode()) != 0:
            _write_frame(out, b"!", json.dumps({"error": "no such voice"}).encode())
            continue
        if "phonemes" in asked:
            _write_frame(out, b"!", json.dumps({"clauses": _phonemize_clauses(library, asked["phonemes"])}).encode())
            continue
        library.espeak_SetParameter(_RATE, round(_USUAL * float(asked["speed"])), 0)
        _write_frame(out, b"!", json.dumps({"rate": rate}).encode())
        text = asked["text"].encode() + b"\0"
        library.espeak_Synth(text, len(text), 0, 1, 0, _UTF8, None, None)
        _write_frame(out, b"#", b"")


if __name__ == "__main__":
    main()
