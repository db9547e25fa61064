"""Speaks with eSpeak NG in a child process (`espeak_process`): its library may abort, and is under the GPL."""

from __future__ import annotations

import json
import os
import re
import select
import struct
import subprocess
import sys
from collections.abc import Generator
from typing import Any

import numpy as np

from assistant.audio.clip import AudioClip, to_mono
from assistant.errors import AssistantError, NotAvailableError
from assistant.interfaces import LoadOptions, Voice
from assistant.text.i18n import tr
from assistant.typed_reader import InvalidValueError, parse_json, read_as

_CHINESE_CHARACTER = re.compile(r"[\u3400-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
CHINESE_VOICE = "cmn"
_READ_TIMEOUT_S = 15.0
_MAX_BLOCK_BYTES = 64 * 1024**2  # 25 minutes of audio
CHINESE_VOICES = (CHINESE_VOICE, "yue", "hak")
_VOICE_ALIASES = {"zh": CHINESE_VOICE, "zh-cn": CHINESE_VOICE, "en": "en-us"}


class EspeakVoice(Voice):
    """One voice of eSpeak NG. Text that is mostly Chinese is spoken by the Chinese voice, whatever voice this is.

    The child process is started at the first text, and again when it has died; `close` ends it."""

    def __init__(self, language: str) -> None:
        self.language = _VOICE_ALIASES.get(language.lower(), language)
        self._child: subprocess.Popen[bytes] | None = None

    def synthesize(self, text: str) -> Generator[AudioClip, None, None]:
        """Yields the audio (22,050 Hz) block by block, as eSpeak produces it. Raises `AssistantError`."""
        has_finished = False
        try:
            answer = self._send_request(
                {"voice": self._voice_for(text), "speed": self.speed, "text": text.replace("\0", " ")}
            )
            while block := self._read_block():
                yield to_mono(np.frombuffer(block, "<i2"), answer["rate"])
            has_finished = True
        except (OSError, EOFError, struct.error):
            raise stopped_error() from None
        finally:
            if not has_finished:
                self.close()

    def list_voices(self) -> list[dict[str, str]]:
        """All voices of eSpeak NG, as tables with `language`, `name` and `file`."""
        return list(self._send_request({"list": True})["voices"])

    def phonemize_clauses(self, text: str) -> list[tuple[str, str]]:
        """The phonemes (IPA) of each clause of a text, with the part of the text that eSpeak read for it.

        That part may reach one letter into the next clause. Raises `AssistantError`."""
        try:
            answer = self._send_request({"voice": self.language, "phonemes": text.replace("\0", " ")})
        except (OSError, EOFError, struct.error):
            self.close()
            raise stopped_error() from None
        return [(phonemes, read_text) for phonemes, read_text in answer["clauses"]]

    def close(self) -> None:
        """Kills the child process, even in the middle of a word."""
        if self._child is not None:
            with self._child:  # leaving the block closes the pipes and waits for the end
                self._child.kill()
            self._child = None

    def _voice_for(self, text: str) -> str:
        return CHINESE_VOICE if is_chinese(text) and self.language not in CHINESE_VOICES else self.language

    def _send_request(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            command = [sys.executable, "-P", "-m", "assistant.backends.espeak_process"]
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
            )
        assert self._child.stdin
        self._child.stdin.write(json.dumps(request).encode() + b"\n")
        self._child.stdin.flush()
        try:
            answer: dict[str, Any] = read_as(dict[str, Any], parse_json(self._read_block()), "answer")
        except InvalidValueError:
            raise EOFError from None  # treated like a child that died: hostile text may have corrupted its memory
        if "error" in answer:
            raise NotAvailableError(
                "speak",
                tr("eSpeak NG has no voice “{language}”.").format(language=self.language),
                tr("See hark voices."),
            )
        return answer

    def _read_block(self) -> bytes:
        (length,) = struct.unpack("<xI", self._read_bytes(5))
        if length > _MAX_BLOCK_BYTES:
            raise EOFError
        return self._read_bytes(length)

    def _read_bytes(self, count: int) -> bytes:
        assert self._child and self._child.stdout
        data = b""
        while len(data) < count:
            # A child that hangs is treated like one that died. (Windows cannot wait for a pipe: there it may block.)
            if sys.platform != "win32" and not select.select([self._child.stdout], [], [], _READ_TIMEOUT_S)[0]:
                raise EOFError
            chunk = os.read(self._child.stdout.fileno(), count - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data


def is_chinese(text: str, otherwise: bool = False) -> bool:
    """Whether more than half of the letters are Chinese characters; `otherwise` for a text without letters."""
    letter_count = len(_LETTER.findall(text))
    return len(_CHINESE_CHARACTER.findall(text)) / letter_count > 0.5 if letter_count else otherwise


def stopped_error() -> AssistantError:
    """The error for a child process that died or hangs."""
    return AssistantError(
        "speak", tr("The voice stopped in the middle of a sentence."), tr("The text is on the screen; ask again.")
    )


def load_voice(options: LoadOptions) -> EspeakVoice:
    """Loads the voice named by `options.speaker`, such as `en-us`, `en-gb` or `cmn`. Raises `NotAvailableError`."""
    voice = EspeakVoice(options.speaker or "en-us")
    try:
        languages = {entry["language"].lower() for entry in voice.list_voices()}
    except (OSError, EOFError, struct.error):
        raise NotAvailableError("speak", tr("eSpeak NG does not start."), tr("Run hark doctor.")) from None
    if voice.language.partition("+")[0].lower() not in languages:
        voice.close()
        raise NotAvailableError(
            "speak", tr("eSpeak NG has no voice “{speaker}”.").format(speaker=options.speaker), tr("See hark voices.")
        )
    return voice
