"""Renders the Markdown of an answer into a Qt text document, from the tokens of the parser.

Nothing that the text names is opened or fetched. Formulas become readable text; large tables are written row by row."""

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

_CUT_TEXT = tr_noop("… The rest is not shown; Copy gives all of it.")
_MAX_TABLE_CELLS, _MAX_TABLE_COLUMNS = 1000, 12  # a larger table is written row by row
_ALIGNMENTS = {
    "": Qt.AlignmentFlag.AlignLeading, "right": Qt.AlignmentFlag.AlignRight, "center": Qt.AlignmentFlag.AlignHCenter,
}  # fmt: skip


class SafeTextDocument(QTextDocument):
    """A document that loads no resources: no pictures, style sheets or files, neither local nor remote."""

    def loadResource(self, kind: int, name: Any) -> None:
        return None


def render_markdown(text: str, heard_letters: int | None, colors: Theme) -> QTextDocument:
    """Renders an answer. Text after the first `heard_letters` letters was not spoken and is muted (None: all was)."""
    document = SafeTextDocument()
    document.setDefaultFont(scaled_font(1.15))
    document.setDocumentMargin(0)
    document.setUndoRedoEnabled(False)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    document.setDefaultTextOption(option)
    cursor = QTextCursor(document)
    writer = _DocumentWriter(cursor, colors)
    cursor.beginEditBlock()  # else Qt lays the paragraph out again for every span
    drawn_text = text[:MAX_DRAWN_LETTERS]
    writer.write_tokens(drawn_text[:heard_letters], colors.text)
    if heard_letters is not None and heard_letters < len(drawn_text):
        writer.write_tokens(drawn_text[heard_letters:], colors.muted)
    if len(text) > MAX_DRAWN_LETTERS:
        writer.write_cut_notice()
    cursor.endEditBlock()
    return document


def render_plain_text(text: str, colors: Theme, is_note: bool = False) -> QTextDocument:
    """Renders text without any markup; `is_note` gives it the muted look of notes."""
    document = SafeTextDocument()
    document.setDefaultFont(scaled_font(1.0 if is_note else 1.15))
    document.setDocumentMargin(0)
    char_format = QTextCharFormat()
    char_format.setForeground(QColor(colors.muted if is_note else colors.text))
    cut_text = "\n" + tr(_CUT_TEXT) if len(text) > MAX_DRAWN_LETTERS else ""
    QTextCursor(document).insertText(break_long_words(text[:MAX_DRAWN_LETTERS]) + cut_text, char_format)
    return document


def find_links(text: str) -> list[str]:
    """The addresses of an answer's links, each once: http and https, and no longer than browsers accept."""
    inline = (token for token in build_parser().parse(text[:MAX_DRAWN_LETTERS]) if token.type == "inline")
    links = (child for token in inline for child in token.children or [] if child.type == "link_open")
    addresses = (str(link.attrs.get("href", "")) for link in links)
    return list(dict.fromkeys(address for address in addresses if _host_name(address) and len(address) < 2000))


def find_code(text: str) -> str:
    """The code blocks of an answer, with an empty line between them; "" if it has none."""
    blocks = [
        token.content
        for token in build_parser().parse(text[:MAX_DRAWN_LETTERS])
        if token.type in ("fence", "code_block")
    ]
    return "\n".join(blocks).rstrip("\n")


