"""Keeps only a part of a long conversation in the list of messages: the turns around the visible ones.

Qt lays the whole list out anew at every change, which takes too long for 20,000 messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from assistant.text.i18n import tr
from ui import texts
from ui.conversation.model import ChatMessage

if TYPE_CHECKING:
    from assistant.history.conversation_store import ConversationStore, TurnRecord
    from ui.conversation.view import ConversationView

FIRST_TURNS, STEP_TURNS = 20, 6  # turns that are loaded when a conversation is opened, and at a time while scrolling
MAX_MESSAGES = 120  # messages in the list
TurnQuery = Callable[["ConversationStore"], list["TurnRecord"]]


class MessagePager(QObject):
    """Loads turns into the list as the user scrolls, and removes others.

    `query_store` runs a query on the history; it returns None if the history cannot be read. `get_conversation` returns
    the number of the open conversation, None if it is not saved. While `is_turn_running()`, the last messages stay in
    the list. `is_end_missing` says that the newest turns are not in the list.

    Messages that are not saved, such as notes, are kept while their turn is out of the list, and come back with it."""

    def __init__(
        self,
        view: ConversationView,
        query_store: Callable[[TurnQuery], list[TurnRecord] | None],
        get_conversation: Callable[[], int | None],
        is_turn_running: Callable[[], bool],
    ) -> None:
        super().__init__(view)
        self._view, self._messages = view, view.messages
        self._query_store = query_store
        self._get_conversation, self._is_turn_running = get_conversation, is_turn_running
        self.is_end_missing = False
        # Unsaved messages that are not in the list, by the number of the turn before them; 0: before the first one.
        self._unsaved_by_turn: dict[int, list[ChatMessage]] = {}
        self._unsaved_at_end: list[ChatMessage] = []  # those after the last turn
        self._is_start_shown = False  # whether the history has nothing before the first message
        self._messages.modelReset.connect(self._on_reset)
        view.earlier_needed.connect(self.show_earlier)
        view.later_needed.connect(self.show_later)
        view.start_requested.connect(self.show_start)
        view.end_requested.connect(self.show_end)

    def show_turns(self, turns: Sequence[TurnRecord]) -> None:
        """Shows the turns of another conversation."""
        self._messages.reset_items([message for turn in turns for message in turn_messages(turn)])

    def append_message(self, message: ChatMessage) -> None:
        """Adds a message that is not saved at the end of the conversation."""
        if self.is_end_missing:
            self._unsaved_at_end.append(message)
        else:
            self._messages.append_message(message)
            self._view.scrollToBottom()

    def begin_turn(self, turn: int | None) -> None:
        """Shows the end of the conversation without the turn that begins now: it may be in the history already."""
        self.show_end(before=turn or 0)
        row = self._messages.question_row(turn) if turn else -1
        if row >= 0:
            self._messages.remove_rows(row, self._messages.rowCount())

    def cut_from_turn(self, turn: int) -> None:
        """Removes a turn and all that follow it from the list: the conversation branches off there."""
        row, current = self._messages.question_row(turn), self._get_conversation()
        if row >= 0:
            self._messages.remove_rows(row, self._messages.rowCount())
            self.is_end_missing, self._unsaved_at_end = False, []
        elif current is not None:
            self.show_turns(self._query_store(lambda store: store.last_turns(current, turn, FIRST_TURNS)) or [])

    def trim_rows(self) -> None:
        """Removes the oldest messages while the end is visible; they are loaded again when the user scrolls up."""
        count = self._messages.rowCount()
        if count > MAX_MESSAGES + 2 * STEP_TURNS and self._view.is_at_end():
            with self._view.keeping_scroll():
                self._drop_first(count - MAX_MESSAGES)

    @Slot()
    def show_earlier(self) -> None:
        """Loads turns before the first one in the list, because the user has scrolled near to it."""
        current, first = self._get_conversation(), self._first_turn_in(range(self._messages.rowCount()))
        if self._is_start_shown or not first or current is None:
            return
        turns = self._query_store(lambda store: store.last_turns(current, first, STEP_TURNS))
        if turns is None:
            return
        self._is_start_shown = not turns
        with self._view.keeping_scroll():
            self._messages.insert_messages(
                self._messages_with_unsaved(turns) if turns else self._unsaved_by_turn.pop(0, []), 0
            )
            count = self._messages.rowCount()
            if count > MAX_MESSAGES and not self._is_turn_running():
                self._drop_rows(self._first_question_in(range(MAX_MESSAGES, 0, -1)), count)
                self.is_end_missing = True

    @Slot()
    def show_later(self) -> None:
        """Loads turns after the last one in the list, because the user has scrolled near to it."""
        last, current = self._first_turn_in(range(self._messages.rowCount() - 1, -1, -1)), self._get_conversation()
        if not self.is_end_missing or not last or current is None:
            return
        turns = self._query_store(lambda store: store.turns_after(current, last, STEP_TURNS))
        if turns is None:
            return
        with self._view.keeping_scroll():
            self._messages.insert_messages(self._messages_with_unsaved(turns), self._messages.rowCount())
            if len(turns) < STEP_TURNS:
                self._load_end()
            self._drop_first(self._messages.rowCount() - MAX_MESSAGES)

    @Slot()
    def show_start(self) -> None:
        """Shows the first turns of the conversation."""
        current, first = self._get_conversation(), self._first_turn_in(range(self._messages.rowCount()))
        if first and current is not None and not self._is_turn_running():
            turns = self._query_store(lambda store: store.turns_after(current, 0, FIRST_TURNS))
            if turns and turns[0].id != first:
                self._replace_turns(turns)
                self._messages.insert_messages(self._unsaved_by_turn.pop(0, []), 0)
                self.is_end_missing = self._is_start_shown = True

    @Slot()
    def show_end(self, before: int = 0) -> None:
        """Shows the newest turns if they are not in the list; with `before`, those before the turn of that number."""
        current, had_current = self._get_conversation(), self._view.currentIndex().isValid()
        turns = (
            self._query_store(lambda store: store.last_turns(current or 0, before, FIRST_TURNS))
            if self.is_end_missing
            else None
        )
        if not turns or current is None or self._is_turn_running():
            return
        self._replace_turns(turns)
        self._load_end()
        self._view.scrollToBottom()
        if had_current:
            self._view.setCurrentIndex(self._messages.index(self._messages.rowCount() - 1))

    def _load_end(self) -> None:
        """Adds the unsaved messages of the end, after the newest turn was loaded."""
        self._messages.insert_messages(self._unsaved_at_end, self._messages.rowCount())
        self.is_end_missing, self._unsaved_at_end = False, []

    def _replace_turns(self, turns: Sequence[TurnRecord]) -> None:
        """Shows other turns of the same conversation."""
        self._drop_rows(0, self._messages.rowCount())
        self._messages.insert_messages(self._messages_with_unsaved(turns), 0)
        self._is_start_shown = False

    def _drop_first(self, count: int) -> None:
        """Removes whole turns from the start of the list, with at least `count` messages."""
        if count > 0:
            self._drop_rows(0, self._first_question_in(range(count, self._messages.rowCount())))
            self._is_start_shown = False

    def _drop_rows(self, first: int, end: int) -> None:
        """Removes the messages of the rows from `first` up to `end`, and keeps those that are not saved."""
        turn_before = self._first_turn_in(range(first - 1, -1, -1))
        for message in map(self._messages.item_at, range(first, end)):
            turn_before = message.turn_id or turn_before
            if not message.turn_id:
                self._unsaved_by_turn.setdefault(turn_before, []).append(message)
        self._view.clear_current_in(range(first, end))
        self._messages.remove_rows(first, end)

    def _messages_with_unsaved(self, turns: Sequence[TurnRecord]) -> list[ChatMessage]:
        unsaved = self._unsaved_by_turn
        return [message for turn in turns for message in (*turn_messages(turn), *unsaved.pop(turn.id, []))]

    @Slot()
    def _on_reset(self) -> None:
        self.is_end_missing = self._is_start_shown = False
        self._unsaved_at_end, self._unsaved_by_turn = [], {}

    def _first_turn_in(self, rows: range) -> int:
        """The number of the first saved turn in these rows, 0 if there is none."""
        return next((turn for row in rows if (turn := self._messages.item_at(row).turn_id)), 0)

    def _first_question_in(self, rows: range) -> int:
        """The first of these rows that holds a question, so that only whole turns are removed."""
        return next((row for row in rows if self._messages.item_at(row).sender == "you"), rows.start)


def turn_messages(turn: TurnRecord) -> list[ChatMessage]:
    """The messages of a saved turn."""
    messages = [ChatMessage("you", turn.question, turn_id=turn.id, picture_digests=turn.pictures)]
    if turn.answer:
        detail = tr("stopped") if turn.heard_letters is not None else texts.model_text(turn.model_name)
        messages.append(ChatMessage("hark", turn.answer, detail, turn.heard_letters, turn_id=turn.id))
    elif turn.state in ("failed", "interrupted"):
        messages.append(ChatMessage("note", tr("This question was not answered."), turn_id=turn.id))
    return messages
