"""The list of conversations: searched, opened, renamed, deleted and brought back. Knows nothing of the history."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QDateTime,
    QLocale,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QAction, QColor, QPainter
from PySide6.QtWidgets import QListView, QMenu, QPushButton, QStyledItemDelegate, QVBoxLayout, QWidget

from assistant.text.i18n import ntr, tr
from ui import theme
from ui.widgets.labels import MAX_NAME_LETTERS, set_tool_tip, shorten_text
from ui.widgets.line_edit import LineEdit

if TYPE_CHECKING:
    from PySide6.QtGui import QContextMenuEvent, QKeyEvent
    from PySide6.QtWidgets import QStyleOptionViewItem

    from assistant.history.conversation_store import ConversationSummary

Index = QModelIndex | QPersistentModelIndex
_TYPING = 200  # milliseconds after the last letter, when a search begins


def format_time(moment: float) -> str:
    """A day in words of the user's language."""
    then = QDateTime.fromSecsSinceEpoch(int(moment))
    days = then.date().daysTo(QDateTime.currentDateTime().date())
    if days <= 0:
        return (
            tr("now") if time.time() - moment < 300 else QLocale().toString(then.time(), QLocale.FormatType.ShortFormat)
        )
    if days == 1:
        return tr("yesterday")
    if days < 7:
        return QLocale().standaloneDayName(then.date().dayOfWeek())
    return QLocale().toString(then.date(), QLocale.FormatType.ShortFormat)


def describe_conversation(one: ConversationSummary) -> str:
    """The quiet line under a title."""
    parts = [ntr("{n} picture", "{n} pictures", one.pictures)] if one.pictures else []
    return " · ".join([*parts, format_time(one.changed)])


