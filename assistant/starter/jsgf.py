"""Reads a grammar in JSGF, generates random sentences from it and recognises them.

JSGF is the JSpeech Grammar Format (W3C note, 2000). Supported are rules, alternatives, groups and optional parts."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

# "'s" is a word of its own, so that it can follow a slot.
_TOKEN = re.compile(r"<[^>]+>|[()\[\]|]|'s\b|(?:(?!'s\b)[^\s()\[\]|<>])+")


@dataclass(frozen=True)
class _GrammarNode:
    """A node of a rule's syntax tree."""

    op: str  # "word", "rule" (a reference), "all" (a sequence), "one" (of alternatives) or "maybe" (optional)
    text: str = ""  # the word, or the name of the rule
    parts: tuple[_GrammarNode, ...] = ()  # of the other three


class JsgfGrammar:
    """The rules of one JSGF text, by name."""

    def __init__(self, text: str) -> None:
        self.text = text
        body = re.sub(r"//.*", "", text)
        rules = re.findall(r"(?:public\s+)?<(\w+)>\s*=\s*([^;]+);", body)
        self._rules = {name: _parse_sequence(_TOKEN.findall(source)) for name, source in rules}

    def generate(self, rule: str, rng: random.Random, slots: Mapping[str, str] | None = None) -> str:
        """A random sentence of a rule. `slots` gives the text of rules that are not to be expanded, by name."""
        return " ".join(self._generate_node(self._rules[rule], rng, slots or {})).replace(" 's", "'s")

    def matches(self, rule: str, sentence: str) -> bool:
        """Whether a rule can produce a sentence, ignoring case and punctuation."""
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
            ends = {end for position in ends for end in self._match_ends(part, words, position)}
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
    """The grammar of the questions that the starter kit can answer."""
    return JsgfGrammar((resources.files("resources") / "starter" / "questions.jsgf").read_text("utf-8"))
