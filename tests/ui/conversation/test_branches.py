"""A question that is asked again or in other words, in a branch."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from assistant import events
from assistant.setting_change import SettingChange
from tests.support.window_harness import PAST, Past, WindowHarness
from ui.conversation.model import ChatMessage


@pytest.fixture
def past() -> Past:
    return PAST


def test_a_question_is_asked_again_and_changed_in_a_branch(desk: WindowHarness) -> None:
    desk.app.history.open_conversation(1)
    view = desk.window.conversation
    view.setCurrentIndex(desk.messages.index(3))
    desk.key(view, Qt.Key.Key_E)
    assert desk.window.bar.question_field.toPlainText() == "Tea question 1"
    desk.window.bar.question_field.setPlainText("changed")
    QTest.keyClick(desk.window.bar.question_field, Qt.Key.Key_Return)
    assert desk.calls[-1] == ("ask_again", 2, "changed") and desk.texts() == ["Tea question 0", "answer 0"]
    branch = desk.recorder.store.branch_before(2)
    turn = desk.recorder.add_turn(branch, "changed")
    desk.on(events.ConversationOpened(1), events.ConversationOpened(branch), events.TurnStarted(turn, "", branch))
    assert [desk.messages.message_at(row).turn_id for row in range(2)] == [turn - 1] * 2, "the branch's own numbers"
    assert desk.app.conversation.conversation_id == 4
    view.setCurrentIndex(desk.messages.index(1))
    desk.key(view, Qt.Key.Key_A)
    assert desk.calls[-1] == ("ask_again", turn - 1, "Tea question 0") and desk.texts() == []


def test_a_picture_that_is_described_has_a_question_of_its_own(desk: WindowHarness) -> None:
    for number, question in ((1, "What colour?"), (2, "")):
        desk.on(
            events.TurnStarted(number, "", 9), events.Heard(question), events.Wrote("It is red."),
            events.TurnEnded("answered", question, "It is red."),
        )  # fmt: skip
    desk.window.conversation.setCurrentIndex(desk.messages.index(desk.messages.rowCount() - 1))
    desk.window.conversation.ask_again()
    assert desk.calls[-1] == ("ask_again", 2, "") and desk.texts() == ["What colour?", "It is red."]


def test_a_sound_file_in_which_nothing_is_said_leaves_no_message(desk: WindowHarness) -> None:
    desk.on(events.TurnStarted(1, "", 9), events.Heard(""), events.TurnEnded("nothing heard"))
    assert not desk.texts() and "no speech" in desk.window.bar.status_label.text()


def test_editing_is_left_by_esc_and_finds_its_question_again(desk: WindowHarness) -> None:
    desk.app.history.open_conversation(3)
    desk.app.conversation.edit_question(desk.messages.rowCount() - 2)
    desk.messages.insert_messages([ChatMessage("you", "older", turn_id=1), ChatMessage("hark", "older", turn_id=1)], 0)
    desk.window.bar.question_submitted.emit("changed")
    name, turn, text = desk.calls[-1]
    assert (name, text) == ("ask_again", "changed") and desk.texts()[-1] == "answer 98" and turn == 103
    desk.app.conversation.edit_question(0)
    desk.key(desk.window.bar.question_field, Qt.Key.Key_Control)  # silences a screen reader, and leaves nothing
    desk.window.bar.question_submitted.emit("still from there")
    assert desk.calls[-1] == ("ask_again", 1, "still from there")
    desk.app.history.open_conversation(1)
    desk.app.conversation.edit_question(0)
    desk.key(desk.window.bar.question_field, Qt.Key.Key_Escape)
    assert "new question" in desk.window.bar.status_label.text()
    desk.window.bar.question_submitted.emit("another")
    assert desk.calls[-1] == ("ask", "another")


def test_where_nothing_is_kept_nothing_branches_off(desk: WindowHarness) -> None:
    desk.app.history.open_conversation(1)
    desk.app.settings_store.change_setting(SettingChange("history", "save_conversations", False))
    before = desk.texts()
    desk.app.conversation.edit_question(0)
    desk.window.bar.question_submitted.emit("changed")
    assert desk.calls[-1] == ("ask", "changed") and desk.texts() == before
