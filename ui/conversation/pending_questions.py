"""Typed questions that the engine has not begun to work on yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from assistant.text.sanitize import sanitize
from ui.conversation.model import ChatMessage

if TYPE_CHECKING:
    from ui.conversation.model import MessageListModel
    from ui.conversation.pager import MessagePager

_ACCEPT_MS = 250  # in which an engine that is well takes a question


class PendingQuestions(QObject):
    """Shows a typed question by itself where the engine is frozen or busy and does not take it at once."""

    def __init__(self, messages: MessageListModel, pager: MessagePager) -> None:
        super().__init__(pager)
        self._messages, self._pager = messages, pager
        self._hidden: list[str] = []  # are not among the messages yet
        self._shown: list[str] = []  # are among the messages already
        self._timer = QTimer(self, singleShot=True, interval=_ACCEPT_MS)
        self._timer.timeout.connect(self._show_hidden)

    def add_question(self, text: str) -> None:
        """A question was typed; it is asked now."""
        if text := sanitize(text).strip():
            self._hidden.append(text)
            self._timer.start()

    def accept_question(self, question: ChatMessage) -> None:
        """The engine took a question: puts it among the messages, unless it is shown already."""
        rows = range(self._messages.rowCount() - 1, -1, -1)
        row = next((row for row in rows if self._messages.item_at(row) == ChatMessage("you", question.text)), -1)
        if question.text in self._hidden:
            self._hidden.remove(question.text)
        elif question.text in self._shown:
            self._shown.remove(question.text)
            if row >= 0:
                return self._messages.update_row(
                    row, turn_id=question.turn_id, picture_digests=question.picture_digests
                )
        self._messages.append_message(question)

    def clear(self) -> None:
        """Another conversation is opened."""
        self._hidden, self._shown = [], []

    @Slot()
    def _show_hidden(self) -> None:
        for text in self._hidden:
            self._pager.append_message(ChatMessage("you", text))
        self._shown, self._hidden = [*self._shown, *self._hidden], []
