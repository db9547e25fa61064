"""The one reading of an answer's Markdown: its tokens, and formulas as words that can be read. Knows no one who shows
them."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache, lru_cache
from typing import Any

MAX_NESTING = 20  # lists, quotations and spans in one another that are read
_BLOCKS = {"\\[": "\\]", "$$": "$$"}
_SPANS = {"\\(": "\\)", "\\[": "\\]"}  # and dollars, which are the plugin's
_FAR = 2000  # letters in which a formula's closing mark is looked for
_LONGEST = 500  # letters of a formula that is made readable; a longer one is shown as it is
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_SCRIPT = re.compile(r"([\^_])(?:\{([^{}]*)\}|(\w))")


def strip_common_html(html: bool = False) -> Any:
    """A new parser of CommonMark with tables and struck text, nested `DEEPEST` deep at most."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": html, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])


@cache
def build_parser() -> Any:
    """`common`, with formulas between $, $$, \\( \\) or \\[ \\]; without HTML."""
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    made = strip_common_html()
    # A dollar beside a digit or a space is money.
    made.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    made.block.ruler.at("math_block", _math_block)
    made.inline.ruler.before("escape", "brackets", _math_inline)
    return made


def _math_block(state: Any, start: int, end: int, silent: bool) -> bool:
    """A formula by itself: nothing stands after its closing mark. The plugins that there are lose what does."""
    at = state.bMarks[start] + state.tShift[start]
    mark = None if state.is_code_block(start) else _BLOCKS.get(state.src[at : at + 2])
    close = state.src.find(mark, at + 2, at + _FAR) if mark else -1
    last = bisect_left(state.eMarks, close, start)
    if close < at + 3 or last >= end or state.src[close + 2 : state.eMarks[last]].strip():
        return False
    if any(state.sCount[line] < state.blkIndent and not state.isEmpty(line) for line in range(start + 1, last + 1)):
        return False  # the list or quotation ends before the formula does
    if not silent:
        token = state.push("math_block", "math", 0)
        token.content = state.getLines(start, last + 1, state.blkIndent, False).strip()[2:-2]
    state.line = last + 1
    return True


def _math_inline(state: Any, silent: bool) -> bool:
    """A formula among words, between \\( and \\) or \\[ and \\]."""
    mark = _SPANS.get(state.src[state.pos : state.pos + 2])
    close = state.src.find(mark, state.pos + 2, state.pos + _FAR) if mark else -1
    if close < state.pos + 3:
        return False
    if not silent:
        state.push("math_inline", "math", 0).content = state.src[state.pos + 2 : close]
    state.pos = close + 2
    return True


def warm_up() -> None:
    """Loads what the first text needs; may run in another thread, so that no paint waits for it."""
    build_parser()
    formula_to_text("x")


@lru_cache(500)
def formula_to_text(latex: str) -> str:
    """A formula in letters that can be read and said, such as "x² ≤ (a + b)/2"; what cannot be understood stays."""
    latex = latex.strip()
    if len(latex) > _LONGEST:
        return latex
    try:
        text = _latex_converter().latex_to_text(latex)
    except (
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        RecursionError,
        ArithmeticError,
    ):  # for what is no formula
        text = ""
    text = _SCRIPT.sub(_script_to_text, " ".join(text.split()) or latex)
    return re.sub(r"[{}]", "", text) or latex


def _script_to_text(found: re.Match[str]) -> str:
    """A power or an index: small where there are such letters, else in brackets."""
    small, inside = (_RAISED if found[1] == "^" else _LOWERED), found[2] or found[3] or ""
    if inside and all(ord(letter) in small for letter in inside):
        return inside.translate(small)
    return f"{found[1]}{inside}" if len(inside) == 1 else f"{found[1]}({inside})"


@cache
def _latex_converter() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db

    known = get_default_latex_context_db()
    known.add_context_category(
        "ours",
        prepend=True,
        macros=[MacroTextSpec(name, simplify_repl=_fraction_to_text) for name in ("frac", "dfrac", "tfrac")],
    )
    return LatexNodes2Text(latex_context=known, math_mode="text", keep_braced_groups=True, keep_comments=True)


def _fraction_to_text(node: Any, l2tobj: Any) -> str:
    parts = [l2tobj.nodelist_to_text([one]).strip("{} ") for one in node.nodeargd.argnlist[-2:]]
    return "/".join(part if re.fullmatch(r"\w*", part) else f"({part})" for part in parts)
