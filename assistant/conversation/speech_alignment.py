"""How much of an answer was heard: text against samples. Knows nothing of devices or models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class _SpokenPiece:
    """`until`: letters of the written answer to its end; `first` to `end`: its samples."""

    written_end: int
    first_sample: int
    end_sample: int


class SpeechAlignment:
    """Which samples spoke which letters. Pieces come in order; a piece's samples follow it."""

    def __init__(self) -> None:
        self._pieces: list[_SpokenPiece] = []
        self._samples = 0

    def add_piece(self, until: int) -> None:
        """A piece begins that ends at this letter of the written answer."""
        self._pieces.append(_SpokenPiece(until, self._samples, self._samples))

    def add_samples(self, samples: int) -> None:
        """So many samples were written in all."""
        self._samples = samples
        if self._pieces:
            self._pieces[-1].end_sample = samples

    def piece_start(self, played: int) -> int:
        """The first sample of the piece that sounds at this sample: where to begin it again."""
        return max((piece.first_sample for piece in self._pieces if piece.first_sample <= played), default=0)

    def neighbor_piece_start(self, played: int, pieces: int) -> int:
        """The first sample of the piece so many before or after the one that sounds."""
        if not self._pieces:
            return 0
        now = sum(piece.first_sample <= played for piece in self._pieces) - 1
        return self._pieces[max(0, min(len(self._pieces) - 1, now + pieces))].first_sample

    def heard_letters(self, played: int, text: str) -> int:
        """Letters of `text` heard when so many samples were played.

        Whole pieces, and the played share of the one that sounds, rounded down to a word."""
        before = 0
        for piece in self._pieces:
            if played < piece.end_sample:
                share = max(0, played - piece.first_sample) / (piece.end_sample - piece.first_sample)
                return _word_end(text, before, before + int(share * (piece.written_end - before)))
            before = piece.written_end
        return before


def _word_end(text: str, least: int, most: int) -> int:
    """The last place from `least` to `most` where a word ends (after each letter of scripts without spaces)."""
    at = most
    while at > least and at < len(text) and not text[at].isspace() and text[at].isascii():
        at -= 1
    return at
