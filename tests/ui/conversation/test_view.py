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


def test_the_code_of_a_message_is_copied_by_itself(qtbot: QtBot, desk: WindowHarness) -> None:
    messages, view = desk.messages, desk.window.conversation
    told: list[str] = []
    view.announced.connect(told.append)
    messages.append_message(ChatMessage("hark", "Try:\n\n```python\nx = 1\n  y = 2\n```\nand\n\n    z = 3\n"))
    QTest.keyClick(view, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: "Copy code" in buttons(desk) and "Links" not in buttons(desk))
    QTest.keyClick(view, Qt.Key.Key_B)
    assert QApplication.clipboard().text() == "x = 1\n  y = 2\n\nz = 3" and told == ["Code copied"]
    messages.append_message(ChatMessage("hark", "See [it](https://example.org)."))
    QTest.keyClick(view, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: "Copy code" not in buttons(desk) and "Links" in buttons(desk))


def buttons(desk: WindowHarness) -> list[str]:
    """Of the chosen message."""
    return [button.text() for button in desk.window.actions_row.buttons if button.isVisible()]


def test_a_message_is_spelled_and_a_sentence_said_again(desk: WindowHarness) -> None:
    desk.messages.append_message(ChatMessage("hark", "No 7"))
    desk.window.conversation.setFocus()
    desk.key(desk.window.conversation, Qt.Key.Key_S)
    assert desk.calls[-1] == ("read_aloud", "capital N, o; 7")
    desk.app.voice.repeat_sentence()
    assert desk.calls[-1] == ("skip_sentences", 0)


def test_links_ask_first_and_show_where_they_lead(desk: WindowHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, opened = list[str](), list[str]()
    text = "See [here](https://a.example/x?y), [there](https://b.example), [no](file:///etc/passwd) and <javascript:x>."
    desk.messages.append_message(ChatMessage("hark", text))
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    monkeypatch.setattr(
        QInputDialog,
        "getItem",
        lambda parent, title, label, items, *more: (asked.append(str(items)), (items[1], True))[1],
    )
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Open]
    monkeypatch.setattr(QMessageBox, "exec", lambda box: (asked.append(box.text()), answers.pop(0))[1])
    desk.window.conversation.open_link()
    assert asked[0] == "['https://a.example/x?y', 'https://b.example']"
    assert len(asked) == 2 and asked[1].endswith("\nhttps://b.example") and opened == []
    desk.window.conversation.open_link()
    assert opened == ["https://b.example"]


def test_heading_of_an_answer_that_a_crash_cut_names_hark_once() -> None:
    assert ChatMessage("hark", "The ferry", detail=texts.speaker_text("")).heading_text == "Hark"
    assert ChatMessage("hark", "The ferry", detail=texts.speaker_text("tiny")).heading_text == "Hark · the starter kit"
