"""A few seconds from the microphone, to be heard again: who cannot see a meter knows then that it works.

Knows no devices or threads."""

from __future__ import annotations

import numpy as np

from assistant.audio import vad
from assistant.audio.clip import AudioClip, Samples

TEST_SECONDS = 3.0
_SILENT = 1e-4  # a microphone that is muted gives less


class MicrophoneTest:
    """Collects blocks at 16 kHz until it is `full`."""

    def __init__(self) -> None:
        self._blocks: list[Samples] = []
        self._left = int(TEST_SECONDS * vad.SAMPLE_RATE_HZ)

    def add_block(self, block: Samples) -> None:
        self._blocks.append(block)
        self._left -= len(block)

    @property
    def is_complete(self) -> bool:
        return self._left <= 0

    @property
    def recorded_audio(self) -> AudioClip:
        return AudioClip(np.concatenate(self._blocks), vad.SAMPLE_RATE_HZ)

    @property
    def sound_kind(self) -> str:
        """What was in it: "speech", other "sound", or "silence"."""
        audio = self.recorded_audio
        if vad.has_speech(audio):
            return "speech"
        return "sound" if float(np.abs(audio.samples).max(initial=0.0)) > _SILENT else "silence"
