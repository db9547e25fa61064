"""The field in which a question is typed."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QPlainTextEdit

from assistant.text.i18n import tr, tr_noop
from ui import theme

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtGui import QInputMethodEvent, QKeyEvent, QTextCursor

MAX_QUESTION_LETTERS = 1_000_000
TOO_LONG = tr_noop("This text is longer than a million letters. Shorten it and ask again.")
_MAX_PARAGRAPH_LETTERS = 1000
# Marks the end of a paragraph that the field itself has split. Qt paints nothing for it, and no question contains it:
# it is a control character.
_BREAK = "\f"


class QuestionField(QPlainTextEdit):
    """The field in which a question is typed: Enter asks, Shift+Enter begins a line, Tab goes to the next control.

    `enter_pressed` is emitted for Enter; `text_rejected` carries a sentence on why a pasted text was not accepted. Long
    lines are split into paragraphs that Qt can lay out quickly; `typed_text` returns them whole."""

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
        """The text without the breaks that this field has inserted."""
        return _without_breaks(self.toPlainText())

    def replace_text(self, text: str) -> None:
        """Replaces the whole text; Ctrl+Z restores it."""
        cursor = self.textCursor()
        cursor.select(cursor.SelectionType.Document)
        self._insert_text(cursor, text)

    def insertFromMimeData(self, source: QMimeData) -> None:
        if len(text := source.text()) > MAX_QUESTION_LETTERS:
            self.text_rejected.emit(tr(TOO_LONG))
        else:
            self._insert_text(self.textCursor(), text)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """Inserts what is dictated or typed through an input method, split like pasted text if it is long."""
        text = event.commitString()
        if len(text) > _MAX_PARAGRAPH_LETTERS:
            event.setCommitString("")
            super().inputMethodEvent(event)
            self._insert_text(self.textCursor(), text[:MAX_QUESTION_LETTERS])
        else:
            super().inputMethodEvent(event)

    def createMimeDataFromSelection(self) -> QMimeData:
        """Copies the text without the breaks that this field has inserted."""
        data = super().createMimeDataFromSelection()  # a new object would be freed twice
        text = data.text()
        data.clear()
        data.setText(_without_breaks(text))
        return data

    def _insert_text(self, cursor: QTextCursor, text: str) -> None:
        """Replaces the selection with `text`, split into short paragraphs.

        Qt lays out a whole paragraph for every letter that is typed in it, and a long word once for each of its lines:
        200,000 letters in one paragraph blocked the window for 9 s."""
        cursor.beginEditBlock()
        cursor.removeSelectedText()
        position, length = cursor.positionInBlock(), cursor.block().length() - 1
        text = text.replace(_BREAK, "").replace("\r\n", "\n").replace("\r", "\n")
        lines = [piece for line in text.split("\n") for piece in _split_line(line)]
        if position and position + len(lines[0]) > _MAX_PARAGRAPH_LETTERS:
            lines.insert(0, _BREAK)
        if position < length and length - position + len(lines[-1]) > _MAX_PARAGRAPH_LETTERS:
            lines[-1] += _BREAK
            lines.append("")
        cursor.insertText("\n".join(lines))
        cursor.endEditBlock()
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Leaves files to the window, which adds them to the picture tray; Qt would insert their names."""
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
    """Splits a line into pieces of a length that the field can lay out, after a space where there is one.

    All pieces but the last end with a break."""
    pieces = []
    while len(line) > _MAX_PARAGRAPH_LETTERS:
        end = line.rfind(" ", _MAX_PARAGRAPH_LETTERS // 2, _MAX_PARAGRAPH_LETTERS) + 1 or _letter_boundary(line)
        pieces.append(line[:end] + _BREAK)
        line = line[end:]
    return [*pieces, line]


def _letter_boundary(line: str) -> int:
    """The last position, near the greatest length, that does not separate a letter from its combining marks."""
    ends = range(_MAX_PARAGRAPH_LETTERS, _MAX_PARAGRAPH_LETTERS - 50, -1)
    return next((end for end in ends if not unicodedata.combining(line[end]) and line[end - 1] != "\u200d"), ends[0])


def _without_breaks(text: str) -> str:
    return text.replace(_BREAK + "\n", "").replace(_BREAK, "")
