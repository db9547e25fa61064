"""A list model over plain Python objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

Index = QModelIndex | QPersistentModelIndex
T = TypeVar("T")


class ItemListModel(QAbstractListModel, Generic[T]):
    """Gives views the items of a list: each item itself as the user role, and its texts as a subclass defines them."""

    def __init__(self) -> None:
        super().__init__()
        self._items: list[T] = []

    def displayed_text(self, item: T) -> str:
        """The text of an item."""
        raise NotImplementedError

    def spoken_text(self, item: T) -> str:
        """What a screen reader says for an item."""
        raise NotImplementedError

    def item_at(self, row: int) -> T:
        """The item of a row, which must exist."""
        return self._items[row]

    def reset_items(self, items: Sequence[T] = ()) -> None:
        """Replaces all items."""
        self.beginResetModel()
        self._items = list(items)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item = self._items[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return item
        if role == Qt.ItemDataRole.DisplayRole:
            return self.displayed_text(item)
        return self.spoken_text(item) if role == Qt.ItemDataRole.AccessibleTextRole else None
