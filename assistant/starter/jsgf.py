"""Reads a small JSGF grammar: draws sentences from it and recognises them. Knows nothing of what they mean.

JSGF is the JSpeech Grammar Format (W3C note, 2000); here: rules, alternatives, groups and options."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

# "'s" is a word of its own, so that a slot can carry it.
_TOKEN = re.compile(r"<[^>]+>|[()\[\]|]|'s\b|(?:(?!'s\b)[^\s()\[\]|<>])+")


@dataclass(frozen=True)
class _GrammarNode:
    """`op` is 'word', 'rule', 'all', 'one' or 'maybe'; `text` for the first two, `parts` for the others."""

    op: str
    text: str = ""
    parts: tuple[_GrammarNode, ...] = ()


class JsgfGrammar:
    """The rules of one JSGF text, by name."""

    def __init__(self, text: str) -> None:
        self.text = text
        body = re.sub(r"//.*", "", text)
        rules = re.findall(r"(?:public\s+)?<(\w+)>\s*=\s*([^;]+);", body)
        self._rules = {name: _parse_sequence(_TOKEN.findall(source)) for name, source in rules}

    def generate(self, rule: str, rng: random.Random, slots: Mapping[str, str] | None = None) -> str:
        """A random sentence of `rule`; rules named in `slots` are replaced by the text given there."""
        return " ".join(self._generate_node(self._rules[rule], rng, slots or {})).replace(" 's", "'s")

    def matches(self, rule: str, sentence: str) -> bool:
        """Whether `rule` can produce `sentence` (case and closing punctuation aside)."""
        words = re.sub(r"[?.!,]", " ", sentence.lower()).replace("'s", " 's").split()
        return len(words) in self._match_ends(self._rules[rule], words, 0)

    def _generate_node(self, node: _GrammarNode, rng: random.Random, slots: Mapping[str, str]) -> list[str]:
        if node.op == "word":
            return [node.text]
        if node.op == "rule":
            return [slots[node.text]] if node.text in slots else self._generate_node(self._rules[node.text], rng, slots)
        if node.op == "one":
            return self._generate_node(rng.choice(node.parts), rng, slots)
        if node.op == "maybe" and rng.random() < 0.7:
            return []
        return [word for part in node.parts for word in self._generate_node(part, rng, slots)]

    def _match_ends(self, node: _GrammarNode, words: list[str], start: int) -> set[int]:
        if node.op == "word":
            return {start + 1} if words[start : start + 1] == [node.text] else set()
        if node.op == "rule":
            return self._match_ends(self._rules[node.text], words, start)
        if node.op == "one":
            return {end for part in node.parts for end in self._match_ends(part, words, start)}
        ends = {start}
        for part in node.parts:
            ends = {end for at in ends for end in self._match_ends(part, words, at)}
        return ends | {start} if node.op == "maybe" else ends


def _parse_sequence(tokens: list[str]) -> _GrammarNode:
    node, rest = _parse_alternatives(tokens)
    if rest:
        raise ValueError(f"JSGF: unexpected {rest[0]!r}")
    return node


def _parse_alternatives(tokens: list[str]) -> tuple[_GrammarNode, list[str]]:
    choices: list[_GrammarNode] = []
    while True:
        parts: list[_GrammarNode] = []
        while tokens and tokens[0] not in ")]|":
            head, tokens = tokens[0], tokens[1:]
            if head in "([":
                inner, tokens = _parse_alternatives(tokens)
                parts.append(inner if head == "(" else _GrammarNode("maybe", parts=(inner,)))
                tokens = tokens[1:]
            elif head.startswith("<"):
                parts.append(_GrammarNode("rule", head[1:-1]))
            else:
                parts.append(_GrammarNode("word", head))
        choices.append(_GrammarNode("all", parts=tuple(parts)))
        if not tokens or tokens[0] != "|":
            return (choices[0] if len(choices) == 1 else _GrammarNode("one", parts=tuple(choices))), tokens
        tokens = tokens[1:]


def starter_grammar() -> JsgfGrammar:
    """What the starter kit can be asked."""
    return JsgfGrammar((resources.files("resources") / "starter" / "questions.jsgf").read_text("utf-8"))
