"""The bar at the bottom: talk, what is heard and done, the text field, stop. Knows nothing of the engine."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QBoxLayout,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from assistant.text.i18n import tr, tr_noop
from ui import theme
from ui.input_bar.talk_button import LevelMeter, TalkButton
from ui.input_bar.timings import TimingsBar
from ui.widgets.labels import PlainLabel, set_tool_tip

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

    entered, refused = Signal(), Signal(str)

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
            self.refused.emit(tr(TOO_LONG))
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
            self.entered.emit()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _fit_height(self) -> None:
        lines = max(1, min(4, self.document().blockCount()))
        self.setFixedHeight(self.fontMetrics().lineSpacing() * lines + 24)


class InputBar(QWidget):
    """`asked` gives what was typed, `refused` why it was not taken; it stays in the field then."""

    asked, refused, stopped = Signal(str), Signal(str), Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.talk, self.meter, self.field, self.stages = TalkButton(), LevelMeter(), QuestionField(), TimingsBar()
        self.caption, self.status = PlainLabel(), PlainLabel()
        self.caption.setObjectName("caption")
        self.status.setObjectName("status")
        for label in (self.caption, self.status):
            label.setWordWrap(True)
            policy = label.sizePolicy()  # the meter's own width is not that of the words
            policy.setHorizontalPolicy(QSizePolicy.Policy.Expanding)
            label.setSizePolicy(policy)
        self.caption.setFont(theme.scaled_font(1.2))
        self.status.setProperty("quiet", True)
        self.status.setFont(theme.scaled_font(0.95))
        self.ask = QPushButton(tr("Ask"))
        set_tool_tip(self.ask, tr("Ask what is typed (Enter)"))
        self.stop = QPushButton("■  " + tr("Stop") + "   Ctrl")
        self.stop.setAccessibleName(tr("Stop speaking"))
        set_tool_tip(self.stop, tr("Stop speaking, at once (Ctrl, or Esc)"))
        self.stop.setObjectName("stop")
        self.stop.setEnabled(False)
        self.stop.clicked.connect(self.stopped)
        self.ask.clicked.connect(self._submit)
        self.field.entered.connect(self._submit)
        self.field.refused.connect(self.refused)
        self.past, self.pictures = QPushButton(tr("Conversations")), QPushButton(tr("Pictures"))
        for button in (self.past, self.pictures):  # shown where the window is too narrow for both sides
            button.setCheckable(True)
            button.hide()
        self._lay_out()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addStretch(1)
        for widget in (self.meter, self.caption, self.status, self.stages):
            words.addWidget(widget)
        words.addStretch(1)
        self._typed = QWidget()
        typed = self._rows = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._typed)
        typed.setContentsMargins(0, 0, 0, 0)
        buttons, sides = QHBoxLayout(), QHBoxLayout()
        for row in (typed, buttons, sides):
            row.setSpacing(10)
        typed.addWidget(self.field, 1)
        typed.addLayout(buttons)
        for row, pair in ((buttons, (self.ask, self.stop)), (sides, (self.past, self.pictures))):
            for widget in pair:
                row.addWidget(widget)
        sides.addStretch(1)
        whole, self._grid = QVBoxLayout(self), QGridLayout()
        whole.setContentsMargins(22, 14, 22, 14)
        whole.addLayout(sides)
        whole.addLayout(self._grid)
        self._grid.setHorizontalSpacing(16)
        self._grid.addWidget(self.talk, 0, 0)
        self._grid.addLayout(words, 0, 1)
        self._grid.setColumnStretch(1, 1)
        self.fit_width(narrow=False, tight=False)

    def fit_width(self, narrow: bool, tight: bool) -> None:
        """Puts the text field below the rest where there is no room beside it, and the buttons below the field where
        there is none beside that."""
        place = (1, 0, 1, 3) if narrow else (0, 2, 1, 1)
        self._grid.addWidget(self._typed, *place)
        self._grid.setColumnStretch(2, 0 if narrow else 1)
        self._rows.setDirection(QBoxLayout.Direction.TopToBottom if tight else QBoxLayout.Direction.LeftToRight)

    @Slot()
    def _submit(self) -> None:
        self.take_text(self.asked.emit)

    def take_text(self, ask: Callable[[str], None]) -> None:
        """Gives what is typed to `ask`, and empties the field; a text that is too long stays there."""
        text = self.field.typed_text().strip()
        if len(text) > MAX_QUESTION_LETTERS:
            self.refused.emit(tr(TOO_LONG))
            return
        self.field.clear()
        ask(text)


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
