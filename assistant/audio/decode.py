"""Reads audio files of any known format; a child process with limited memory and time decodes them."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from pathlib import Path

import numpy as np

from assistant.audio.clip import AudioClip
from assistant.audio.formats import AudioRefusal
from assistant.errors import InvalidInputError
from assistant.limited_child import LimitedChild
from assistant.safe_open import open_regular_file
from assistant.text.i18n import tr, tr_noop

DECODED_RATE_HZ = 16_000  # the models use no higher rate
MAX_AUDIO_SECONDS = 600.0  # of a spoken question
_MAX_FILE_BYTES = 2 * 1024**3
_CHUNK_BYTES = 64 * 1024
_DECODING_TIMEOUT_S = 90.0


def read_audio(path: Path) -> AudioClip:
    """Reads an audio file as mono at `DECODED_RATE_HZ`.

    Raises `InvalidInputError` if it is not a regular file, has no audio, cannot be decoded, or is longer than
    `MAX_AUDIO_SECONDS`."""
    with closing(AudioDecoding(path)) as decoding:
        while not decoding.wait_for_result(1.0):
            pass
        return decoding.take_result()


class AudioDecoding:
    """An audio file that is being decoded in a child process: wait for its end, take the result, close it.

    Raises `InvalidInputError` as `read_audio` does."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._samples = bytearray()
        with open_regular_file(path, "hear", tr_noop("sound file")) as file:
            if file.seek(0, os.SEEK_END) > _MAX_FILE_BYTES:
                raise _make_refusal_error(AudioRefusal.TOO_LONG, path.name)
            file.seek(0)
            self._child = LimitedChild("assistant.audio.decoder_process", [], file, _DECODING_TIMEOUT_S)
        self._reader = threading.Thread(target=self._read_output, name="hark sound file", daemon=True)
        self._reader.start()

    def wait_for_result(self, seconds: float) -> bool:
        """Waits up to `seconds`; returns whether decoding has ended, in success or failure."""
        self._reader.join(seconds)
        return not self._reader.is_alive()

    def take_result(self) -> AudioClip:
        """The decoded audio, once `wait_for_result` has returned True. Raises `InvalidInputError`."""
        exit_code = self._child.wait()
        if exit_code:
            raise _make_refusal_error("late" if self._child.has_timed_out else exit_code, self._name)
        return AudioClip(np.frombuffer(self._samples, np.float32), DECODED_RATE_HZ)

    def close(self) -> None:
        """Ends the child process if it is still running."""
        self._child.kill()
        self._reader.join()
        self._child.close()

    def _read_output(self) -> None:
        while chunk := self._child.output_stream.read(_CHUNK_BYTES):
            self._samples += chunk
            if len(self._samples) > MAX_AUDIO_SECONDS * DECODED_RATE_HZ * 4:
                return self._child.kill()


def _make_refusal_error(reason: AudioRefusal | int | str, name: str) -> InvalidInputError:
    """The error for a refused file: the child's exit code, or "late", as a sentence and a hint."""
    retry_hint, shorten_hint = tr("Copy or download it again, or convert it."), tr("Cut it into shorter questions.")
    sentences = {
        AudioRefusal.UNKNOWN_FORMAT: (
            tr("“{name}” is not a sound file that Hark can read."), tr("Use WAV, FLAC, MP3, Opus or M4A.")
        ),
        AudioRefusal.NO_SOUND: (tr("“{name}” holds no sound."), tr("Choose a file with sound in it.")),
        AudioRefusal.TOO_LONG: (tr("“{name}” is longer than ten minutes."), shorten_hint),
        AudioRefusal.IMPOSSIBLE_RATE: (
            tr("“{name}” names an impossible rate."), tr("Save or convert the sound again.")
        ),
        AudioRefusal.DAMAGED: (tr("“{name}” is damaged or cut off: no sound can be decoded from it."), retry_hint),
        "late": (tr("“{name}” took too long to open."), shorten_hint),
    }  # fmt: skip
    message, hint = sentences.get(reason, (tr("“{name}” is damaged or needs too much memory."), retry_hint))
    return InvalidInputError("hear", message.format(name=name), hint)
