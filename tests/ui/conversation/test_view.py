"""What is done with a message: copied, spelled, said again, its links opened."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QInputDialog, QMessageBox
from pytestqt.qtbot import QtBot

from tests.support.window_harness import WindowHarness
from ui import texts
from ui.conversation.model import ChatMessage


def test_the_code_of_a_message_is_copied_by_itself(qtbot: QtBot, harness: WindowHarness) -> None:
    messages, view = harness.messages, harness.window.conversation_view
    announcements: list[str] = []
    view.announced.connect(announcements.append)
    messages.append_message(ChatMessage("hark", "Try:\n\n```python\nx = 1\n  y = 2\n```\nand\n\n    z = 3\n"))
    QTest.keyClick(view, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: "Copy code" in buttons(harness) and "Links" not in buttons(harness))
    QTest.keyClick(view, Qt.Key.Key_B)
    assert QApplication.clipboard().text() == "x = 1\n  y = 2\n\nz = 3" and announcements == ["Code copied"]
    messages.append_message(ChatMessage("hark", "See [it](https://example.org)."))
    QTest.keyClick(view, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: "Copy code" not in buttons(harness) and "Links" in buttons(harness))


def buttons(harness: WindowHarness) -> list[str]:
    """Return the visible actions of the selected message."""
    return [button.text() for button in harness.window.action_bar.buttons if button.isVisible()]


def test_a_message_is_spelled_and_a_sentence_said_again(harness: WindowHarness) -> None:
    harness.messages.append_message(ChatMessage("hark", "No 7"))
    harness.window.conversation_view.setFocus()
    harness.key(harness.window.conversation_view, Qt.Key.Key_S)
    assert harness.calls[-1] == ("read_aloud", "capital N, o; 7")
    harness.app.voice.repeat_sentence()
    assert harness.calls[-1] == ("skip_sentences", 0)


def test_links_ask_first_and_show_where_they_lead(harness: WindowHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    questions, opened = list[str](), list[str]()
    text = "See [here](https://a.example/x?y), [there](https://b.example), [no](file:///etc/passwd) and <javascript:x>."
    harness.messages.append_message(ChatMessage("hark", text))
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    monkeypatch.setattr(
        QInputDialog,
        "getItem",
        lambda parent, title, label, items, *more: (questions.append(str(items)), (items[1], True))[1],
    )
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Open]
    monkeypatch.setattr(QMessageBox, "exec", lambda box: (questions.append(box.text()), answers.pop(0))[1])
    harness.window.conversation_view.open_link()
    assert questions[0] == "['https://a.example/x?y', 'https://b.example']"
    assert len(questions) == 2 and questions[1].endswith("\nhttps://b.example") and opened == []
    harness.window.conversation_view.open_link()
    assert opened == ["https://b.example"]


def test_heading_of_an_answer_that_a_crash_cut_names_hark_once() -> None:
    assert ChatMessage("hark", "The ferry", detail=texts.model_text("")).heading_text == "Hark"
    assert ChatMessage("hark", "The ferry", detail=texts.model_text("tiny")).heading_text == "Hark · the starter kit"
