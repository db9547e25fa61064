"""Records a few seconds from the microphone to play them back, so that users who cannot see a level meter can check
it."""

from __future__ import annotations

import numpy as np

from assistant.audio import vad
from assistant.audio.clip import AudioClip, Samples

TEST_SECONDS = 3.0
_MAX_SILENT_PEAK = 1e-4  # a muted microphone stays below this peak


class MicrophoneTest:
    """Collects blocks at 16 kHz until it `is_complete`."""

    def __init__(self) -> None:
        self._blocks: list[Samples] = []
        self._samples_left = int(TEST_SECONDS * vad.SAMPLE_RATE_HZ)

    def add_block(self, block: Samples) -> None:
        """Appends mono samples, shape (n,)."""
        self._blocks.append(block)
        self._samples_left -= len(block)

    @property
    def is_complete(self) -> bool:
        """Whether `TEST_SECONDS` are recorded."""
        return self._samples_left <= 0

    @property
    def recorded_audio(self) -> AudioClip:
        """All blocks as one clip at 16 kHz."""
        return AudioClip(np.concatenate(self._blocks), vad.SAMPLE_RATE_HZ)

    @property
    def sound_kind(self) -> str:
        """What was recorded: "speech", other "sound", or "silence"."""
        audio = self.recorded_audio
        if vad.has_speech(audio):
            return "speech"
        return "sound" if float(np.abs(audio.samples).max(initial=0.0)) > _MAX_SILENT_PEAK else "silence"
