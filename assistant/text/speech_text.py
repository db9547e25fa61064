"""Turns Markdown into the text that a voice reads out, and spells text letter by letter."""

from __future__ import annotations

import unicodedata
from typing import Any

from assistant.text.i18n import ntr, tr
from assistant.text.markdown import build_parser, formula_to_text
from assistant.text.sanitize import sanitize

MAX_SPELLED_CHARACTERS = 200


def to_speech_text(piece: str) -> str:
    """The text to speak for a piece of Markdown, "" if there is nothing to say. Code is replaced by its number of
    lines."""
    parts: list[str] = []
    for token in build_parser().parse(sanitize(piece)):
        if token.type in ("fence", "code_block"):
            lines = len(token.content.splitlines())
            parts.append(ntr("Code, {n} line, skipped.", "Code, {n} lines, skipped.", lines))
        elif token.type == "math_block":
            parts.append(formula_to_text(token.content))
        elif token.type == "inline":
            parts.append(_inline_text(token.children or []))
    return " ".join(" ".join(part for part in parts if part).split())


def spell_out(text: str) -> str:
    """Spells a text letter by letter, with Unicode names for signs; at most `MAX_SPELLED_CHARACTERS` of it."""
    words = sanitize(text)[:MAX_SPELLED_CHARACTERS].split()
    return "; ".join(", ".join(_letter_name(letter) for letter in word) for word in words)


def _letter_name(letter: str) -> str:
    if letter.isalnum():
        return tr("capital {letter}").format(letter=letter) if letter.isupper() else letter
    return unicodedata.name(letter, letter).lower()


def _inline_text(tokens: list[Any]) -> str:
    words: list[str] = []
    for token in tokens:
        if token.type in ("text", "code_inline"):
            words.append(token.content)
        elif token.type.startswith("math_inline"):
            words.append(formula_to_text(token.content))
        elif token.type in ("softbreak", "hardbreak"):
            words.append(" ")
        elif token.type == "image":
            words.append(tr("picture: {name}").format(name=token.content))
    return "".join(words)
