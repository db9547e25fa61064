"""A long conversation: what is near is in the list, and the rest comes when it is scrolled to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from assistant import events
from tests.support.window_harness import PAST, Past, WindowHarness
from ui.conversation import pager as paging


@pytest.fixture
def past() -> Past:
    return PAST


def turn(harness: WindowHarness, number: int, conversation: int, *between: events.Event) -> None:
    harness.on(
        events.TurnStarted(number, "", conversation), events.Heard("and now?"), events.Wrote("Now."), *between,
        events.Wrote(" More."), events.TurnEnded("answered", "and now?", "Now. More.", "x", heard_until=10),
    )  # fmt: skip


def far_up(harness: WindowHarness) -> None:
    """Go to the start of a long conversation by key."""
    harness.app.history.open_conversation(3)
    harness.on(events.ConversationOpened(3))
    harness.qtbot.waitUntil(lambda: harness.window.conversation_view.verticalScrollBar().maximum() > 0)
    harness.key(harness.window.conversation_view, Qt.Key.Key_Home)
    assert harness.texts()[0] == "Long question 0" and harness.app.conversation.pager.is_end_missing


def _place(text: str) -> tuple[int, bool]:
    return int(text.split()[-1]), text.startswith("answer")


def test_long_conversation_is_shown_from_its_end_and_older_turns_follow(qtbot: QtBot, harness: WindowHarness) -> None:
    harness.app.history.open_conversation(3)
    view, pages = harness.window.conversation_view, harness.app.conversation.pager
    qtbot.waitUntil(lambda: len(harness.texts()) == 2 * paging.FIRST_TURNS and harness.texts()[-1] == "answer 99")
    qtbot.waitUntil(lambda: view.verticalScrollBar().maximum() > 0)
    view.setFocus()
    for _ in range(2 * paging.FIRST_TURNS):
        harness.key(view, Qt.Key.Key_K)
    qtbot.waitUntil(lambda: len(harness.texts()) == 2 * (paging.FIRST_TURNS + paging.STEP_TURNS))
    assert view.currentIndex().row() == 2 * paging.STEP_TURNS
    harness.key(view, Qt.Key.Key_Home)
    qtbot.waitUntil(
        lambda: harness.texts()[0] == "Long question 0" and view.currentIndex().row() == 0 and pages.is_end_missing
    )
    harness.key(view, Qt.Key.Key_End)
    assert harness.texts()[-1] == "answer 99" and not pages.is_end_missing


def test_long_conversation_keeps_only_nearby_messages_in_the_list(
    qtbot: QtBot, harness: WindowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MAX_MESSAGES", 80)
    harness.app.history.open_conversation(3)
    view, pages, bar = (
        harness.window.conversation_view,
        harness.app.conversation.pager,
        harness.window.conversation_view.verticalScrollBar(),
    )
    qtbot.waitUntil(lambda: bar.maximum() > 0)

    def scroll(to: Callable[[], int], last: str) -> set[str]:
        displayed_texts = set[str]()
        for _ in range(400):
            bar.setValue(to())
            qtbot.wait(1)
            assert len(harness.texts()) <= 80 and harness.texts() == sorted(harness.texts(), key=_place)
            displayed_texts |= set(harness.texts())
            if last in harness.texts() and bar.value() in (bar.minimum(), bar.maximum()):
                break
        return displayed_texts

    everything = {text for number in range(100) for text in (f"Long question {number}", f"answer {number}")}
    assert scroll(lambda: bar.value() - 100, "Long question 0") == everything
    assert harness.texts()[0] == "Long question 0" and pages.is_end_missing
    assert scroll(lambda: bar.value() + 100, "answer 99") == everything
    assert harness.texts()[-1] == "answer 99" and not pages.is_end_missing
    bar.setValue(bar.maximum() // 2)
    at, middle_text = view.indexAt(view.viewport().rect().center()), None
    middle_text, top = harness.texts()[at.row()], view.visualRect(at).top()
    pages.show_earlier()
    row = harness.texts().index(middle_text)
    assert abs(view.visualRect(view.messages.index(row)).top() - top) <= 1, "what is seen stays where it is"


def test_conversation_end_stays_visible_at_any_width(qtbot: QtBot, harness: WindowHarness) -> None:
    harness.app.history.open_conversation(3)
    bar = harness.window.conversation_view.verticalScrollBar()
    for width in (1240, 480, 900):
        harness.window.resize(width, 700)
        qtbot.waitUntil(lambda width=width: harness.window.width() == width and bar.value() == bar.maximum() > 0)
    bar.setValue(bar.maximum() // 2)
    harness.window.resize(600, 700)
    qtbot.waitUntil(lambda: harness.window.width() == 600)
    assert bar.value() < bar.maximum() - 100, "but not where one reads elsewhere"


def test_new_answer_scrolls_to_the_end_of_a_long_conversation(harness: WindowHarness) -> None:
    harness.app.history.open_conversation(3)
    harness.on(events.ConversationOpened(3))
    harness.key(harness.window.conversation_view, Qt.Key.Key_Home)
    assert harness.texts()[0] == "Long question 0"
    harness.on(events.TurnStarted(999, "", 3), events.Heard("and now?"), events.Wrote("Now."))
    harness.app.conversation.pager.show_earlier()
    assert harness.texts()[-3:] == ["answer 99", "and now?", "Now."]
    harness.on(events.Wrote(" More."))
    assert harness.texts()[-1] == "Now. More."


def test_a_question_from_the_start_is_asked_again_whatever_is_noted_meanwhile(harness: WindowHarness) -> None:
    far_up(harness)
    harness.key(harness.window.conversation_view, Qt.Key.Key_A)
    assert harness.calls[-1][0] == "ask_again" and harness.texts() == []
    harness.on(events.ConversationOpened(9))
    turn(harness, 999, 9, events.Notice("the voice is gone"))
    assert harness.texts() == ["and now?", "Now. More.", "the voice is gone"] and harness.messages.item_at(1).detail


def test_an_edited_question_is_asked_from_there_though_it_is_out_of_the_list(harness: WindowHarness) -> None:
    far_up(harness)
    harness.key(harness.window.conversation_view, Qt.Key.Key_E)
    turn_id = harness.messages.item_at(0).turn_id
    harness.window.conversation_view.end_requested.emit()
    assert harness.texts()[-1] == "answer 99" and "Long question 0" not in harness.texts()
    harness.window.input_bar.question_submitted.emit("changed words")
    assert harness.calls[-1] == ("ask_again", turn_id, "changed words") and harness.texts() == []


def test_failed_history_read_keeps_the_messages(harness: WindowHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    far_up(harness)
    before = harness.texts()

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr("assistant.history.conversation_store.ConversationStore.last_turns", fail)
        harness.key(harness.window.conversation_view, Qt.Key.Key_End)
        assert harness.texts() == before and "disk I/O error" in harness.status_text()
    harness.key(harness.window.conversation_view, Qt.Key.Key_End)
    assert harness.texts()[-2] == "answer 99" and "disk I/O error" in harness.texts()[-1]


def test_unsaved_messages_are_shown_at_the_end(harness: WindowHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MAX_MESSAGES", 60)
    harness.app.history.open_conversation(3)
    harness.on(events.ConversationOpened(3))
    harness.on(events.Notice("one"))
    for _ in range(12):
        harness.app.conversation.pager.show_earlier()
    assert harness.app.conversation.pager.is_end_missing and "one" not in harness.texts()
    view = harness.window.conversation_view
    view.setFocus()
    view.setCurrentIndex(harness.messages.index(3))
    harness.on(events.Notice("two"))
    assert view.currentIndex().row() == 3 and "two" in harness.status_text(), "the list stays as it is"
    while harness.app.conversation.pager.is_end_missing:
        harness.app.conversation.pager.show_later()
    assert harness.texts()[-3:] == ["answer 99", "one", "two"]
    harness.key(view, Qt.Key.Key_Home)
    harness.key(view, Qt.Key.Key_End)
    assert harness.texts()[-3:] == ["answer 99", "one", "two"]


def test_unsaved_messages_return_with_the_turn_they_followed(
    harness: WindowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MAX_MESSAGES", 30)
    harness.app.history.open_conversation(3)
    harness.on(events.ConversationOpened(3))
    harness.on(events.Notice("between"))
    for number in range(201, 231):  # 201 is no turn of this conversation's history: they are as if they were saved
        turn(harness, number, 3)
    assert "between" not in harness.texts() and harness.messages.rowCount() <= 30 + 2 * paging.STEP_TURNS + 2
    for _ in range(40):
        harness.app.conversation.pager.show_earlier()
        if "between" in harness.texts():
            break
    at = harness.texts().index("between")
    assert harness.texts()[at - 1] == "answer 99"


def test_selection_does_not_jump_when_its_message_is_unloaded(
    qtbot: QtBot, harness: WindowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MAX_MESSAGES", 60)
    harness.app.history.open_conversation(3)
    view, chosen = harness.window.conversation_view, list[int]()
    view.setFocus()
    qtbot.waitUntil(lambda: harness.texts()[view.current_row] == "answer 99" and view.verticalScrollBar().maximum() > 0)
    view.selectionModel().currentChanged.connect(lambda current, _: chosen.append(current.row()))
    for _ in range(9):
        view.verticalScrollBar().setValue(0)
        qtbot.wait(5)
    qtbot.waitUntil(lambda: chosen == [-1] and "answer 99" not in harness.texts())
    first_row = view.indexAt(view.viewport().rect().center()).row()
    assert first_row <= view.current_row < first_row + 12, "copied is what is seen"
    harness.key(view, Qt.Key.Key_K)
    assert first_row <= view.currentIndex().row() < first_row + 12
    QTest.keyClick(view, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    assert harness.texts()[view.currentIndex().row()] == "answer 99"


def test_growing_conversation_stays_within_the_message_limit(
    qtbot: QtBot, harness: WindowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MAX_MESSAGES", 20)
    harness.app.history.open_conversation(1)
    harness.on(events.ConversationOpened(1))
    for number in range(40):
        turn(harness, 1000 + number, 1)
        qtbot.wait(1)
    assert harness.messages.rowCount() <= 20 + 2 * paging.STEP_TURNS + 2 and harness.texts()[-1] == "Now. More."


def test_turn_that_was_already_loaded_is_shown_once(harness: WindowHarness) -> None:
    harness.app.history.open_conversation(3)
    harness.on(events.ConversationOpened(3))
    last = harness.messages.item_at(harness.messages.rowCount() - 1).turn_id
    assert last
    turn(harness, last, 3)
    assert harness.texts()[-4:] == ["Long question 98", "answer 98", "and now?", "Now. More."]


def test_very_tall_window_is_filled_with_turns(qtbot: QtBot, harness: WindowHarness) -> None:
    harness.window.resize(1240, 5000)
    harness.app.history.open_conversation(3)
    bar = harness.window.conversation_view.verticalScrollBar()
    qtbot.waitUntil(lambda: harness.messages.rowCount() > 2 * paging.FIRST_TURNS and bar.maximum() > 0)
