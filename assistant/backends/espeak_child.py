"""A process around eSpeak NG's library, which may abort on hostile text. Knows nothing of Hark but this protocol.

In: one line of JSON per piece, `{"voice", "speed", "text"}`, or `{"list": true}`. Out: `!`, a length and so much JSON
(`{"rate"}`, `{"voices"}` or `{"error"}`), then for a piece `#`, a length and 16-bit samples, until a length of zero."""

from __future__ import annotations

import ctypes
import json
import struct
import sys
from typing import Any, BinaryIO

import espeakng_loader

_SYNCHRONOUS, _UTF8 = 2, 1
_RATE, _USUAL = 1, 175  # the parameter, and words a minute
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class _Voice(ctypes.Structure):
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


def _send(out: BinaryIO, mark: bytes, body: bytes) -> None:
    out.write(mark + struct.pack("<I", len(body)) + body)
    out.flush()


def _voices(library: Any) -> list[dict[str, str]]:
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    table = library.espeak_ListVoices(None)
    found, index = [], 0
    while table[index]:
        voice = table[index].contents
        language = voice.languages[1:].split(b"\0")[0].decode()
        found.append({"language": language, "name": voice.name.decode(), "file": voice.identifier.decode()})
        index += 1
    return found


def main() -> None:
    out = sys.stdout.buffer
    library = espeakng_loader.load_library()
    data = espeakng_loader.get_data_path().encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)

    def heard(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            _send(out, b"#", ctypes.string_at(samples, count * 2))
        return 0

    callback = _CALLBACK(heard)
    library.espeak_SetSynthCallback(callback)
    files = {voice["language"].lower(): voice["file"] for voice in reversed(_voices(library))}
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if "list" in asked:
            _send(out, b"!", json.dumps({"voices": _voices(library)}).encode())
            continue
        # Some voices answer only to their file's name; what follows a plus is a variant, such as "+f3".
        language, plus, variant = asked["voice"].partition("+")
        name = files.get(language.lower(), language) + plus + variant
        if library.espeak_SetVoiceByName(name.encode()) != 0:
            _send(out, b"!", json.dumps({"error": "no such voice"}).encode())
            continue
        library.espeak_SetParameter(_RATE, round(_USUAL * float(asked["speed"])), 0)
        _send(out, b"!", json.dumps({"rate": rate}).encode())
        text = asked["text"].encode() + b"\0"
        library.espeak_Synth(text, len(text), 0, 1, 0, _UTF8, None, None)
        _send(out, b"#", b"")


if __name__ == "__main__":
    main()
