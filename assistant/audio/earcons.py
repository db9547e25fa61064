"""Short sounds that say what Hark does: recording on and off, sent, working, ready, error. Know no events or devices.

No tone lasts as long as the listener needs to take it for speech, and the echo canceller is not told of them: a word
said at the same moment is kept whole."""

from __future__ import annotations

from functools import cache

import numpy as np

from assistant.audio.clip import Samples

_LOUD, _FADE = 0.12, 0.006  # of full scale; seconds
# Frequencies in Hz, one after another; 0 is a rest.
_NOTES: dict[str, tuple[float, ...]] = {
    "on": (660, 880), "off": (880, 660), "sent": (740,), "working": (392,), "ready": (523, 659, 784),
    "error": (294, 0, 220),
}  # fmt: skip
EARCON_NAMES = tuple(_NOTES)
_NOTE = 0.035  # seconds
_EVERY, _SOFT = 1.6, 0.3  # seconds between two sounds of work, which are softer


@cache
def earcon_samples(name: str, rate: int) -> Samples:
    """The sound of that name, mono; "working" with the rest that comes before it."""
    notes = np.concatenate([_note_samples(hertz, rate) for hertz in _NOTES[name]])
    if name == "working":
        notes = np.concatenate([np.zeros(int(_EVERY * rate), np.float32), _SOFT * notes])
    return notes


def _note_samples(hertz: float, rate: int) -> Samples:
    moments = np.arange(int(_NOTE * rate)) / rate
    edges = np.minimum(1.0, np.minimum(moments, moments[::-1]) / _FADE)
    return (_LOUD * edges * np.sin(2 * np.pi * hertz * moments)).astype(np.float32)


class EarconPlayer:
    """What sounds now. `play` may be called from any thread, `fill` is the speaker's."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._wish: list[tuple[Samples, bool]] = []  # sounds, and whether they go on
        self._left: list[tuple[Samples, bool]] = []  # of the wish, what has not sounded yet
        self._taken, self._at = self._wish, 0

    def play_sequence(self, *names: str) -> None:
        """Some of `NAMES`, one after another, at once; "working" goes on until the next call; none is silence."""
        self._wish = [(earcon_samples(name, self._rate), name == "working") for name in names]

    def fill(self, frames: int) -> Samples:
        """The next samples; zeros when nothing sounds."""
        out = np.zeros(frames, np.float32)
        if self._wish is not self._taken:
            self._taken, self._left, self._at = self._wish, list(self._wish), 0
        if self._left:
            sound, goes_on = self._left[0]
            part = sound[self._at : self._at + frames]
            out[: len(part)] = part
            self._at += len(part)
            if self._at >= len(sound):
                self._at = 0
                if not goes_on:
                    self._left.pop(0)
        return out
