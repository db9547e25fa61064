"""Cuts growing text into pieces to speak, English and Chinese. Knows nothing of what the pieces mean."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A stop ends a piece when white space follows it (so "3.5" and "e.g.x" stay whole); a Chinese stop ends it at once.
_END = re.compile(
    r"(?<!\b[A-Z])(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\be\.g)(?<!\bi\.e)[.!?…]+[\"'”’)\]]*(?=\s)|[。！？；]+[”’」』）]*|\n+"
)
_CLAUSE = re.compile(r"[,;:](?=\s)|[，、：]")
_FIRST_CLAUSE = 24  # letters from which the first piece is cut early, at a clause
_LONGEST = 300


class SentenceSplitter:
    """Takes deltas, gives pieces. The first piece may end at a clause, so that sound starts early.

    `given` counts the letters of the text up to the end of the piece given last.

    A fenced code block is kept in one piece, so that its spoken form can say how long it is."""

    def __init__(self) -> None:
        self._text, self._first, self.emitted_letters = "", True, 0

    def add_text(self, delta: str) -> Iterator[str]:
        """The pieces that `delta` completes."""
        self._text += delta
        while (end := self._next_piece()) is not None:
            piece, self._text = self._text[:end], self._text[end:]
            self.emitted_letters += len(piece)
            if piece.strip():
                self._first = False
                yield piece

    def finish(self) -> Iterator[str]:
        """What is left when the text has ended."""
        piece, self._text = self._text, ""
        self.emitted_letters += len(piece)
        if piece.strip():
            yield piece

    def _next_piece(self) -> int | None:
        text = self._text
        if text.lstrip().startswith("```"):
            start = text.index("```")
            close = text.find("\n```", start + 3)
            stop = text.find("\n", close + 4) if close >= 0 else -1
            return stop + 1 if stop >= 0 else None
        limit = text.find("```")
        scope = text if limit < 0 else text[:limit]
        found = _END.search(scope)
        if found:
            return found.end()
        if limit > 0 and scope.strip():
            return limit
        clause = _CLAUSE.search(scope, _FIRST_CLAUSE) if self._first else None
        if clause:
            return clause.end()
        if len(scope) > _LONGEST:
            space = scope.rfind(" ", 0, _LONGEST)
            return space + 1 if space > 0 else _LONGEST
        return None
