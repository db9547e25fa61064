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


def test_conversations_are_listed_and_searched(qtbot: QtBot, harness: WindowHarness) -> None:
    assert harness.titles() == ["Long", "火车", "Tea"]
    QTest.keyClicks(harness.past.search_field, "tea question 1")
    qtbot.waitUntil(lambda: harness.titles() == ["Tea"])
    harness.past.search_field.setText("火")
    QTest.keyClick(harness.past.search_field, Qt.Key.Key_Return)
    assert harness.titles() == ["火车"]


def test_conversation_is_opened_by_key_and_continued(harness: WindowHarness) -> None:
    harness.choose("Tea")
    harness.key(harness.past.conversation_list, Qt.Key.Key_Return)
    assert harness.texts() == ["Tea question 0", "answer 0", "Tea question 1", "answer 1"]
    assert ("open_conversation", 1, False) in harness.calls
    for late in (events.TurnStarted(5, "", 3), events.Heard("late"), events.TurnEnded("interrupted", "late")):
        harness.on(late)  # of the conversation that was left
    assert harness.texts()[-1] == "answer 1" and harness.app.conversation.conversation_id == 1
    harness.on(events.ConversationOpened(1))
    harness.on(events.TurnStarted(999, "", 1))
    harness.on(events.Heard("and now?"))
    assert harness.texts()[-1] == "and now?" and harness.app.conversation.conversation_id == 1


def test_conversation_is_renamed_deleted_and_restored(harness: WindowHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QInputDialog, "getText", lambda *arguments: ("Green tea", True))
    harness.choose("Tea")
    harness.key(harness.past.conversation_list, Qt.Key.Key_F2)
    assert "Green tea" in harness.titles()
    harness.app.history.open_conversation(1)
    harness.choose("Green tea")
    harness.key(harness.past.conversation_list, Qt.Key.Key_Delete)
    assert (
        harness.titles() == ["Long", "火车"]
        and harness.texts() == []
        and harness.app.conversation.conversation_id is None
    )
    assert "Ctrl+Z" in harness.status_text() and not harness.past.undo_button.isHidden()
    harness.app.history.undo_delete()
    assert "Green tea" in harness.titles() and harness.past.undo_button.isHidden()


def test_second_deletion_affects_the_next_conversation_and_both_can_be_restored(harness: WindowHarness) -> None:
    harness.app.history.open_conversation(1)  # Tea, the last in the list
    harness.choose("Long")
    for _ in range(2):
        harness.key(harness.past.conversation_list, Qt.Key.Key_Delete)
    assert harness.titles() == ["Tea"] and harness.app.conversation.conversation_id == 1
    for _ in range(2):
        harness.app.history.undo_delete()
    assert harness.titles() == ["Long", "火车", "Tea"] and harness.past.undo_button.isHidden()


def test_what_was_deleted_leaves_the_disk_when_it_cannot_come_back(
    qtbot: QtBot, harness: WindowHarness, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_store, "UNDO_SECONDS", -0.9)
    for title in harness.titles():
        harness.choose(title)
        harness.key(harness.past.conversation_list, Qt.Key.Key_Delete)
    assert list((home / "pictures").glob("*.png"))
    qtbot.waitUntil(
        lambda: not list((home / "pictures").glob("*.png")) and not harness.recorder.store.list_conversations()
    )


def test_exported_conversation_can_be_imported(
    harness: WindowHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: (str(tmp_path / "tea"), "JSON (*.json)"))
    harness.app.history.open_conversation(1)
    harness.app.history.export_current()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: (str(tmp_path / "tea.json"), ""))
    harness.app.history.import_conversation()
    assert (
        harness.titles().count("Tea") == 2
        and harness.app.conversation.conversation_id == 4
        and len(harness.texts()) == 4
    )
    (tmp_path / "tea.json").write_text("{")
    harness.app.history.import_conversation()
    assert "cannot be taken in" in harness.texts()[-1]


def test_private_box_and_new_conversation_open_a_conversation(harness: WindowHarness) -> None:
    harness.window.sidebar.private_box.click()
    assert harness.calls[-1] == ("open_conversation", None, True) and "not saved" in harness.status_text()
    harness.app.conversation.start_conversation()
    assert (
        harness.calls[-1] == ("open_conversation", None, False) and not harness.window.sidebar.private_box.isChecked()
    )


def test_the_voice_in_use_that_is_chosen_again_is_looked_for(harness: WindowHarness) -> None:
    harness.window.sidebar.voice_box.activated.emit(0)
    assert [name for name, *_ in harness.calls] == ["rescan_models"]


def test_an_opened_conversation_is_seen_in_a_narrow_window(
    harness: WindowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responsive_layout, "_MIDDLE_LETTERS", 100)  # more than beside an open side
    harness.window.resize(480, 600)
    harness.window.search()
    assert not harness.window.conversation_view.isVisible()
    harness.app.history.open_conversation(1)
    assert harness.window.conversation_view.isVisible()
