"""The messages of a conversation, and the list model that gives them to the view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex

from assistant.text.i18n import ntr, tr
from ui.widgets.list_model import ItemListModel

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

_MAX_SPOKEN_LETTERS = 20_000  # of a message: a longer one would block the window and the screen reader
MAX_DRAWN_LETTERS = 100_000  # of a message


@dataclass(frozen=True)
class ChatMessage:
    """One message of the conversation."""

    sender: str  # "you" for a question, "hark" for an answer, "note" for a remark of the window
    text: str
    detail: str = ""  # stands in the heading, such as the name of the model
    heard_letters: int | None = None  # so many letters of the answer were spoken; None: all of them
    turn_id: int | None = None  # of the turn in the history; None if it is not saved
    picture_digests: tuple[str, ...] = ()  # the pictures that a question is about

    @property
    def drawn_part(self) -> ChatMessage:
        """The message cut to what is drawn of it, and one letter more if it is longer.

        Text that is added after that does not change it, so the document that was laid out for it stays valid."""
        if len(self.text) <= MAX_DRAWN_LETTERS + 1:
            return self
        return replace(self, text=self.text[: MAX_DRAWN_LETTERS + 1])

    @property
    def heading_text(self) -> str:
        """Who sent it, and the detail; "" for a note."""
        sender = {"you": tr("You said"), "hark": "Hark"}.get(self.sender, "")
        return sender + (f" · {self.detail}" if self.detail else "")

    @property
    def speech_text(self) -> str:
        """What a screen reader says for the message, with the part of the answer that was not spoken."""
        unheard = self.text[self.heard_letters :].strip() if self.heard_letters is not None else ""
        text = f"{self.heading_text}: {self.text[: self.heard_letters]}" if self.heading_text else self.text
        if self.picture_digests:
            text += " ({})".format(ntr("{n} picture", "{n} pictures", len(self.picture_digests)))
        return text + " ({})".format(tr("not heard: {text}").format(text=unheard)) if unheard else text


class MessageListModel(ItemListModel[ChatMessage]):
    """The messages of the open conversation, the oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.thumbnails: dict[str, QImage] = {}  # small copies of pictures by their digests, as far as they are known

    def displayed_text(self, item: ChatMessage) -> str:
        """The message as a screen reader says it: the delegate paints it from the item itself."""
        return self.spoken_text(item)

    def spoken_text(self, item: ChatMessage) -> str:
        return item.speech_text[:_MAX_SPOKEN_LETTERS]

    def append_message(self, message: ChatMessage) -> None:
        """Adds a message at the end."""
        row = len(self._items)
        self.beginInsertRows(QModelIndex(), row, row)
        self._items.append(message)
        self.endInsertRows()

    def insert_messages(self, messages: Sequence[ChatMessage], row: int) -> None:
        """Inserts messages before a row."""
        if messages:
            self.beginInsertRows(QModelIndex(), row, row + len(messages) - 1)
            self._items[row:row] = messages
            self.endInsertRows()

    def remove_rows(self, first: int, end: int) -> None:
        """Removes the rows from `first` up to, but not including, `end`."""
        if first < end:
            self.beginRemoveRows(QModelIndex(), first, end - 1)
            del self._items[first:end]
            self.endRemoveRows()

    def update_row(self, row: int, **fields: Any) -> None:
        """Replaces fields of a message; -1 is the last row."""
        row = row % len(self._items)
        self._items[row] = replace(self._items[row], **fields)
        self.dataChanged.emit(self.index(row), self.index(row))

    def append_text(self, row: int, text: str) -> None:
        """Adds text to a message without telling the views: call `notify_row_changed` when they should repaint it."""
        self._items[row] = replace(self._items[row], text=self._items[row].text + text)

    def notify_row_changed(self, row: int) -> None:
        """Has the views repaint a message, if the row still exists."""
        if 0 <= row < len(self._items):
            self.dataChanged.emit(self.index(row), self.index(row))

    def question_row(self, turn: int) -> int:
        """The row of a turn's question, or -1."""
        rows = (row for row, message in enumerate(self._items) if message.turn_id == turn and message.sender == "you")
        return next(rows, -1)

    def question_row_before(self, row: int) -> int:
        """The row of the question at or before `row`, or -1."""
        return next((row for row in range(row, -1, -1) if self._items[row].sender == "you"), -1)
