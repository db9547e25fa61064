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


def test_a_question_is_asked_again_and_changed_in_a_branch(harness: WindowHarness) -> None:
    harness.app.history.open_conversation(1)
    view = harness.window.conversation_view
    view.setCurrentIndex(harness.messages.index(3))
    harness.key(view, Qt.Key.Key_E)
    assert harness.window.input_bar.question_field.toPlainText() == "Tea question 1"
    harness.window.input_bar.question_field.setPlainText("changed")
    QTest.keyClick(harness.window.input_bar.question_field, Qt.Key.Key_Return)
    assert harness.calls[-1] == ("ask_again", 2, "changed") and harness.texts() == ["Tea question 0", "answer 0"]
    branch = harness.recorder.store.branch_before(2)
    turn = harness.recorder.add_turn(branch, "changed")
    harness.on(events.ConversationOpened(1), events.ConversationOpened(branch), events.TurnStarted(turn, "", branch))
    assert [harness.messages.item_at(row).turn_id for row in range(2)] == [turn - 1] * 2, "the branch's own numbers"
    assert harness.app.conversation.conversation_id == 4
    view.setCurrentIndex(harness.messages.index(1))
    harness.key(view, Qt.Key.Key_A)
    assert harness.calls[-1] == ("ask_again", turn - 1, "Tea question 0") and harness.texts() == []


def test_a_picture_that_is_described_has_a_question_of_its_own(harness: WindowHarness) -> None:
    for number, question in ((1, "What colour?"), (2, "")):
        harness.on(
            events.TurnStarted(number, "", 9), events.Heard(question), events.Wrote("It is red."),
            events.TurnEnded("answered", question, "It is red."),
        )  # fmt: skip
    harness.window.conversation_view.setCurrentIndex(harness.messages.index(harness.messages.rowCount() - 1))
    harness.window.conversation_view.ask_again()
    assert harness.calls[-1] == ("ask_again", 2, "") and harness.texts() == ["What colour?", "It is red."]


def test_a_sound_file_in_which_nothing_is_said_leaves_no_message(harness: WindowHarness) -> None:
    harness.on(events.TurnStarted(1, "", 9), events.Heard(""), events.TurnEnded("nothing heard"))
    assert not harness.texts() and "no speech" in harness.status_text()


def test_editing_is_left_by_esc_and_finds_its_question_again(harness: WindowHarness) -> None:
    harness.app.history.open_conversation(3)
    harness.app.conversation.edit_question(harness.messages.rowCount() - 2)
    harness.messages.insert_messages(
        [ChatMessage("you", "older", turn_id=1), ChatMessage("hark", "older", turn_id=1)], 0
    )
    harness.window.input_bar.question_submitted.emit("changed")
    name, turn, text = harness.calls[-1]
    assert (name, text) == ("ask_again", "changed") and harness.texts()[-1] == "answer 98" and turn == 103
    harness.app.conversation.edit_question(0)
    harness.key(
        harness.window.input_bar.question_field, Qt.Key.Key_Control
    )  # silences a screen reader, and leaves nothing
    harness.window.input_bar.question_submitted.emit("still from there")
    assert harness.calls[-1] == ("ask_again", 1, "still from there")
    harness.app.history.open_conversation(1)
    harness.app.conversation.edit_question(0)
    harness.key(harness.window.input_bar.question_field, Qt.Key.Key_Escape)
    assert "new question" in harness.status_text()
    harness.window.input_bar.question_submitted.emit("another")
    assert harness.calls[-1] == ("ask", "another")


def test_edited_question_starts_no_branch_while_saving_is_off(harness: WindowHarness) -> None:
    harness.app.history.open_conversation(1)
    harness.app.settings_store.change_setting(SettingChange("history", "save_conversations", False))
    before = harness.texts()
    harness.app.conversation.edit_question(0)
    harness.window.input_bar.question_submitted.emit("changed")
    assert harness.calls[-1] == ("ask", "changed") and harness.texts() == before