class ConversationListModel(QAbstractListModel):
    """What the list shows."""

    def __init__(self) -> None:
        super().__init__()
        self._items: list[ConversationSummary] = []

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item = self._items[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return item
        if role == Qt.ItemDataRole.DisplayRole:
            return item.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{item.title}, {describe_conversation(item)}"
        return None

    def show_items(self, items: Sequence[ConversationSummary]) -> None:
        self.beginResetModel()
        self._items = [
            item
            if len(item.title) <= MAX_NAME_LETTERS
            else replace(item, title=shorten_text(item.title, MAX_NAME_LETTERS))
            for item in items
        ]
        self.endResetModel()

    def row_of(self, conversation: int | None) -> int:
        return next((row for row, one in enumerate(self._items) if one.id == conversation), -1)


class _ConversationDelegate(QStyledItemDelegate):
    """A title, and a quiet line under it."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, 2 * option.fontMetrics.height() + 22)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        from PySide6.QtWidgets import QStyle  # after the first paint: of all its names PySide makes objects

        now, item = theme.current_theme(), index.data(Qt.ItemDataRole.UserRole)
        inside = QRect(option.rect).adjusted(10, 8, -10, -8)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QColor(now.accent) if option.state & QStyle.StateFlag.State_HasFocus else Qt.PenStyle.NoPen)
            painter.setBrush(QColor(now.chosen))
            painter.drawRoundedRect(QRect(option.rect).adjusted(1, 1, -1, -1), 8, 8)
        for font, color, text, where in (
            (theme.scaled_font(1.0), now.text, item.title, Qt.AlignmentFlag.AlignTop),
            (theme.scaled_font(0.9), now.muted, describe_conversation(item), Qt.AlignmentFlag.AlignBottom),
        ):
            painter.setFont(font)
            painter.setPen(QColor(color))
            short = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, inside.width())
            painter.drawText(inside, where | Qt.AlignmentFlag.AlignLeading, short)
        painter.restore()


class _ConversationListView(QListView):
    """Enter opens, F2 renames, Delete deletes; the menu key has all of it."""

    wanted = Signal(str, object)  # "open", "rename", "delete" or "export", and which conversation

    @property
    def chosen_conversation(self) -> int | None:
        """The conversation that one is at."""
        index = self.currentIndex()
        return index.data(Qt.ItemDataRole.UserRole).id if index.isValid() else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = {
            Qt.Key.Key_Return: "open", Qt.Key.Key_Enter: "open", Qt.Key.Key_F2: "rename", Qt.Key.Key_Delete: "delete",
        }  # fmt: skip
        if event.key() in keys and self.chosen_conversation is not None:
            self.wanted.emit(keys[Qt.Key(event.key())], self.chosen_conversation)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.chosen_conversation is None:
            return
        menu, chosen = QMenu(self), self.chosen_conversation  # the list may change behind the menu
        for what, text in (
            ("open", tr("Open")), ("rename", tr("Rename …")), ("export", tr("Export …")), ("delete", tr("Delete"))
        ):  # fmt: skip
            action = QAction(text, menu)
            action.triggered.connect(lambda _=False, what=what: self.wanted.emit(what, chosen))
            menu.addAction(action)
        menu.popup(event.globalPos())


class ConversationPanel(QWidget):
    """`wanted` tells what is to be done with a conversation; `sought` what is searched for; `undone` asks for the one
    that was deleted last."""

    wanted, sought, undone = Signal(str, object), Signal(str), Signal()

    def __init__(self) -> None:
        super().__init__()
        self.search = LineEdit(tr("Search conversations"), tr("Search"))
        set_tool_tip(self.search, tr("Search titles, questions and answers (Ctrl+F)"))
        self.search.setClearButtonEnabled(True)
        self.search.setMaxLength(MAX_NAME_LETTERS)
        self.list, self.items = _ConversationListView(), ConversationListModel()
        self.list.setObjectName("past")
        self.list.setAccessibleName(tr("Conversations"))
        self.list.setAccessibleDescription(tr("Enter opens one, F2 renames it, Delete deletes it"))
        self.list.setModel(self.items)
        self.list.setItemDelegate(_ConversationDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.undo = QPushButton(tr("Undo: bring it back"))
        self.undo.setVisible(False)
        self._typing = QTimer(self, singleShot=True, interval=_TYPING)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE * 2 // 3)
        for widget in (self.search, self.undo, self.list):
            column.addWidget(widget)
        self.search.textChanged.connect(self._typing.start)
        self.search.returnPressed.connect(self._go_to_list)
        self._typing.timeout.connect(self._search_history)
        self.undo.clicked.connect(self.undone)
        self.list.wanted.connect(self.wanted)
        self.list.clicked.connect(self._open_index)

    def show_all(self, items: Sequence[ConversationSummary], current: int | None) -> None:
        """What was found; `current` is the one that is open. Who is in the list stays at the same one, or where it was:
        the next key is not meant for another."""
        chosen, place = (
            (self.list.chosen_conversation, self.list.currentIndex().row()) if self.list.hasFocus() else (current, -1)
        )
        self.items.show_items(items)
        row = self.items.row_of(chosen)
        if row < 0:
            row = min(place, len(items) - 1)
        if row >= 0:
            self.list.setCurrentIndex(self.items.index(row))

    def offer_undo(self, possible: bool) -> None:
        """Whether something that was deleted can be brought back."""
        if not possible and self.undo.hasFocus():
            self.list.setFocus()  # before it goes: the keys would fall to whatever comes next
        self.undo.setVisible(possible)

    @Slot()
    def _search_history(self) -> None:
        self.sought.emit(self.search.text())

    @Slot()
    def _go_to_list(self) -> None:
        self._typing.stop()
        self._search_history()
        self.list.setFocus()
        if self.items.rowCount() and not self.list.currentIndex().isValid():
            self.list.setCurrentIndex(self.items.index(0))

    @Slot(QModelIndex)
    def _open_index(self, index: QModelIndex) -> None:
        self.wanted.emit("open", index.data(Qt.ItemDataRole.UserRole).id)