class _DocumentWriter:
    """Writes tokens into a document: each block becomes a paragraph with an indent, each span a character format."""

    def __init__(self, cursor: QTextCursor, colors: Theme) -> None:
        self._cursor, self._colors = cursor, colors
        self._color = colors.text
        self._is_at_block_start, self._is_document_empty = True, True
        self._weight = QFont.Weight.Normal
        self._item_numbers: list[int | None] = []  # of the open lists: the next number, None for bullets

    def write_tokens(self, text: str, color: str) -> None:
        """Writes a part of the answer in one colour. A second part continues in the last paragraph of the first."""
        self._color = color
        self._is_at_block_start = self._is_document_empty or text.startswith("\n")
        tokens = iter(build_parser().parse(text))
        for token in tokens:
            if token.type == "table_open":
                self._write_table(list(takewhile(lambda row_token: row_token.type != "table_close", tokens)))
            else:
                self._write_token(token)

    def write_cut_notice(self) -> None:
        """Writes a last paragraph which says that the rest is not shown."""
        self._is_at_block_start, self._item_numbers = True, []
        self._start_block()
        self._insert_text(tr(_CUT_TEXT), self._char_format(muted=True))

    def _write_table(self, tokens: list[Any]) -> None:
        """Writes a table, row by row if it is too large for a real one."""
        rows = [token for token in tokens if token.type == "tr_open"]
        cells = [token for token in tokens if token.type in ("th_open", "td_open")]
        columns = len(cells) // max(1, len(rows))
        if not rows or len(cells) > _MAX_TABLE_CELLS or columns > _MAX_TABLE_COLUMNS:
            for token in tokens:
                self._write_token(token)
            return
        self._start_block()
        table = self._cursor.insertTable(len(rows), columns, self._table_format())
        contents = [token for token in tokens if token.type == "inline"]
        for number, (cell, content) in enumerate(zip(cells, contents, strict=True)):
            self._cursor = table.cellAt(number // columns, number % columns).firstCursorPosition()
            self._weight = QFont.Weight.DemiBold if cell.type == "th_open" else QFont.Weight.Normal
            alignment = re.search("right|center", str(cell.attrs.get("style", "")))
            block_format = QTextBlockFormat()
            block_format.setAlignment(_ALIGNMENTS[alignment[0] if alignment else ""])
            self._cursor.setBlockFormat(block_format)
            self._write_inline(content.children or [])
        self._cursor = table.lastCursorPosition()
        self._cursor.movePosition(QTextCursor.MoveOperation.NextBlock)
        self._is_document_empty = self._is_at_block_start = (
            True  # the next block uses the empty paragraph that Qt leaves below
        )
        self._weight = QFont.Weight.Normal

    def _table_format(self) -> QTextTableFormat:
        table_format = QTextTableFormat()
        table_format.setBorder(1)
        table_format.setBorderBrush(QColor(self._colors.border))
        table_format.setBorderCollapse(True)
        table_format.setCellPadding(5)
        table_format.setTopMargin(6)
        return table_format

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
        """Opens or closes a list; other tokens need nothing."""
        if token.type in ("bullet_list_open", "ordered_list_open"):
            self._item_numbers.append(int(token.attrs.get("start", 1)) if token.tag == "ol" else None)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self._item_numbers.pop()

    def _start_block(self, weight: QFont.Weight = QFont.Weight.Normal) -> None:
        self._weight = weight
        if not self._is_at_block_start:
            self._is_at_block_start = True
            return
        block_format = QTextBlockFormat()
        block_format.setLeftMargin(22.0 * len(self._item_numbers))
        block_format.setTopMargin(0.0 if self._is_document_empty else 7.0)
        block_format.setLineHeight(128.0, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        if self._is_document_empty:
            self._cursor.setBlockFormat(block_format)
        else:
            self._cursor.insertBlock(block_format)
        self._is_document_empty = False

    def _start_item(self) -> None:
        self._start_block()
        number = self._item_numbers[-1]
        self._insert_text("•  " if number is None else f"{number}.  ", self._char_format())
        if number is not None:
            self._item_numbers[-1] = number + 1
        self._is_at_block_start = False  # the paragraph of the item is written on this line

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
                    text = " " if token.type == "softbreak" else token.content
                    self._insert_text(text, self._char_format(bold=bool(bold), italic=bool(italic)))
                case _:
                    self._write_leaf(token)

    def _write_leaf(self, token: Any) -> None:
        """Writes a span that has no children."""
        match token.type:
            case "hardbreak":
                self._insert_text("\u2028", self._char_format())
            case "image":
                self._insert_text(tr("[picture: {name}]").format(name=token.content), self._char_format(muted=True))
            case "math_inline" | "math_inline_double":
                self._insert_text(formula_to_text(token.content), self._char_format(italic=True))
            case "code_inline":
                self._insert_text(token.content, self._char_format(code=True))

    def _insert_text(self, text: str, char_format: QTextCharFormat) -> None:
        if text:
            self._cursor.insertText(break_long_words(text), char_format)

    def _char_format(
        self, bold: bool = False, italic: bool = False, code: bool = False, muted: bool = False
    ) -> QTextCharFormat:
        char_format = QTextCharFormat()
        char_format.setForeground(QColor(self._colors.muted if muted else self._color))
        char_format.setFontWeight(QFont.Weight.DemiBold if bold else self._weight)
        char_format.setFontItalic(italic)
        if code:
            char_format.setFontFamilies(["monospace"])
            char_format.setBackground(QColor(self._colors.selection))
        return char_format


def _host_name(address: str) -> str:
    """The host of an http or https address, which is shown beside a link; "" for any other."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return parts.hostname or "" if parts.scheme in ("http", "https") else ""
