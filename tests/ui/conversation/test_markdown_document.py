"""How an answer's text is drawn: tables, formulas, Markdown, what was not heard, and hostile text."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QTextTable
from PySide6.QtWidgets import QApplication

from tests.unit.text.test_speech_text import FORMULAS
from ui import theme
from ui.conversation import markdown_document
from ui.conversation.model import ChatMessage

WIDE = 600.0


def drawn(text: str, heard: int | None = None) -> str:
    document = markdown_document.render_markdown(text, heard, theme.LIGHT)
    document.setTextWidth(WIDE)
    assert document.size().width() <= WIDE
    return document.toPlainText()


def test_a_table_is_a_table_and_what_follows_stands_below_it(qapp: QApplication) -> None:
    document = markdown_document.render_markdown(
        "| name | size |\n|:--|--:|\n| **oak** | 30 m |\n| ash | 9 m |\n\nEnd", None, theme.LIGHT
    )
    table = next(frame for frame in document.rootFrame().childFrames() if isinstance(frame, QTextTable))
    cells = [
        [table.cellAt(row, column).firstCursorPosition().block() for column in range(table.columns())]
        for row in range(table.rows())
    ]
    assert [[cell.text() for cell in row] for row in cells] == [["name", "size"], ["oak", "30 m"], ["ash", "9 m"]]
    assert cells[1][1].blockFormat().alignment() & Qt.AlignmentFlag.AlignRight
    assert document.toPlainText().rstrip().endswith("End") and document.lastBlock().text() == "End"


def test_a_table_that_never_ends_is_written_row_by_row(qapp: QApplication) -> None:
    shown_text = drawn("| a | b |\n|---|---|\n" + "| one | two |\n" * 4000)
    assert shown_text.count("two") == 4000


@pytest.mark.parametrize(
    "text, readable",
    [
        ("So $x^2 + a_1$ it is", "So x² + a₁ it is"),
        (r"\[ x = \frac{-b \pm \sqrt{b^2-4ac}}{2a} \]", "x = (-b ±√(b²-4ac))/2a"),
        (r"If \(a \leq \beta\), stop", "If a ≤β, stop"),
        (r"The sign $\sqrt$ and $\overline\sqrt$ and $\footnote$", r"The sign \sqrt and \overline\sqrt and \footnote"),
        ("It costs $5 and $6.", "It costs $5 and $6."),
        (r"Bad $\frac$ and $\input{/etc/passwd}$", r"Bad \frac and \input/etc/passwd"),
        ("$" + "{" * 490 + "$", "{" * 490),
        *FORMULAS,
    ],
)
def test_formulas_are_made_readable(qapp: QApplication, text: str, readable: str) -> None:
    assert " ".join(drawn(text).split()) == readable


def test_markdown_is_drawn_without_its_marks_and_without_losing_a_word(qapp: QApplication) -> None:
    lists = "1. one\n2. two\n\n- dot\n\n```\nx = 1\n```\n\n"
    text = "# Title\n\nSome **bold** and *soft* `code`.\n\n" + lists + "| a | b |\n|---|---|\n| c | d |"
    shown_text = drawn(text)
    for word in ("Title", "bold", "soft", "code", "1.  one", "2.  two", "•  dot", "x = 1", "a", "b", "c", "d"):
        assert word in shown_text, (word, shown_text)
    assert markdown_document.find_code(text) == "x = 1"
    assert "**" not in shown_text and "#" not in shown_text and "|" not in shown_text


@pytest.mark.parametrize(
    "text",
    [
        "![x](file:///etc/passwd)", "<img src='file:///etc/passwd'>", "<table>" * 200, "[a](javascript:alert(1))",
        ">" * 5_000 + " deep", "- " * 3_000 + "deep", "[" * 5_000, "a" * 300_000, "*" * 20_000, "`" * 9_999,
        "|a|\n|-|\n" + "|b|\n" * 2_000, "\u202e right to left \u2066", "\0\1\2",
    ],
)  # fmt: skip
def test_hostile_text_is_drawn_soon_and_loads_nothing(qapp: QApplication, text: str) -> None:
    start = time.thread_time()  # its own work; what grows with the square of a text's length takes minutes
    shown_text = drawn(text)
    assert time.thread_time() - start < 20
    assert "root:" not in shown_text


@pytest.mark.parametrize(
    "text",
    ["图" * 3000, "a" * 3000, "图" * 499 + "**很大**" + "图" * 600, "图" * 498 + "`是`表" * 200, "第一行吧。\n" * 200],
)
def test_a_text_without_spaces_gets_none(qapp: QApplication, text: str) -> None:
    assert drawn(text).replace("。 ", "。\n").rstrip() == re.sub(r"[*`]", "", text).rstrip()


def test_unheard_text_is_muted_from_its_first_letter(qapp: QApplication) -> None:
    document = markdown_document.render_markdown("图" * 1200 + "表" * 30, 1200, theme.LIGHT)
    parts = [part.fragment() for part in document.firstBlock()]
    assert [part.text()[0] for part in parts] == ["图", "表"] and [part.length() for part in parts] == [1200, 30]


@pytest.mark.parametrize("text", ["a" * 100_000, "- a\n" * 25_000, "| a |\n|-|\n" + "| b |\n" * 20_000])
def test_an_answer_that_is_not_shown_whole_says_so(qapp: QApplication, text: str) -> None:
    notice = "… The rest is not shown; Copy gives all of it."
    assert (
        notice not in drawn(text[:100_000])
        and notice not in markdown_document.render_plain_text(text[:100_000], theme.LIGHT).toPlainText()
    )
    more = markdown_document.render_markdown(text[:100_000] + "b", None, theme.LIGHT)
    assert more.lastBlock().text() == notice and more.lastBlock().blockFormat().leftMargin() == 0
    assert markdown_document.render_plain_text(text[:100_000] + "b", theme.LIGHT).lastBlock().text() == notice


@pytest.mark.parametrize("text", ["a" * 100_000, "QUJD" * 25_000, "ب" * 90_000, "x\u00a0" * 50_000, "\u0301" * 99_999])
def test_a_long_word_may_be_broken_often_enough_to_be_laid_out_quickly(qapp: QApplication, text: str) -> None:
    for document in (
        markdown_document.render_markdown(text, None, theme.LIGHT),
        markdown_document.render_plain_text(text, theme.LIGHT),
    ):
        shown_text = document.toRawText()
        assert (
            max(map(len, shown_text.split("\u200b"))) <= 4_000
            and shown_text.replace("\u200b", "").strip() == text.strip()
        )


def test_a_document_loads_no_resource(qapp: QApplication, tmp_path: Path) -> None:
    document = markdown_document.SafeTextDocument()
    (tmp_path / "x.css").write_text("p { color: red }")
    assert document.resource(2, QUrl.fromLocalFile(str(tmp_path / "x.css"))) is None


def test_a_link_shows_where_it_leads(qapp: QApplication) -> None:
    assert drawn("[here](https://example.org/a?b)") == "here (example.org)"
    assert drawn("[here](ftp://example.org)") == "here"


def test_unheard_text_is_muted_and_marked(qapp: QApplication) -> None:
    document = markdown_document.render_markdown("One two. Three four.", 8, theme.LIGHT)
    colours = set()
    block = document.begin()
    while block.isValid():
        colours |= {part.fragment().charFormat().foreground().color().name() for part in block}
        block = block.next()
    assert colours == {theme.LIGHT.text, theme.LIGHT.muted}
    assert (
        ChatMessage("hark", "One two. Three four.", heard_letters=8).speech_text
        == "Hark: One two. (not heard: Three four.)"
    )
