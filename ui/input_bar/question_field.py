"""The field in which a question is typed."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QPlainTextEdit,
)

from assistant.text.i18n import tr, tr_noop
from ui import theme

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtGui import QInputMethodEvent, QKeyEvent, QTextCursor

MAX_QUESTION_LETTERS = 1_000_000  # letters of a question
TOO_LONG = tr_noop("This text is longer than a million letters. Shorten it and ask again.")
_MAX_LINE_LETTERS = 1000  # of a paragraph in the field
_BREAK = "\f"  # ends a paragraph that the field broke; drawn as nothing, and in no question: it is a control character


class QuestionField(QPlainTextEdit):
    """Enter asks, Shift+Enter is a new line; Tab goes on to the next control. `refused` gives why a text was not taken.
    What is pasted is broken up into paragraphs that can be laid out quickly: `asked` gives it whole."""

    enter_pressed, text_rejected = Signal(), Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Question"))
        self.setPlaceholderText(tr("Type a question …"))
        self.setTabChangesFocus(True)
        self.setFont(theme.scaled_font(1.08))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.document().contentsChanged.connect(self._fit_height)
        self._fit_height()

    def typed_text(self) -> str:
        """What is typed, without the breaks that only this field has."""
        return _without_breaks(self.toPlainText())

    def replace_text(self, text: str) -> None:
        """Another text in the place of all that is typed, which comes back with Ctrl+Z."""
        cursor = self.textCursor()
        cursor.select(cursor.SelectionType.Document)
        self._insert_text(cursor, text)

    def insertFromMimeData(self, source: QMimeData) -> None:
        if len(text := source.text()) > MAX_QUESTION_LETTERS:
            self.text_rejected.emit(tr(TOO_LONG))
        else:
            self._insert_text(self.textCursor(), text)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """What is dictated or typed through an input method."""
        text = event.commitString()
        if len(text) > _MAX_LINE_LETTERS:
            event.setCommitString("")
            super().inputMethodEvent(event)
            self._insert_text(self.textCursor(), text[:MAX_QUESTION_LETTERS])
        else:
            super().inputMethodEvent(event)

    def createMimeDataFromSelection(self) -> QMimeData:
        """The text as it was before it was broken up."""
        data = super().createMimeDataFromSelection()  # one made here would be freed twice
        text = data.text()
        data.clear()
        data.setText(_without_breaks(text))
        return data

    def _insert_text(self, cursor: QTextCursor, text: str) -> None:
        """In the place of what is selected. Qt lays out a whole paragraph for every letter that is typed in it, and a
        long word again for each of its lines (200,000 letters held the window up for 9 s): long ones are broken up."""
        cursor.beginEditBlock()
        cursor.removeSelectedText()
        at, length = cursor.positionInBlock(), cursor.block().length() - 1
        text = text.replace(_BREAK, "").replace("\r\n", "\n").replace("\r", "\n")
        lines = [piece for line in text.split("\n") for piece in _split_line(line)]
        if at and at + len(lines[0]) > _MAX_LINE_LETTERS:
            lines.insert(0, _BREAK)
        if at < length and length - at + len(lines[-1]) > _MAX_LINE_LETTERS:
            lines[-1] += _BREAK
            lines.append("")
        cursor.insertText("\n".join(lines))
        cursor.endEditBlock()
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Files are not their names: they go on to the window."""
        return not any(url.isLocalFile() for url in source.urls()) and super().canInsertFromMimeData(source)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.enter_pressed.emit()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _fit_height(self) -> None:
        lines = max(1, min(4, self.document().blockCount()))
        self.setFixedHeight(self.fontMetrics().lineSpacing() * lines + 24)


def _split_line(line: str) -> list[str]:
    """A line in pieces that the field can lay out; all but the last one end with a break, behind a space if there is
    one near the end."""
    pieces = []
    while len(line) > _MAX_LINE_LETTERS:
        end = line.rfind(" ", _MAX_LINE_LETTERS // 2, _MAX_LINE_LETTERS) + 1 or _whole_letters(line)
        pieces.append(line[:end] + _BREAK)
        line = line[end:]
    return [*pieces, line]


def _whole_letters(line: str) -> int:
    """Where a line can be broken without parting a letter from its marks, near the longest that is allowed."""
    ends = range(_MAX_LINE_LETTERS, _MAX_LINE_LETTERS - 50, -1)
    return next((end for end in ends if not unicodedata.combining(line[end]) and line[end - 1] != "\u200d"), ends[0])


def _without_breaks(text: str) -> str:
    return text.replace(_BREAK + "\n", "").replace(_BREAK, "")
