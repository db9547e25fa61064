"""Parses an answer's Markdown (CommonMark with tables, strikethrough and LaTeX formulas) for the window and the
voice."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache, lru_cache
from typing import Any

MAX_NESTING = 20  # levels of lists, quotations and inline markup; deeper ones stay plain text
_BLOCK_DELIMITERS = {"\\[": "\\]", "$$": "$$"}
_INLINE_DELIMITERS = {"\\(": "\\)", "\\[": "\\]"}  # the dollarmath plugin handles dollars
_MAX_DELIMITER_DISTANCE = 2000  # characters searched for a closing delimiter
_MAX_FORMULA_CHARACTERS = 500  # longer formulas are shown as LaTeX
_SUPERSCRIPTS = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_SUBSCRIPTS = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_SCRIPT = re.compile(r"([\^_])(?:\{([^{}]*)\}|(\w))")


def build_commonmark_parser(html: bool = False) -> Any:
    """A new parser for CommonMark with tables and strikethrough; `html`: whether HTML is parsed as HTML or as text."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": html, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])


@cache
def build_parser() -> Any:
    """The parser for answers: CommonMark without HTML, with formulas between $, $$, \\( \\) or \\[ \\]."""
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    parser = build_commonmark_parser()
    # A dollar sign beside a digit or a space is an amount of money.
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    parser.block.ruler.at("math_block", _math_block)
    parser.inline.ruler.before("escape", "brackets", _math_inline)
    return parser


def _math_block(state: Any, start_line: int, end_line: int, silent: bool) -> bool:
    """markdown-it's block rule for formulas between \\[ \\] or $$. Text after the closing delimiter makes it no block:
    the existing plugins would drop that text."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    closing = None if state.is_code_block(start_line) else _BLOCK_DELIMITERS.get(state.src[start : start + 2])
    end = state.src.find(closing, start + 2, start + _MAX_DELIMITER_DISTANCE) if closing else -1
    last_line = bisect_left(state.eMarks, end, start_line)
    if end < start + 3 or last_line >= end_line or state.src[end + 2 : state.eMarks[last_line]].strip():
        return False
    if any(
        state.sCount[line] < state.blkIndent and not state.isEmpty(line)
        for line in range(start_line + 1, last_line + 1)
    ):
        return False  # the list or quotation ends before the formula does
    if not silent:
        token = state.push("math_block", "math", 0)
        token.content = state.getLines(start_line, last_line + 1, state.blkIndent, False).strip()[2:-2]
    state.line = last_line + 1
    return True


def _math_inline(state: Any, silent: bool) -> bool:
    """markdown-it's inline rule for formulas between \\( \\) or \\[ \\]."""
    closing = _INLINE_DELIMITERS.get(state.src[state.pos : state.pos + 2])
    end = state.src.find(closing, state.pos + 2, state.pos + _MAX_DELIMITER_DISTANCE) if closing else -1
    if end < state.pos + 3:
        return False
    if not silent:
        state.push("math_inline", "math", 0).content = state.src[state.pos + 2 : end]
    state.pos = end + 2
    return True


def warm_up() -> None:
    """Loads the parser and the LaTeX converter; run it in another thread so that the first paint does not wait."""
    build_parser()
    formula_to_text("x")


@lru_cache(500)
def formula_to_text(latex: str) -> str:
    """Turns LaTeX into Unicode text such as "x² ≤ (a + b)/2"; LaTeX that cannot be converted is returned as it is."""
    latex = latex.strip()
    if len(latex) > _MAX_FORMULA_CHARACTERS:
        return latex
    try:
        text = _latex_converter().latex_to_text(latex)
    # pylatexenc raises all of these for malformed LaTeX.
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError, ArithmeticError):
        text = ""
    text = _SCRIPT.sub(_script_to_text, " ".join(text.split()) or latex)
    return re.sub(r"[{}]", "", text) or latex


def _script_to_text(match: re.Match[str]) -> str:
    """A superscript or subscript as Unicode letters, or as ^(…) and _(…) where Unicode has none."""
    script_letters, content = (_SUPERSCRIPTS if match[1] == "^" else _SUBSCRIPTS), match[2] or match[3] or ""
    if content and all(ord(letter) in script_letters for letter in content):
        return content.translate(script_letters)
    return f"{match[1]}{content}" if len(content) == 1 else f"{match[1]}({content})"


@cache
def _latex_converter() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db

    macros = get_default_latex_context_db()
    macros.add_context_category(
        "fractions",
        prepend=True,
        macros=[MacroTextSpec(name, simplify_repl=_fraction_to_text) for name in ("frac", "dfrac", "tfrac")],
    )
    return LatexNodes2Text(latex_context=macros, math_mode="text", keep_braced_groups=True, keep_comments=True)


def _fraction_to_text(node: Any, l2tobj: Any) -> str:
    parts = [l2tobj.nodelist_to_text([argument]).strip("{} ") for argument in node.nodeargd.argnlist[-2:]]
    return "/".join(part if re.fullmatch(r"\w*", part) else f"({part})" for part in parts)
