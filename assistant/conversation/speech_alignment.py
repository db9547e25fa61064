"""Aligns the letters of a written answer with the samples of its audio, to tell how much of it was heard."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class _SpokenPiece:
    written_end: int  # letters of the written answer up to the end of the piece
    first_sample: int
    end_sample: int  # the one after its last


class SpeechAlignment:
    """Pieces are added in order, each before its samples. Samples count from the start of the answer."""

    def __init__(self) -> None:
        self._pieces: list[_SpokenPiece] = []
        self._sample_count = 0

    def add_piece(self, written_end: int) -> None:
        """A piece begins that ends at this letter of the written answer."""
        self._pieces.append(_SpokenPiece(written_end, self._sample_count, self._sample_count))

    def add_samples(self, sample_count: int) -> None:
        """The audio so far, up to some sample of the last piece, has this many samples."""
        self._sample_count = sample_count
        if self._pieces:
            self._pieces[-1].end_sample = sample_count

    def piece_start(self, played_samples: int) -> int:
        """The first sample of the piece that is being played."""
        return max((piece.first_sample for piece in self._pieces if piece.first_sample <= played_samples), default=0)

    def neighbor_piece_start(self, played_samples: int, offset: int) -> int:
        """The first sample of the piece so many after the one that is being played, or before it."""
        if not self._pieces:
            return 0
        current = sum(piece.first_sample <= played_samples for piece in self._pieces) - 1
        return self._pieces[max(0, min(len(self._pieces) - 1, current + offset))].first_sample

    def heard_letters(self, played_samples: int, text: str) -> int:
        """The letters of the written answer `text` that were heard when so many samples were played.

        All of the pieces that were played; of the one that is being played its played share, rounded down to a word."""
        piece_start = 0
        for piece in self._pieces:
            if played_samples < piece.end_sample:
                share = max(0, played_samples - piece.first_sample) / (piece.end_sample - piece.first_sample)
                return _word_end(text, piece_start, piece_start + int(share * (piece.written_end - piece_start)))
            piece_start = piece.written_end
        return piece_start


def _word_end(text: str, low: int, high: int) -> int:
    """The last position from `low` to `high` where a word ends; in scripts without spaces one ends at every letter."""
    position = high
    while position > low and position < len(text) and not text[position].isspace() and text[position].isascii():
        position -= 1
    return position
