"""Which turns of a long conversation are in the list: some around what is seen. Knows nothing of drawing.

A list of 20,000 messages would be laid out anew at every change; with these few a step costs the same wherever one
is."""

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

FIRST, STEP = 20, 6  # turns that are shown at first, and more at a time when they are scrolled to
MOST = 120  # messages in the list
Asked = Callable[[Callable[["ConversationStore"], list["TurnRecord"]]], list["TurnRecord"] | None]


class MessagePager(QObject):
    """`ask` has the history answer; `current` gives the open conversation, None for one that is not saved; `live` tells
    whether a turn is under way, whose messages must stay. `left_out`: turns after the last one that is shown are.

    What is not saved, such as a note, is never lost: it comes back with the turn that it followed."""

    def __init__(
        self, view: ConversationView, ask: Asked, current: Callable[[], int | None], live: Callable[[], bool]
    ) -> None:
        super().__init__(view)
        self._view, self._messages = view, view.messages
        self._ask, self._current, self._live = ask, current, live
        self.left_out = False
        self._aside: dict[
            int, list[ChatMessage]
        ] = {}  # not saved and out of the list, by the turn before; 0: before all
        self._waiting: list[ChatMessage] = []  # the same, after all turns
        self._from_start = False  # whether nothing comes before the first message
        self._messages.modelReset.connect(self._on_reset)
        view.earlier_needed.connect(self.on_earlier)
        view.later_needed.connect(self.on_later)
        view.start_requested.connect(self.show_start)
        view.end_requested.connect(self.show_end)

    def show_turns(self, turns: Sequence[TurnRecord]) -> None:
        """The turns of another conversation."""
        self._messages.reset_messages([entry for turn in turns for entry in turn_messages(turn)])

    def append_message(self, entry: ChatMessage) -> None:
        """One that is not saved, at the end."""
        if self.left_out:
            self._waiting.append(entry)
        else:
            self._messages.append_message(entry)
            self._view.scrollToBottom()

    def begin_turn(self, turn: int | None) -> None:
        """A turn begins: the conversation's end is shown without it, which may have been read already."""
        self.show_end(before=turn or 0)
        row = self._messages.row_of(turn) if turn else -1
        if row >= 0:
            self._messages.remove_rows(row, self._messages.rowCount())

    def cut_turn(self, turn: int) -> None:
        """Takes a turn and all that follow away: the conversation branches off there."""
        row, current = self._messages.row_of(turn), self._current()
        if row >= 0:
            self._messages.remove_rows(row, self._messages.rowCount())
            self.left_out, self._waiting = False, []
        elif current is not None:
            self.show_turns(self._ask(lambda kept: kept.last_turns(current, turn, FIRST)) or [])

    def trim_rows(self) -> None:
        """Lets the oldest messages go where the end is seen; they come back when they are scrolled to."""
        count = self._messages.rowCount()
        if count > MOST + 2 * STEP and self._view.is_at_end():
            with self._view.keeping_scroll():
                self._drop_first(count - MOST)

    @Slot()
    def on_earlier(self) -> None:
        """The first message came into sight."""
        current, first = self._current(), self._turn_of_rows(range(self._messages.rowCount()))
        if self._from_start or not first or current is None:
            return
        turns = self._ask(lambda kept: kept.last_turns(current, first, STEP))
        if turns is None:
            return
        self._from_start = not turns
        with self._view.keeping_scroll():
            self._messages.insert_messages(self._with_aside(turns) if turns else self._aside.pop(0, []), 0)
            count = self._messages.rowCount()
            if count > MOST and not self._live():
                self._drop_rows(self._question_row(range(MOST, 0, -1)), count)
                self.left_out = True

    @Slot()
    def on_later(self) -> None:
        """The last message came into sight."""
        last, current = self._turn_of_rows(range(self._messages.rowCount() - 1, -1, -1)), self._current()
        if not self.left_out or not last or current is None:
            return
        turns = self._ask(lambda kept: kept.turns_after(current, last, STEP))
        if turns is None:
            return
        with self._view.keeping_scroll():
            self._messages.insert_messages(self._with_aside(turns), self._messages.rowCount())
            if len(turns) < STEP:
                self._load_end()
            self._drop_first(self._messages.rowCount() - MOST)

    @Slot()
    def show_start(self) -> None:
        """Shows the first turns of the conversation."""
        current, first = self._current(), self._turn_of_rows(range(self._messages.rowCount()))
        if first and current is not None and not self._live():
            turns = self._ask(lambda kept: kept.turns_after(current, 0, FIRST))
            if turns and turns[0].id != first:
                self._replace_turns(turns)
                self._messages.insert_messages(self._aside.pop(0, []), 0)
                self.left_out = self._from_start = True

    @Slot()
    def show_end(self, before: int = 0) -> None:
        """Shows the newest turns if they are not in the list; with `before`, those before the turn of that number."""
        current, chosen = self._current(), self._view.currentIndex().isValid()
        turns = self._ask(lambda kept: kept.last_turns(current or 0, before, FIRST)) if self.left_out else None
        if not turns or current is None or self._live():
            return
        self._replace_turns(turns)
        self._load_end()
        self._view.scrollToBottom()
        if chosen:
            self._view.setCurrentIndex(self._messages.index(self._messages.rowCount() - 1))

    def _load_end(self) -> None:
        """The newest turn is shown."""
        self.left_out, waiting, self._waiting = False, self._waiting, []
        self._messages.insert_messages(waiting, self._messages.rowCount())

    def _replace_turns(self, turns: Sequence[TurnRecord]) -> None:
        """Other turns of the same conversation."""
        self._drop_rows(0, self._messages.rowCount())
        self._messages.insert_messages(self._with_aside(turns), 0)
        self._from_start = False

    def _drop_first(self, count: int) -> None:
        """Takes whole turns from the top, at least so many messages."""
        if count > 0:
            self._drop_rows(0, self._question_row(range(count, self._messages.rowCount())))
            self._from_start = False

    def _drop_rows(self, first: int, end: int) -> None:
        """Takes messages out of the list; what is not saved of them is kept aside."""
        before = self._turn_of_rows(range(first - 1, -1, -1))
        for entry in map(self._messages.message_at, range(first, end)):
            before = entry.turn_id or before
            if not entry.turn_id:
                self._aside.setdefault(before, []).append(entry)
        self._view.move_focus_from(range(first, end))
        self._messages.remove_rows(first, end)

    def _with_aside(self, turns: Sequence[TurnRecord]) -> list[ChatMessage]:
        return [entry for turn in turns for entry in (*turn_messages(turn), *self._aside.pop(turn.id, []))]

    @Slot()
    def _on_reset(self) -> None:
        self.left_out, self._waiting, self._from_start, self._aside = False, [], False, {}

    def _turn_of_rows(self, rows: range) -> int:
        """The number of the first turn among these messages; 0 if none is saved."""
        return next((found for row in rows if (found := self._messages.message_at(row).turn_id)), 0)

    def _question_row(self, rows: range) -> int:
        """The first of these messages that is a question: what is taken away ends with a turn."""
        return next((row for row in rows if self._messages.message_at(row).sender == "you"), rows.start)


def turn_messages(turn: TurnRecord) -> list[ChatMessage]:
    """A turn of the history as messages."""
    made = [ChatMessage("you", turn.question, turn_id=turn.id, picture_digests=turn.pictures)]
    if turn.answer:
        detail = tr("stopped") if turn.heard_letters is not None else texts.speaker_text(turn.model_name)
        made.append(ChatMessage("hark", turn.answer, detail, turn.heard_letters, turn_id=turn.id))
    elif turn.state in ("failed", "interrupted"):
        made.append(ChatMessage("note", tr("This question was not answered."), turn_id=turn.id))
    return made
