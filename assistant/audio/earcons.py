"""Earcons: short tones for recording on and off, sent, working, ready and error.

Each tone is shorter than the speech detector needs to take it for speech, so earcons are not passed to the echo
canceller as a reference: it would also attenuate a word spoken at the same moment."""

from __future__ import annotations

from functools import cache

import numpy as np

from assistant.audio.clip import Samples

_AMPLITUDE, _FADE_SECONDS = 0.12, 0.006  # amplitude of full scale
# Tones in order; 0 is a rest.
_NOTE_FREQUENCIES_HZ: dict[str, tuple[float, ...]] = {
    "on": (660, 880), "off": (880, 660), "sent": (740,), "working": (392,), "ready": (523, 659, 784),
    "error": (294, 0, 220),
}  # fmt: skip
_NOTE_SECONDS = 0.035
_WORKING_INTERVAL_SECONDS, _WORKING_GAIN = 1.6, 0.3  # "working" repeats, more quietly than the others


@cache
def earcon_samples(name: str, rate: int) -> Samples:
    """Samples of "on", "off", "sent", "working", "ready" or "error", mono, shape (n,).

    "working" includes the pause before it."""
    notes = np.concatenate([_note_samples(frequency, rate) for frequency in _NOTE_FREQUENCIES_HZ[name]])
    if name == "working":
        notes = np.concatenate([np.zeros(int(_WORKING_INTERVAL_SECONDS * rate), np.float32), _WORKING_GAIN * notes])
    return notes


def _note_samples(frequency: float, rate: int) -> Samples:
    times = np.arange(int(_NOTE_SECONDS * rate)) / rate
    envelope = np.minimum(1.0, np.minimum(times, times[::-1]) / _FADE_SECONDS)
    return (_AMPLITUDE * envelope * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


class EarconPlayer:
    """Plays sequences of earcons. `play_sequence` may be called from any thread, `fill` only from the speaker's.

    `rate`: the speaker's sample rate in Hz."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._requested: list[tuple[Samples, bool]] = []  # samples, and whether they repeat
        self._pending: list[tuple[Samples, bool]] = []  # what is left of the current sequence
        self._current, self._offset = self._requested, 0

    def play_sequence(self, *names: str) -> None:
        """Replaces the current sequence. "working" repeats until the next call; without names there is silence."""
        self._requested = [(earcon_samples(name, self._rate), name == "working") for name in names]

    def fill(self, frames: int) -> Samples:
        """The next samples, shape (frames,); zeros when nothing is played."""
        out = np.zeros(frames, np.float32)
        if self._requested is not self._current:
            self._current, self._pending, self._offset = self._requested, list(self._requested), 0
        if self._pending:
            samples, repeats = self._pending[0]
            part = samples[self._offset : self._offset + frames]
            out[: len(part)] = part
            self._offset += len(part)
            if self._offset >= len(samples):
                self._offset = 0
                if not repeats:
                    self._pending.pop(0)
        return out
