"""The question field breaks up long words and paragraphs internally; its text stays unchanged outside."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication

from tests.support.window_harness import WindowHarness
from ui.input_bar import question_field
from ui.input_bar.question_field import QuestionField

HARD = [
    "a" * 200_000, "QUJDRA+/" * 25_000, "word " * 40_000, "a" + "\u200d" * 200_000, "a" + "\u0301" * 200_000,
    "\u202ea" * 60_000, "👩‍👩‍👧‍👦" * 20_000, "ب" * 200_000, "first\n" + "b" * 5_000 + "\n\nlast\n",
]  # fmt: skip


def mime(text: str) -> QMimeData:
    data = QMimeData()
    data.setText(text)
    return data


def longest_paragraph(field: QuestionField) -> int:
    """Return the length in UTF-16 units, as Qt counts."""
    lengths, block = [], field.document().begin()
    while block.isValid():
        lengths.append(block.length())
        block = block.next()
    return max(lengths)


@pytest.mark.parametrize("text", HARD, ids=range(len(HARD)))
def test_a_long_word_is_broken_up_in_the_field_and_asked_and_copied_whole(harness: WindowHarness, text: str) -> None:
    field = harness.window.input_bar.question_field
    field.insertFromMimeData(mime(text))
    assert longest_paragraph(field) <= 2 * 1000 + 3 and field.typed_text() == text
    field.selectAll()
    field.copy()
    assert QApplication.clipboard().text() == text
    field.textCursor().clearSelection()
    harness.window.input_bar.ask_button.click()
    assert harness.calls[-1] == ("ask", text.strip()) and field.typed_text() == ""


def test_a_question_with_a_long_word_is_broken_up_when_it_is_changed_and_comes_back_with_one_ctrl_z(
    harness: WindowHarness,
) -> None:
    field = harness.window.input_bar.question_field
    field.replace_text("short")
    field.replace_text("a" * 200_000)
    assert longest_paragraph(field) <= 1003 and field.typed_text() == "a" * 200_000
    field.undo()
    assert field.typed_text() == "short"


def test_a_text_is_whole_wherever_pieces_of_it_are_pasted_typed_and_deleted(harness: WindowHarness) -> None:
    field = harness.window.input_bar.question_field
    field.insertPlainText("<>")
    for _ in range(6):  # always at the same place: no paragraph grows
        cursor = field.textCursor()
        cursor.setPosition(1)
        field.setTextCursor(cursor)
        field.insertFromMimeData(mime("y" * 900))
    field.insertFromMimeData(mime("z" * 3_000))
    assert field.typed_text() == "<" + "y" * 900 + "z" * 3_000 + "y" * 4_500 + ">" and longest_paragraph(field) <= 2_003
    cursor = field.textCursor()
    cursor.setPosition(950)
    cursor.setPosition(2_500, cursor.MoveMode.KeepAnchor)
    deleted = cursor.selection().toPlainText().replace("\f\n", "").replace("\f", "")
    before = field.typed_text()
    cursor.removeSelectedText()
    assert len(field.typed_text()) == len(before) - len(deleted) and "\n" not in field.typed_text()
    field.insertFromMimeData(mime("a\r\nb\rc\fd"))
    assert "a\nb\ncd" in field.typed_text(), "a form feed is no letter of a question"


def test_what_an_input_method_gives_at_once_is_broken_up_too(harness: WindowHarness) -> None:
    field = harness.window.input_bar.question_field
    event = QInputMethodEvent()
    event.setCommitString("w" * 50_000)
    QApplication.sendEvent(field, event)
    assert field.typed_text() == "w" * 50_000 and longest_paragraph(field) <= 1003
    event.setCommitString("图")
    QApplication.sendEvent(field, event)
    assert field.typed_text().endswith("w图")


def test_more_than_a_million_letters_are_not_pasted_and_that_is_said(harness: WindowHarness) -> None:
    field = harness.window.input_bar.question_field
    field.insertFromMimeData(mime("kept"))
    field.insertFromMimeData(mime("a" * (question_field.MAX_QUESTION_LETTERS + 1)))
    assert field.typed_text() == "kept" and "longer than a million letters" in harness.status_text()


def test_shift_enter_and_short_pasted_lines_are_lines_of_the_question(harness: WindowHarness) -> None:
    field = harness.window.input_bar.question_field
    field.insertFromMimeData(mime("one\ntwo"))
    harness.key(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    field.insertFromMimeData(mime("three"))
    assert field.typed_text() == field.toPlainText() == "one\ntwo\nthree"
