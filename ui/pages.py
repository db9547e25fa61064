"""Which turns of a long conversation are in the list: some around what is seen. Knows nothing of drawing.

A list of 20,000 messages would be laid out anew at every change, each of them a document; with these few a step costs
the same wherever one is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from assistant.words.tongue import tr
from ui import words
from ui.messages import Entry

if TYPE_CHECKING:
    from assistant.library.archive import Archive, Turn
    from ui.conversation import Conversation

FIRST, STEP = 20, 6  # turns that are shown at first, and more at a time when they are scrolled to
MOST = 120  # messages in the list
Asked = Callable[[Callable[["Archive"], list["Turn"]]], list["Turn"] | None]


class Pages(QObject):
    """`ask` has the history answer; `current` gives the open conversation, None for one that is not saved; `live` tells
    whether a turn is under way, whose messages must stay. `left_out`: turns after the last one that is shown are."""

    def __init__(
        self, view: Conversation, ask: Asked, current: Callable[[], int | None], live: Callable[[], bool]
    ) -> None:
        super().__init__(view)
        self._view, self._messages = view, view.messages
        self._ask, self._current, self._live = ask, current, live
        self.left_out = False
        self._messages.modelReset.connect(self._on_reset)
        view.earlier.connect(self.on_earlier)
        view.later.connect(self.on_later)
        view.sought.connect(self.on_sought)

    def show(self, turns: Sequence[Turn], left_out: bool = False) -> None:
        """These and no others."""
        self._messages.begin([entry for turn in turns for entry in entries(turn)])
        self.left_out = left_out

    @Slot()
    def on_earlier(self) -> None:
        """The first message came into sight."""
        first, current = self._turn(range(self._messages.rowCount())), self._current()
        if not first or current is None:
            return
        turns = self._ask(lambda kept: kept.turns(current, first, STEP))
        if not turns:
            return
        with self._view.in_place():
            self._messages.put([entry for turn in turns for entry in entries(turn)], 0)
            count = self._messages.rowCount()
            if count > MOST and not self._live():
                self.left_out = True
                self._messages.take(self._question(range(MOST, 0, -1)), count)

    @Slot()
    def on_later(self) -> None:
        """The last message came into sight."""
        last, current = self._turn(range(self._messages.rowCount() - 1, -1, -1)), self._current()
        if not self.left_out or not last or current is None:
            return
        turns = self._ask(lambda kept: kept.turns_after(current, last, STEP)) or []
        self.left_out = len(turns) == STEP
        with self._view.in_place():
            self._messages.put([entry for turn in turns for entry in entries(turn)], self._messages.rowCount())
            count = self._messages.rowCount()
            if count > MOST:
                self._messages.take(0, self._question(range(count - MOST, count)))

    @Slot(bool)
    def on_sought(self, start: bool) -> None:
        """The conversation's start is wanted, or its end."""
        current = self._current()
        first = self._turn(range(self._messages.rowCount()))
        if start and first and current is not None and not self._live():
            turns = self._ask(lambda kept: kept.turns_after(current, 0, FIRST))
            if turns and turns[0].id != first:
                self.show(turns, left_out=len(turns) == FIRST)
        elif not start:
            self.to_end()

    def to_end(self, before: int = 0) -> None:
        """Shows the newest turns, or those before one, if they are left out."""
        current = self._current()
        if self.left_out and current is not None:
            self.left_out = False  # whatever comes of it: what fails is told in the list, which asks for its end
            self.show(self._ask(lambda kept: kept.turns(current, before, FIRST)) or [])
            self._view.scrollToBottom()

    @Slot()
    def _on_reset(self) -> None:
        self.left_out = False

    def _turn(self, rows: range) -> int:
        """The number of the first turn among these messages; 0 if none is saved."""
        return next((found for row in rows if (found := self._messages.at(row).turn)), 0)

    def _question(self, rows: range) -> int:
        """The first of these messages that is a question: what is taken away ends with a turn."""
        return next((row for row in rows if self._messages.at(row).who == "you"), rows.start)


def entries(turn: Turn) -> list[Entry]:
    """A turn of the history as messages."""
    made = [Entry("you", turn.question, turn=turn.id, pictures=turn.pictures)]
    if turn.answer:
        detail = tr("stopped") if turn.heard is not None else words.by(turn.by)
        made.append(Entry("hark", turn.answer, detail, turn.heard, turn=turn.id))
    elif turn.state in ("failed", "interrupted"):
        made.append(Entry("note", tr("This question was not answered."), turn=turn.id))
    return made
