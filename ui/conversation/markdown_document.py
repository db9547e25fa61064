"""Draws Markdown from its token tree into a text document. Opens and fetches nothing, whatever the text names.

Formulas are made readable, not rendered; tables are drawn as tables up to a size."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any
from urllib.parse import urlsplit

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextOption,
    QTextTableFormat,
)

from assistant.text.i18n import tr, tr_noop
from assistant.text.markdown import build_parser, formula_to_text
from ui.conversation.model import MAX_DRAWN_LETTERS
from ui.theme import Theme, scaled_font
from ui.widgets.labels import break_long_words

_CUT = tr_noop("… The rest is not shown; Copy gives all of it.")
_CELLS, _COLUMNS = 1000, 12  # of a table that is drawn as one
_SIDES = {
    "": Qt.AlignmentFlag.AlignLeading, "right": Qt.AlignmentFlag.AlignRight, "center": Qt.AlignmentFlag.AlignHCenter,
}  # fmt: skip


class SafeTextDocument(QTextDocument):
    """A document that loads no resource: no picture, style sheet or file, local or remote."""

    def loadResource(self, kind: int, name: Any) -> None:
        return None


def render_markdown(text: str, heard: int | None, now: Theme) -> QTextDocument:
    """`text` as a document; what comes after `heard` letters (None: all were) is muted."""
    made = SafeTextDocument()
    made.setDefaultFont(scaled_font(1.15))
    made.setDocumentMargin(0)
    made.setUndoRedoEnabled(False)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    made.setDefaultTextOption(option)
    cursor = QTextCursor(made)
    writer = _DocumentWriter(cursor, now)
    cursor.beginEditBlock()  # else Qt lays the paragraph out anew for every span
    drawn = text[:MAX_DRAWN_LETTERS]
    writer.write_tokens(drawn[:heard], now.text)
    if heard is not None and heard < len(drawn):
        writer.write_tokens(drawn[heard:], now.muted)
    if len(text) > MAX_DRAWN_LETTERS:
        writer.cut_short()
    cursor.endEditBlock()
    return made


def to_plain_text(text: str, now: Theme, aside: bool = False) -> QTextDocument:
    """Text without any meaning of its own; `aside` is for what Hark notes by the way."""
    made = SafeTextDocument()
    made.setDefaultFont(scaled_font(1.0 if aside else 1.15))
    made.setDocumentMargin(0)
    form = QTextCharFormat()
    form.setForeground(QColor(now.muted if aside else now.text))
    cut = "\n" + tr(_CUT) if len(text) > MAX_DRAWN_LETTERS else ""
    QTextCursor(made).insertText(break_long_words(text[:MAX_DRAWN_LETTERS]) + cut, form)
    return made


def find_links(text: str) -> list[str]:
    """The addresses that an answer names as links, each once, of the web alone; longer ones than browsers take are
    none."""
    inline = (token for token in build_parser().parse(text[:MAX_DRAWN_LETTERS]) if token.type == "inline")
    found = [
        str(one.attrs.get("href", "")) for token in inline for one in token.children or [] if one.type == "link_open"
    ]
    return list(dict.fromkeys(one for one in found if _host_name(one) and len(one) < 2000))


def find_code(text: str) -> str:
    """The code in an answer, by itself; blocks are parted by an empty line."""
    blocks = [
        token.content
        for token in build_parser().parse(text[:MAX_DRAWN_LETTERS])
        if token.type in ("fence", "code_block")
    ]
    return "\n".join(blocks).rstrip("\n")


class _DocumentWriter:
    """Walks over the tokens; every block is a paragraph with an indent, every span a format."""

    def __init__(self, cursor: QTextCursor, now: Theme) -> None:
        self._cursor, self._now = cursor, now
        self._color = now.text
        self._fresh, self._first = True, True
        self._weight = QFont.Weight.Normal
        self._lists: list[int | None] = []  # the next number, or None for bullets

    def write_tokens(self, text: str, color: str) -> None:
        """A part of the answer. A second part goes on in the paragraph of the first."""
        self._color = color
        self._fresh = self._first or text.startswith("\n")
        tokens = iter(build_parser().parse(text))
        for token in tokens:
            if token.type == "table_open":
                self._write_table(list(takewhile(lambda one: one.type != "table_close", tokens)))
            else:
                self._write_token(token)

    def cut_short(self) -> None:
        """Says in a paragraph of its own that there is more."""
        self._fresh, self._lists = True, []
        self._start_block()
        self._insert_text(tr(_CUT), self._char_format(muted=True))

    def _write_table(self, tokens: list[Any]) -> None:
        """Rows and columns; what is too large for one is written row by row."""
        rows = [one for one in tokens if one.type == "tr_open"]
        cells = [one for one in tokens if one.type in ("th_open", "td_open")]
        columns = len(cells) // max(1, len(rows))
        if not rows or len(cells) > _CELLS or columns > _COLUMNS:
            for token in tokens:
                self._write_token(token)
            return
        self._start_block()
        table = self._cursor.insertTable(len(rows), columns, self._table_format())
        inside = [one for one in tokens if one.type == "inline"]
        for number, (cell, words) in enumerate(zip(cells, inside, strict=True)):
            self._cursor = table.cellAt(number // columns, number % columns).firstCursorPosition()
            self._weight = QFont.Weight.DemiBold if cell.type == "th_open" else QFont.Weight.Normal
            side = re.search("right|center", str(cell.attrs.get("style", "")))
            form = QTextBlockFormat()
            form.setAlignment(_SIDES[side[0] if side else ""])
            self._cursor.setBlockFormat(form)
            self._write_inline(words.children or [])
        self._cursor = table.lastCursorPosition()
        self._cursor.movePosition(QTextCursor.MoveOperation.NextBlock)
        self._first = self._fresh = True  # Qt leaves an empty paragraph below: what follows stands in it
        self._weight = QFont.Weight.Normal

    def _table_format(self) -> QTextTableFormat:
        form = QTextTableFormat()
        form.setBorder(1)
        form.setBorderBrush(QColor(self._now.line))
        form.setBorderCollapse(True)
        form.setCellPadding(5)
        form.setTopMargin(6)
        return form

    def _write_token(self, token: Any) -> None:
        match token.type:
            case "paragraph_open" | "tr_open":
                self._start_block()
            case "heading_open":
                self._start_block(QFont.Weight.DemiBold)
            case "list_item_open":
                self._start_item()
            case "fence" | "code_block":
                self._start_block()
                self._insert_text(token.content.rstrip("\n"), self._char_format(code=True))
            case "math_block":
                self._start_block()
                self._insert_text(formula_to_text(token.content), self._char_format(italic=True))
            case "td_close" | "th_close":
                self._insert_text("   ", self._char_format())
            case "inline":
                self._write_inline(token.children or [])
            case _:
                self._write_list(token)

    def _write_list(self, token: Any) -> None:
        """Where a list begins and ends."""
        if token.type in ("bullet_list_open", "ordered_list_open"):
            self._lists.append(int(token.attrs.get("start", 1)) if token.tag == "ol" else None)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self._lists.pop()

    def _start_block(self, weight: QFont.Weight = QFont.Weight.Normal) -> None:
        self._weight = weight
        if not self._fresh:
            self._fresh = True
            return
        form = QTextBlockFormat()
        form.setLeftMargin(22.0 * len(self._lists))
        form.setTopMargin(0.0 if self._first else 7.0)
        form.setLineHeight(128.0, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        if self._first:
            self._cursor.setBlockFormat(form)
        else:
            self._cursor.insertBlock(form)
        self._first = False

    def _start_item(self) -> None:
        self._start_block()
        number = self._lists[-1]
        self._insert_text("•  " if number is None else f"{number}.  ", self._char_format())
        if number is not None:
            self._lists[-1] = number + 1
        self._fresh = False  # the item's own paragraph stands on this line

    def _write_inline(self, tokens: list[Any]) -> None:
        bold = italic = 0
        link = ""
        for token in tokens:
            match token.type:
                case "strong_open" | "strong_close":
                    bold += token.nesting
                case "em_open" | "em_close":
                    italic += token.nesting
                case "link_open":
                    link = _host_name(str(token.attrs.get("href", "")))
                case "link_close":
                    self._insert_text(f" ({link})" if link else "", self._char_format(muted=True))
                    link = ""
                case "text" | "softbreak":
                    words = " " if token.type == "softbreak" else token.content
                    self._insert_text(words, self._char_format(bold=bool(bold), italic=bool(italic)))
                case _:
                    self._write_leaf(token)

    def _write_leaf(self, token: Any) -> None:
        """What has no words of its own inside."""
        match token.type:
            case "hardbreak":
                self._insert_text("\u2028", self._char_format())
            case "image":
                self._insert_text(tr("[picture: {name}]").format(name=token.content), self._char_format(muted=True))
            case "math_inline" | "math_inline_double":
                self._insert_text(formula_to_text(token.content), self._char_format(italic=True))
            case "code_inline":
                self._insert_text(token.content, self._char_format(code=True))

    def _insert_text(self, text: str, form: QTextCharFormat) -> None:
        if text:
            self._cursor.insertText(break_long_words(text), form)

    def _char_format(
        self, bold: bool = False, italic: bool = False, code: bool = False, muted: bool = False
    ) -> QTextCharFormat:
        form = QTextCharFormat()
        form.setForeground(QColor(self._now.muted if muted else self._color))
        form.setFontWeight(QFont.Weight.DemiBold if bold else self._weight)
        form.setFontItalic(italic)
        if code:
            form.setFontFamilies(["monospace"])
            form.setBackground(QColor(self._now.chosen))
        return form


def _host_name(address: str) -> str:
    """Where a link leads: shown, never opened."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return parts.hostname or "" if parts.scheme in ("http", "https") else ""
