"""The one reading of an answer's Markdown: its tokens, and formulas as words that can be read. Knows no one who shows
them."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

DEEPEST = 20  # lists, quotations and spans in one another that are read
_LONGEST = 500  # letters of a formula that is made readable; a longer one is shown as it is
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_SCRIPT = re.compile(r"([\^_])(?:\{([^{}]*)\}|(\w))")


def common(html: bool = False) -> Any:
    """A new parser of CommonMark with tables and struck text, nested `DEEPEST` deep at most."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": html, "maxNesting": DEEPEST}).enable(["table", "strikethrough"])


@cache
def parser() -> Any:
    """`common`, with formulas between $, $$, \\( \\) or \\[ \\]; without HTML."""
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.texmath import texmath_plugin

    made = common()
    # A dollar beside a digit or a space is money.
    made.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True, allow_labels=False)
    return made.use(texmath_plugin, delimiters="brackets")


def warm() -> None:
    """Loads what the first text needs; may run in another thread, so that no paint waits for it."""
    parser()
    formula("x")


@lru_cache(500)
def formula(latex: str) -> str:
    """A formula in letters that can be read and said, such as "x² ≤ (a + b)/2"; what cannot be understood stays."""
    latex = latex.strip()
    if len(latex) > _LONGEST:
        return latex
    try:
        text = _to_text().latex_to_text(latex)
    except (
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        RecursionError,
        ArithmeticError,
    ):  # for what is no formula
        text = ""
    text = _SCRIPT.sub(_script, " ".join(text.split()) or latex)
    return re.sub(r"[{}]", "", text) or latex


def _script(found: re.Match[str]) -> str:
    """A power or an index: small where there are such letters, else in brackets."""
    small, inside = (_RAISED if found[1] == "^" else _LOWERED), found[2] or found[3] or ""
    if inside and all(ord(letter) in small for letter in inside):
        return inside.translate(small)
    return f"{found[1]}{inside}" if len(inside) == 1 else f"{found[1]}({inside})"


@cache
def _to_text() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db

    known = get_default_latex_context_db()
    known.add_context_category(
        "ours",
        prepend=True,
        macros=[MacroTextSpec(name, simplify_repl=_fraction) for name in ("frac", "dfrac", "tfrac")],
    )
    return LatexNodes2Text(latex_context=known, math_mode="text", keep_braced_groups=True)


def _fraction(node: Any, l2tobj: Any) -> str:
    parts = [l2tobj.nodelist_to_text([one]).strip("{} ") for one in node.nodeargd.argnlist[-2:]]
    return "/".join(part if re.fullmatch(r"\w*", part) else f"({part})" for part in parts)
