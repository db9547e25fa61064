"""Guesses an answer's next tokens from the conversation so far.

Prompt lookup decoding (Saxena, 2023), which is speculative decoding (Leviathan et al., 2023) without a second model:
where the last tokens occurred before, what followed them may follow again. The model checks every guess, so a wrong one
only costs time, and none is made for a while after it."""

from __future__ import annotations

from collections.abc import Sequence

_MATCH_TOKENS = 3  # last tokens that must have occurred before
_PAUSE_STEPS = 16  # without a guess after a wrong one


class PromptLookup:
    """Guesses for one answer, of at most `max_tokens` tokens; 0 guesses nothing."""

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens, self._paused_steps = max_tokens, 0

    def guess_tokens(self, tokens: Sequence[int]) -> list[int]:
        """The tokens that followed the latest earlier occurrence of the last three; [] for no guess.

        Placeholders of pictures, which are negative numbers, are never guessed."""
        self._paused_steps -= 1
        if not self._max_tokens or self._paused_steps >= 0:
            return []
        tail = list(tokens[-_MATCH_TOKENS:])
        for start in range(len(tokens) - _MATCH_TOKENS - 1, -1, -1):
            if tokens[start] == tail[0] and list(tokens[start : start + _MATCH_TOKENS]) == tail:
                continuation = tokens[start + _MATCH_TOKENS : start + _MATCH_TOKENS + self._max_tokens]
                return list(continuation) if min(continuation) >= 0 else []
        return []

    def record_result(self, guessed_count: int, right_count: int) -> None:
        """Takes note of how many of the guessed tokens were right."""
        if guessed_count and right_count < guessed_count:
            self._paused_steps = _PAUSE_STEPS
