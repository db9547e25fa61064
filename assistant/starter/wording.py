"""Varies the wording of questions, as users type and transcribers write them."""

from __future__ import annotations

import random

# Words that do not change a question. Training inserts them, so that the model does not refuse unknown wordings.
_FILLERS = (
    "well", "now", "okay", "right", "hey", "listen", "um", "er", "oh", "but", "just", "actually", "maybe", "then",
    "also", "again", "quickly", "kindly", "simply", "honestly", "precisely", "currently", "hello", "sorry", "hark",
    "dear", "sir", "alright", "basically", "clearly", "probably", "exact", "visibly", "properly", "already", "yes",
    "no", "ah", "as well", "if you can", "for me", "by the way", "to be clear", "if possible", "once more", "thanks",
    "my friend", "this time",
)  # fmt: skip


def loosen_wording(question: str, rng: random.Random) -> str:
    """The question with one or two filler words inserted."""
    words = question.split()
    for _ in range(rng.choice((1, 1, 2))):
        # At the start, the end, or after the first or second word: never inside "the red circle".
        place = rng.choice((0, 0, 1, 2, len(words)))
        words.insert(min(place, len(words)), rng.choice(_FILLERS) + ("," if rng.random() < 0.15 else ""))
    return " ".join(words)


def as_written(question: str, rng: random.Random) -> str:
    """The question as a user may type it, or as a transcriber writes it: in lower case, without punctuation."""
    style = rng.random()
    if style < 0.45:
        return question.rstrip(".")[:1].lower() + question.rstrip(".")[1:]
    return question[:1].upper() + question[1:].rstrip(".") + ("" if style < 0.5 else "." if style < 0.56 else "?")
