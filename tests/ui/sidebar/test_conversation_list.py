"""The list of conversations: searched, opened, renamed, deleted, brought back, saved to a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QInputDialog
from pytestqt.qtbot import QtBot

from assistant import events
from assistant.history import conversation_store
from tests.support.window_harness import PAST, Past, WindowHarness
from ui import responsive_layout


@pytest.fixture
def past() -> Past:
    return PAST


def test_conversations_are_listed_and_searched(qtbot: QtBot, desk: WindowHarness) -> None:
    assert desk.titles() == ["Long", "火车", "Tea"]
    QTest.keyClicks(desk.past.search_field, "tea question 1")
    qtbot.waitUntil(lambda: desk.titles() == ["Tea"])
    desk.past.search_field.setText("火")
    QTest.keyClick(desk.past.search_field, Qt.Key.Key_Return)
    assert desk.titles() == ["火车"]


def test_one_is_opened_by_key_and_gone_on_with(desk: WindowHarness) -> None:
    desk.choose("Tea")
    desk.key(desk.past.conversation_list, Qt.Key.Key_Return)
    assert desk.texts() == ["Tea question 0", "answer 0", "Tea question 1", "answer 1"]
    assert ("open_conversation", 1, False) in desk.calls
    for late in (events.TurnStarted(5, "", 3), events.Heard("late"), events.TurnEnded("interrupted", "late")):
        desk.on(late)  # of the conversation that was left
    assert desk.texts()[-1] == "answer 1" and desk.app.conversation.conversation_id == 1
    desk.on(events.ConversationOpened(1))
    desk.on(events.TurnStarted(999, "", 1))
    desk.on(events.Heard("and now?"))
    assert desk.texts()[-1] == "and now?" and desk.app.conversation.conversation_id == 1


def test_renaming_and_deleting_and_bringing_back(desk: WindowHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QInputDialog, "getText", lambda *told: ("Green tea", True))
    desk.choose("Tea")
    desk.key(desk.past.conversation_list, Qt.Key.Key_F2)
    assert "Green tea" in desk.titles()
    desk.app.history.open_conversation(1)
    desk.choose("Green tea")
    desk.key(desk.past.conversation_list, Qt.Key.Key_Delete)
    assert desk.titles() == ["Long", "火车"] and desk.texts() == [] and desk.app.conversation.conversation_id is None
    assert "Ctrl+Z" in desk.window.bar.status_label.text() and not desk.past.undo_button.isHidden()
    desk.app.history.undo_delete()
    assert "Green tea" in desk.titles() and desk.past.undo_button.isHidden()


def test_a_second_delete_hits_the_next_one_and_all_come_back(desk: WindowHarness) -> None:
    desk.app.history.open_conversation(1)  # Tea, the last in the list
    desk.choose("Long")
    for _ in range(2):
        desk.key(desk.past.conversation_list, Qt.Key.Key_Delete)
    assert desk.titles() == ["Tea"] and desk.app.conversation.conversation_id == 1
    for _ in range(2):
        desk.app.history.undo_delete()
    assert desk.titles() == ["Long", "火车", "Tea"] and desk.past.undo_button.isHidden()


def test_what_was_deleted_leaves_the_disk_when_it_cannot_come_back(
    qtbot: QtBot, desk: WindowHarness, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_store, "UNDO_SECONDS", -0.9)
    for title in desk.titles():
        desk.choose(title)
        desk.key(desk.past.conversation_list, Qt.Key.Key_Delete)
    assert list((home / "pictures").glob("*.png"))
    qtbot.waitUntil(
        lambda: not list((home / "pictures").glob("*.png")) and not desk.recorder.store.list_conversations()
    )


def test_export_and_import(desk: WindowHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *told: (str(tmp_path / "tea"), "JSON (*.json)"))
    desk.app.history.open_conversation(1)
    desk.app.history.export_current()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *told: (str(tmp_path / "tea.json"), ""))
    desk.app.history.import_conversation()
    assert desk.titles().count("Tea") == 2 and desk.app.conversation.conversation_id == 4 and len(desk.texts()) == 4
    (tmp_path / "tea.json").write_text("{")
    desk.app.history.import_conversation()
    assert "cannot be taken in" in desk.texts()[-1]


def test_private_and_new_conversations(desk: WindowHarness) -> None:
    desk.window.side.private_box.click()
    assert desk.calls[-1] == ("open_conversation", None, True) and "not saved" in desk.window.bar.status_label.text()
    desk.app.conversation.start_conversation()
    assert desk.calls[-1] == ("open_conversation", None, False) and not desk.window.side.private_box.isChecked()


def test_an_opened_conversation_is_seen_in_a_narrow_window(
    desk: WindowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responsive_layout, "_BESIDE", 100)  # letters: as many as no narrow window has beside the list
    desk.window.resize(480, 600)
    desk.window.search()
    assert not desk.window.conversation.isVisible()
    desk.app.history.open_conversation(1)
    assert desk.window.conversation.isVisible()
