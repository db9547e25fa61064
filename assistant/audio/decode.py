"""Reads sound files, decoded in a limited process."""

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

DECODED_RATE_HZ = 16_000  # of every file; no model listens closer
MAX_AUDIO_SECONDS = 600.0  # seconds of sound that a question may have
_MAX_FILE_BYTES = 2 * 1024**3
_CHUNK_BYTES = 64 * 1024
_DECODING_TIMEOUT_S = 90.0


def read_audio(path: Path) -> AudioClip:
    """Any sound file whose format Hark knows, as mono sound of at most ten minutes at `DECODED_RATE`.

    Raises `BadInput` for what is no regular file, has no sound, cannot be decoded or is too long."""
    with closing(AudioDecoding(path)) as decoding:
        while not decoding.wait_for_result(1.0):
            pass
        return decoding.take_result()


class AudioDecoding:
    """A sound file on its way through the process that decodes it: wait for its end, take its result, close it.

    Raises `BadInput` as `read` does."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._samples = bytearray()
        with open_regular_file(path, "hear", tr_noop("sound file")) as file:
            if file.seek(0, os.SEEK_END) > _MAX_FILE_BYTES:
                raise _refusal_error(AudioRefusal.TOO_LONG, path.name)
            file.seek(0)
            self._child = LimitedChild("assistant.audio.decoder_process", [], file, _DECODING_TIMEOUT_S)
        self._reader = threading.Thread(target=self._read_output, name="hark sound file", daemon=True)
        self._reader.start()

    def wait_for_result(self, seconds: float) -> bool:
        """Waits so long at most; whether there is a result, if only that it took too long."""
        self._reader.join(seconds)
        return not self._reader.is_alive()

    def take_result(self) -> AudioClip:
        """The whole sound, once `wait` says so."""
        code = self._child.wait()
        if code:
            raise _refusal_error("late" if self._child.has_timed_out else code, self._name)
        return AudioClip(np.frombuffer(self._samples, np.float32), DECODED_RATE_HZ)

    def close(self) -> None:
        """Ends the process, if it still runs."""
        self._child.kill()
        self._reader.join()
        self._child.close()

    def _read_output(self) -> None:
        while chunk := self._child.output_stream.read(_CHUNK_BYTES):
            self._samples += chunk
            if len(self._samples) > MAX_AUDIO_SECONDS * DECODED_RATE_HZ * 4:
                return self._child.kill()


def _refusal_error(why: AudioRefusal | int | str, name: str) -> InvalidInputError:
    """Why the file is not opened, and the next step."""
    again, shorter = tr("Copy or download it again, or convert it."), tr("Cut it into shorter questions.")
    sentences = {
        AudioRefusal.UNKNOWN_FORMAT: (
            tr("“{name}” is not a sound file that Hark can read."), tr("Use WAV, FLAC, MP3, Opus or M4A.")
        ),
        AudioRefusal.NO_SOUND: (tr("“{name}” holds no sound."), tr("Choose a file with sound in it.")),
        AudioRefusal.TOO_LONG: (tr("“{name}” is longer than ten minutes."), shorter),
        AudioRefusal.IMPOSSIBLE_RATE: (
            tr("“{name}” names an impossible rate."), tr("Save or convert the sound again.")
        ),
        AudioRefusal.DAMAGED: (tr("“{name}” is damaged or cut off: no sound can be decoded from it."), again),
        "late": (tr("“{name}” took too long to open."), shorter),
    }  # fmt: skip
    message, hint = sentences.get(why, (tr("“{name}” is damaged or needs too much memory."), again))
    return InvalidInputError("hear", message.format(name=name), hint)
