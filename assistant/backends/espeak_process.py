"""The child process around eSpeak NG's library, which may abort on hostile text.

A request is a line of JSON: `{"voice", "speed", "text"}`, `{"voice", "phonemes": text}` or `{"list": true}`. The answer
is a frame `!` of JSON (`{"rate"}`, `{"clauses"}`, `{"voices"}` or `{"error"}`). For a text, frames `#` of 16-bit
samples follow, and an empty one ends them. A frame is its mark, a length (32 bits, little-endian) and so many bytes."""

from __future__ import annotations

import ctypes
import json
import struct
import sys
from typing import Any, BinaryIO

import espeakng_loader

# Of espeak-ng's speak_lib.h: AUDIO_OUTPUT_SYNCHRONOUS, espeakCHARS_UTF8, the phoneme mode for IPA, espeakRATE.
_SYNCHRONOUS, _UTF8, _PHONEMES_AS_IPA, _RATE_PARAMETER = 2, 1, 2, 1
_DEFAULT_WORDS_PER_MINUTE = 175
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
    voices, index = [], 0
    while table[index]:
        voice = table[index].contents
        language = voice.languages[1:].split(b"\0")[0].decode()
        voices.append({"language": language, "name": voice.name.decode(), "file": voice.identifier.decode()})
        index += 1
    return voices


def _phonemize_clauses(library: Any, text: str) -> list[tuple[str, str]]:
    """The phonemes (IPA) of each clause and the text that was read for it, up to a letter into the next clause."""
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    text_bytes = text.encode()
    buffer = ctypes.create_string_buffer(text_bytes)
    position, clauses, read_count = ctypes.c_void_p(ctypes.addressof(buffer)), [], 0
    while position.value:
        phonemes = library.espeak_TextToPhonemes(ctypes.byref(position), _UTF8, _PHONEMES_AS_IPA)
        end = position.value - ctypes.addressof(buffer) if position.value else len(text_bytes)
        clauses.append((phonemes.decode(errors="ignore"), text_bytes[read_count:end].decode(errors="ignore")))
        read_count = end
    return clauses


def main() -> None:
    """Answers requests on standard input until it is closed."""
    output = sys.stdout.buffer
    library = espeakng_loader.load_library()
    data_folder = espeakng_loader.get_data_path().encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data_folder, 0)

    def on_samples(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            _write_frame(output, b"#", ctypes.string_at(samples, count * 2))
        return 0

    callback = _CALLBACK(on_samples)
    library.espeak_SetSynthCallback(callback)
    voice_files = {voice["language"].lower(): voice["file"] for voice in reversed(_list_voices(library))}
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "list" in request:
            _write_frame(output, b"!", json.dumps({"voices": _list_voices(library)}).encode())
            continue
        # Some voices are found only by the name of their file; a plus starts a variant, such as "+f3".
        language, plus, variant = request["voice"].partition("+")
        name = voice_files.get(language.lower(), language) + plus + variant
        if library.espeak_SetVoiceByName(name.encode()) != 0:
            _write_frame(output, b"!", json.dumps({"error": "no such voice"}).encode())
            continue
        if "phonemes" in request:
            _write_frame(
                output, b"!", json.dumps({"clauses": _phonemize_clauses(library, request["phonemes"])}).encode()
            )
            continue
        library.espeak_SetParameter(_RATE_PARAMETER, round(_DEFAULT_WORDS_PER_MINUTE * float(request["speed"])), 0)
        _write_frame(output, b"!", json.dumps({"rate": rate}).encode())
        text = request["text"].encode() + b"\0"
        library.espeak_Synth(text, len(text), 0, 1, 0, _UTF8, None, None)
        _write_frame(output, b"#", b"")


if __name__ == "__main__":
    main()
