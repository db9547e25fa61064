"""The open conversation: questions that are asked, and answers as they come."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QObject, Signal, Slot
from PySide6.QtGui import QAccessible

from assistant import events
from assistant.text.i18n import tr
from ui import texts
from ui.conversation import pager
from ui.conversation.model import ChatMessage
from ui.conversation.pending_questions import PendingQuestions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.history.conversation_store import TurnRecord
    from ui.accessibility.answer_reader import AnswerReader
    from ui.conversation.view import ConversationView
    from ui.engine_bridge import EngineBridge
    from ui.history_access import HistoryAccess
    from ui.input_bar.input_bar import InputBar
    from ui.notifier import Notifier
    from ui.settings_store import SettingsStore

_MAX_ANNOUNCED_LETTERS = 300  # of a question


class ConversationController(QObject):
    """Owns the open conversation, the answer that grows and the turn whose question is edited.

    Signals:
        conversation_left: another conversation is about to be asked for.
        conversation_changed: the engine was asked for another conversation.
        conversation_saved: the open conversation is in the history now, or a branch of it is.
        privacy_changed(is_private): whether the conversation that was asked for is saved.
        turn_left: the turn so far, if there is one, belongs to no message any more.
        turn_ended: the messages of a turn are complete.
        question_shown: the question of a turn is among the messages.
        answer_started: the first words of an answer came.
        messages_needed: something happens among the messages that should be seen.
    """

    conversation_left, conversation_changed, conversation_saved = Signal(), Signal(), Signal()
    privacy_changed = Signal(bool)
    turn_left, turn_ended = Signal(), Signal()
    question_shown, answer_started, messages_needed = Signal(), Signal(), Signal()

    def __init__(
        self,
        view: ConversationView,
        bar: InputBar,
        bridge: EngineBridge,
        settings: SettingsStore,
        notifier: Notifier,
        history: HistoryAccess,
    ) -> None:
        super().__init__(view)
        self._view, self._messages, self._bar = view, view.messages, bar
        self._bridge, self._settings, self._notifier, self._history = bridge, settings, notifier, history
        self.conversation_id: int | None = None  # None: not saved yet
        self.is_turn_active = False
        self._edited_turn: int | None = None
        self._answer_row = -1  # of the answer that still grows
        self._turn: events.TurnStarted | None = None
        self._is_question_shown = False  # of the turn that is active
        self.pager = pager.MessagePager(view, history.query, lambda: self.conversation_id, lambda: self.is_turn_active)
        self._pending_questions = PendingQuestions(self._messages, self.pager)
        self._messages.rowsInserted.connect(self._on_rows_inserted)
        self._messages.modelReset.connect(self._on_reset)
        view.ask_again_requested.connect(self.ask_again)
        view.edit_requested.connect(self.edit_question)
        bar.question_submitted.connect(self.ask)
        bridge.turn_started.connect(self._on_turn_started)
        bridge.transcript_heard.connect(self._on_transcript)
        bridge.answer_written.connect(self._on_answer)
        bridge.turn_ended.connect(self._on_turn_ended)
        bridge.notice_received.connect(self._on_notice)
        bridge.error_occurred.connect(self._on_error)

    @cached_property
    def _answer_reader(self) -> AnswerReader:
        from ui.accessibility.answer_reader import AnswerReader  # after the first paint

        return AnswerReader(self._notifier.read_text, lambda: self._settings.current)

    @Slot(str)
    def ask(self, text: str) -> None:
        """Asks what was typed, or a question again that was edited."""
        turn, self._edited_turn = self._edited_turn, None
        self._ask_turn(turn if text else None, text)

    @Slot(int)
    def ask_again(self, row: int) -> None:
        """Asks the question in this row again, in a branch of the conversation."""
        question = self._messages.item_at(row)
        self._ask_turn(question.turn_id, question.text)

    @Slot(str, tuple)
    def ask_about_region(self, digest: str, box: tuple[int, ...]) -> None:
        """Asks about a region of a picture, in its pixels: what is typed, or for a description."""
        self.leave_editing()
        self._bar.submit_text(lambda text: self._ask_about(text or tr("What is here?"), digest, box))

    @Slot(int)
    def edit_question(self, row: int) -> None:
        """Puts the question in this row into the field; the next Enter asks it from there."""
        question = self._messages.item_at(row)
        self._edited_turn = question.turn_id
        self._bar.edit_text(question.text)
        if question.turn_id is None or not self._history.is_saving:
            return self._notifier.show_status(tr("Change the question; Enter asks it as a new one."))
        self._notifier.show_status(
            tr(
                "Change the question; Enter asks it from there, Esc leaves it. "
                "The conversation as it was stays in the list."
            )
        )

    @Slot()
    def leave_editing(self) -> None:
        """Makes a question that is being edited a new one."""
        if self._edited_turn is not None:
            self._edited_turn = None
            self._notifier.show_status(tr("Not changed. Enter asks what is typed as a new question."))

    @Slot()
    def start_conversation(self) -> None:
        """Begins a new conversation."""
        self.privacy_changed.emit(False)
        self._change_conversation(None)
        self._notifier.announce(tr("New conversation"))

    @Slot(bool)
    def set_private(self, is_private: bool) -> None:
        """Begins a conversation that is not saved, or one that is."""
        self._change_conversation(None, is_private)
        self._notifier.show_status(
            tr("Private: this conversation is not saved.") if is_private else tr("New conversation")
        )

    @Slot(object, object)
    def open_conversation(self, conversation: int, turns: Sequence[TurnRecord]) -> None:
        """Goes on with a conversation of the history and shows these turns of it, the last ones."""
        self.privacy_changed.emit(False)
        self._change_conversation(conversation)
        self.pager.show_turns(turns)
        self.messages_needed.emit()
        self._view.scrollToBottom()

    @Slot(str)
    def append_note(self, text: str) -> None:
        """Adds a message that is not part of a turn."""
        self.pager.append_message(ChatMessage("note", text))

    @Slot(str)
    def show_welcome(self, text: str) -> None:
        """Shows the first start's text, announces it, and reads it aloud where no screen reader does."""
        self._messages.append_message(ChatMessage("note", text))
        self._notifier.announce(text)
        if not QAccessible.isActive() and not self.is_turn_active:  # no answer is cut off
            self._bridge.engine.read_aloud(text)

    def _change_conversation(self, conversation: int | None, is_private: bool = False) -> None:
        self.conversation_id, self._edited_turn = conversation, None
        self._messages.reset_items()
        self._leave_turn()
        self.conversation_left.emit()
        self._bridge.open_conversation(conversation, is_private)
        self.conversation_changed.emit()

    def _leave_turn(self) -> None:
        """Forgets the turn under way, because another conversation is being opened."""
        self._turn, self._answer_row, self.is_turn_active = None, -1, False
        self._pending_questions.clear()
        self.turn_left.emit()

    def _ask_turn(self, turn: int | None, text: str) -> None:
        """Asks a question in the place of a turn, in a branch; or a new one where that turn is not saved."""
        if turn is None or not self._history.is_saving:
            self._pending_questions.add_question(text)
            return self._bridge.engine.ask(text)
        self.pager.cut_from_turn(turn)
        self._leave_turn()
        self._pending_questions.add_question(text)
        self.conversation_id = None
        self._bridge.ask_again(turn, text)

    def _ask_about(self, text: str, digest: str, box: tuple[int, ...]) -> None:
        self._pending_questions.add_question(text)
        self._bridge.engine.ask(text, digest, box)

    @Slot(object)
    def _on_turn_started(self, event: events.TurnStarted) -> None:
        self.messages_needed.emit()
        self.pager.begin_turn(event.id)
        self._turn, self.is_turn_active, self._is_question_shown = event, True, False
        self._answer_reader.begin_answer()
        conversation, turn = event.conversation, event.id
        if conversation is not None and turn is not None and conversation != self.conversation_id:
            self._adopt_conversation(conversation, turn)

    def _adopt_conversation(self, conversation: int, turn: int) -> None:
        """The first turn of a new conversation was saved, or of a branch, whose turns have other numbers."""
        self.conversation_id = conversation
        self.conversation_saved.emit()
        if self._messages.rowCount() and self._messages.item_at(0).turn_id:
            turns = self._history.query(lambda store: store.last_turns(conversation, turn, pager.FIRST_TURNS))
            if turns is not None:
                self.pager.show_turns(turns)

    @Slot(object)
    def _on_transcript(self, event: events.Heard) -> None:
        if event.text:
            self._show_question(event.text)

    def _show_question(self, text: str) -> None:
        turn, self._is_question_shown = self._turn, True
        self._pending_questions.accept_question(
            ChatMessage("you", text, turn_id=turn.id if turn else None, picture_digests=turn.pictures if turn else ())
        )
        self.question_shown.emit()
        self._view.scrollToBottom()
        announced = text if len(text) <= _MAX_ANNOUNCED_LETTERS else f"{text[:_MAX_ANNOUNCED_LETTERS]} …"
        if announced:
            self._notifier.announce(tr("Heard: {text}").format(text=announced), detail=True)

    @Slot(object)
    def _on_answer(self, event: events.Wrote) -> None:
        if self.is_turn_active and not self._is_question_shown:
            self._show_question("")  # a picture is described: the question has no words
        if self._answer_row < 0:
            self.answer_started.emit()  # at the turn's end it has been spoken already
            with self._view.following_end():
                turn = self._turn.id if self._turn else None
                self._messages.append_message(ChatMessage("hark", event.text, turn_id=turn))
            self._answer_row = self._messages.rowCount() - 1
        else:
            self._messages.append_text(self._answer_row, event.text)
            self._view.on_row_grown(self._answer_row)
        self._answer_reader.add_text(event.text)

    @Slot(object)
    def _on_turn_ended(self, event: events.TurnEnded) -> None:
        if event.is_read_aloud and event.reason == "answered":
            return
        self._finish_answer(event)
        self._answer_row, self.is_turn_active = -1, False
        self.pager.trim_rows()
        self.turn_ended.emit()
        if event.reason == "interrupted":
            self._answer_reader.begin_answer()
        else:
            self._answer_reader.end_answer()
        outcome = texts.turn_ended_text(event)
        if outcome:
            self._notifier.show_outcome(outcome)
            self._bar.show_timings(event.timings)
            # An answer speaks for itself: it says who gave it only in writing.
            self._notifier.announce(tr("Done") if event.reason == "answered" else outcome)

    def _finish_answer(self, event: events.TurnEnded) -> None:
        if self._answer_row >= 0:
            heard = event.heard_until if event.heard_until < len(event.answer) else None
            detail = tr("stopped") if heard is not None else texts.model_text(event.model_name)
            with self._view.following_end():
                self._messages.update_row(self._answer_row, heard_letters=heard, detail=detail)
                self._view.on_row_grown(self._answer_row)

    @Slot(object)
    def _on_notice(self, event: events.Notice) -> None:
        self._notifier.show_notice(event.message)

    @Slot(object)
    def _on_error(self, event: events.ErrorOccurred) -> None:
        self._notifier.show_notice(f"{event.message} {event.hint}")

    @Slot(QModelIndex, int, int)
    def _on_rows_inserted(self, _parent: QModelIndex, first: int, last: int) -> None:
        """Keeps the row of the answer when messages come above it."""
        if 0 <= first <= self._answer_row:
            self._answer_row += last - first + 1

    @Slot()
    def _on_reset(self) -> None:
        self._answer_row = -1
