"""Guesses what an answer says next from what the conversation has said already. Knows nothing of models.

Prompt lookup (Saxena, 2023; a speculative decoding without a second model, after Leviathan et al., 2023): where the
last tokens stood before, what followed them may follow again. Guesses are checked by the model, so that only time is
won or lost: after a wrong one it rests for a while."""

from __future__ import annotations

from collections.abc import Sequence

_TAIL = 3  # tokens that must have stood before
_REST = 16  # steps without a guess after a wrong one


class PromptLookup:
    """`most`: tokens in a guess; 0 guesses nothing."""

    def __init__(self, most: int) -> None:
        self._most, self._resting = most, 0

    def guess_tokens(self, tokens: Sequence[int]) -> list[int]:
        """What may follow, nearest occurrence first; placeholders of pictures (negative) are never guessed."""
        self._resting -= 1
        if not self._most or self._resting >= 0:
            return []
        tail = list(tokens[-_TAIL:])
        for at in range(len(tokens) - _TAIL - 1, -1, -1):
            if tokens[at] == tail[0] and list(tokens[at : at + _TAIL]) == tail:
                found = tokens[at + _TAIL : at + _TAIL + self._most]
                return list(found) if min(found) >= 0 else []
        return []

    def record_result(self, guessed: int, right: int) -> None:
        """How many of a guess's tokens were right."""
        if guessed and right < guessed:
            self._resting = _REST
