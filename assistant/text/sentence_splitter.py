"""Cuts streamed text, English or Chinese, into sentences to speak."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A full stop ends a sentence only before white space, so "3.5" stays whole; Chinese punctuation ends one at once.
_SENTENCE_END = re.compile(
    r"(?<!\b[A-Z])(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\be\.g)(?<!\bi\.e)[.!?…]+[\"'”’)\]]*(?=\s)|[。！？；]+[”’」』）]*|\n+"
)
_CLAUSE_END = re.compile(r"[,;:](?=\s)|[，、：]")
_MIN_FIRST_CLAUSE_CHARACTERS = 24  # a first piece of this length may end at a comma
_MAX_PIECE_CHARACTERS = 300


class SentenceSplitter:
    """Collects text and yields pieces: whole sentences, but the first piece may end at a comma so that speech starts
    early.

    A fenced code block stays one piece, so that the spoken text can say how many lines it has.

    `emitted_letters`: characters of the text up to the end of the last piece that was yielded."""

    def __init__(self) -> None:
        self._text, self._is_first_piece, self.emitted_letters = "", True, 0

    def add_text(self, delta: str) -> Iterator[str]:
        """Appends `delta` to the text and yields the pieces that this completes."""
        self._text += delta
        while (length := self._next_piece_length()) is not None:
            piece, self._text = self._text[:length], self._text[length:]
            self.emitted_letters += len(piece)
            if piece.strip():
                self._is_first_piece = False
                yield piece

    def finish(self) -> Iterator[str]:
        """Yields the remaining text as the last piece, if it is not blank."""
        piece, self._text = self._text, ""
        self.emitted_letters += len(piece)
        if piece.strip():
            yield piece

    def _next_piece_length(self) -> int | None:
        """Characters of the next complete piece, or None while there is none."""
        text = self._text
        if text.lstrip().startswith("```"):
            start = text.index("```")
            fence_end = text.find("\n```", start + 3)
            line_end = text.find("\n", fence_end + 4) if fence_end >= 0 else -1
            return line_end + 1 if line_end >= 0 else None
        next_fence = text.find("```")
        prose = text if next_fence < 0 else text[:next_fence]
        sentence_end = _SENTENCE_END.search(prose)
        if sentence_end:
            return sentence_end.end()
        if next_fence > 0 and prose.strip():
            return next_fence
        clause_end = _CLAUSE_END.search(prose, _MIN_FIRST_CLAUSE_CHARACTERS) if self._is_first_piece else None
        if clause_end:
            return clause_end.end()
        if len(prose) > _MAX_PIECE_CHARACTERS:
            space = prose.rfind(" ", 0, _MAX_PIECE_CHARACTERS)
            return space + 1 if space > 0 else _MAX_PIECE_CHARACTERS
        return None
