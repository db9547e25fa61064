"""The messages of one conversation, as values and as a list for a view. Knows nothing of drawing or the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from assistant.text.i18n import ntr, tr

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

_READ = 20_000  # letters that a screen reader is given of a message: more would hold up both
MAX_DRAWN_LETTERS = 100_000  # of a message
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class ChatMessage:
    """One message. `who` is "you", "hark" or "note"; `heard`: so many letters of `text` were heard, None for all;
    `turn` is its number in the history, `pictures` the digests of what it is about."""

    sender: str
    text: str
    detail: str = ""
    heard_letters: int | None = None
    turn_id: int | None = None
    picture_digests: tuple[str, ...] = ()

    @property
    def drawn_part(self) -> ChatMessage:
        """The message as far as it is drawn, and a letter more if there is more: what comes after changes nothing."""
        if len(self.text) <= MAX_DRAWN_LETTERS + 1:
            return self
        return replace(self, text=self.text[: MAX_DRAWN_LETTERS + 1])

    @property
    def heading_text(self) -> str:
        who = {"you": tr("You said"), "hark": "Hark"}.get(self.sender, "")
        return who + (f" · {self.detail}" if self.detail else "")

    @property
    def speech_text(self) -> str:
        """What a screen reader says for it."""
        unheard = self.text[self.heard_letters :].strip() if self.heard_letters is not None else ""
        said = f"{self.heading_text}: {self.text[: self.heard_letters]}" if self.heading_text else self.text
        if self.picture_digests:
            said += " ({})".format(ntr("{n} picture", "{n} pictures", len(self.picture_digests)))
        return said + " ({})".format(tr("not heard: {text}").format(text=unheard)) if unheard else said


class MessageListModel(QAbstractListModel):
    """Oldest first. `thumbs` are small pictures by their digests, as far as they are known."""

    def __init__(self) -> None:
        super().__init__()
        self._items: list[ChatMessage] = []
        self.thumbnails: dict[str, QImage] = {}

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item = self._items[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return item
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return item.speech_text[:_READ]
        return None

    def append_message(self, item: ChatMessage) -> None:
        row = len(self._items)
        self.beginInsertRows(QModelIndex(), row, row)
        self._items.append(item)
        self.endInsertRows()

    def insert_messages(self, items: Sequence[ChatMessage], row: int) -> None:
        """Others, from a row on."""
        if items:
            self.beginInsertRows(QModelIndex(), row, row + len(items) - 1)
            self._items[row:row] = items
            self.endInsertRows()

    def reset_messages(self, items: Sequence[ChatMessage] = ()) -> None:
        """Shows these and no others."""
        self.beginResetModel()
        self._items = list(items)
        self.endResetModel()

    def remove_rows(self, first: int, end: int) -> None:
        """Those from `first` to before `end` go."""
        if first < end:
            self.beginRemoveRows(QModelIndex(), first, end - 1)
            del self._items[first:end]
            self.endRemoveRows()

    def update_row(self, row: int, **fields: Any) -> None:
        """Replaces fields of a message; of the last one for -1."""
        row = row % len(self._items)
        self._items[row] = replace(self._items[row], **fields)
        self.dataChanged.emit(self.index(row), self.index(row))

    def append_text(self, row: int, text: str) -> None:
        """More of a message came; `tell_change` tells the views when they are to look."""
        self._items[row] = replace(self._items[row], text=self._items[row].text + text)

    def notify_row_changed(self, row: int) -> None:
        """Has the views look at a message again, if it is still there."""
        if 0 <= row < len(self._items):
            self.dataChanged.emit(self.index(row), self.index(row))

    def message_at(self, row: int) -> ChatMessage:
        return self._items[row]

    def row_of(self, turn: int) -> int:
        """The row of a turn's question, or -1."""
        return next((at for at, one in enumerate(self._items) if one.turn_id == turn and one.sender == "you"), -1)

    def question_of(self, row: int) -> int:
        """The row of the question that a message belongs to, or -1."""
        return next((at for at in range(row, -1, -1) if self._items[at].sender == "you"), -1)
