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
    parts = [ntr("{n} picture", "{n} pictures", one.picture_count)] if one.picture_count else []
    return " · ".join([*parts, format_time(one.changed_at)])


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


class ConversationListView(QListView):
    """The list itself: Enter opens a conversation, F2 renames it, Delete deletes it; the context menu offers all three
    and the export.

    Each signal carries the number of the conversation (as an object: it may have more than 32 bits)."""

    open_requested, rename_requested = Signal(object), Signal(object)
    export_requested, delete_requested = Signal(object), Signal(object)

    @property
    def current_conversation(self) -> int | None:
        """The number of the conversation with the focus."""
        index = self.currentIndex()
        return index.data(Qt.ItemDataRole.UserRole).id if index.isValid() else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        signals = {
            Qt.Key.Key_Return: self.open_requested,
            Qt.Key.Key_Enter: self.open_requested,
            Qt.Key.Key_F2: self.rename_requested,
            Qt.Key.Key_Delete: self.delete_requested,
        }
        if event.key() in signals and self.current_conversation is not None:
            signals[Qt.Key(event.key())].emit(self.current_conversation)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.current_conversation is None:
            return
        menu, conversation = QMenu(self), self.current_conversation  # the list may change while the menu is open
        for text, signal in (
            (tr("Open"), self.open_requested),
            (tr("Rename …"), self.rename_requested),
            (tr("Export …"), self.export_requested),
            (tr("Delete"), self.delete_requested),
        ):
            action = QAction(text, menu)
            action.triggered.connect(lambda _=False, signal=signal: signal.emit(conversation))
            menu.addAction(action)
        menu.popup(event.globalPos())


class ConversationPanel(QWidget):
    """The list of conversations with its search field.

    The four `…_requested` signals carry the number of a conversation. `search_changed` carries the text of the search
    field, shortly after the last letter was typed. `undo_requested` asks for the conversation that was deleted last."""

    open_requested, rename_requested = Signal(object), Signal(object)
    export_requested, delete_requested = Signal(object), Signal(object)
    search_changed, undo_requested = Signal(str), Signal()

    def __init__(self) -> None:
        super().__init__()
        self.search_field = LineEdit(tr("Search conversations"), tr("Search"))
        set_tool_tip(self.search_field, tr("Search titles, questions and answers (Ctrl+F)"))
        self.search_field.setClearButtonEnabled(True)
        self.search_field.setMaxLength(MAX_NAME_LETTERS)
        self.conversation_list, self.model = ConversationListView(), ConversationListModel()
        self.conversation_list.setObjectName("past")
        self.conversation_list.setAccessibleName(tr("Conversations"))
        self.conversation_list.setAccessibleDescription(tr("Enter opens one, F2 renames it, Delete deletes it"))
        self.conversation_list.setModel(self.model)
        self.conversation_list.setItemDelegate(_ConversationDelegate(self.conversation_list))
        self.conversation_list.setUniformItemSizes(True)
        self.conversation_list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.undo_button = QPushButton(tr("Undo: bring it back"))
        self.undo_button.setVisible(False)
        self._typing = QTimer(self, singleShot=True, interval=_TYPING)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE * 2 // 3)
        for widget in (self.search_field, self.undo_button, self.conversation_list):
            column.addWidget(widget)
        self.search_field.textChanged.connect(self._typing.start)
        self.search_field.returnPressed.connect(self._go_to_list)
        self._typing.timeout.connect(self._search_history)
        self.undo_button.clicked.connect(self.undo_requested)
        self.conversation_list.open_requested.connect(self.open_requested)
        self.conversation_list.rename_requested.connect(self.rename_requested)
        self.conversation_list.export_requested.connect(self.export_requested)
        self.conversation_list.delete_requested.connect(self.delete_requested)
        self.conversation_list.clicked.connect(self._open_index)

    def show_conversations(self, items: Sequence[ConversationSummary], current: int | None) -> None:
        """What was found; `current` is the one that is open. Who is in the list stays at the same one, or where it was:
        the next key is not meant for another."""
        chosen, place = (
            (self.conversation_list.current_conversation, self.conversation_list.currentIndex().row())
            if self.conversation_list.hasFocus()
            else (current, -1)
        )
        self.model.show_items(items)
        row = self.model.row_of(chosen)
        if row < 0:
            row = min(place, len(items) - 1)
        if row >= 0:
            self.conversation_list.setCurrentIndex(self.model.index(row))

    def offer_undo(self, possible: bool) -> None:
        """Whether something that was deleted can be brought back."""
        if not possible and self.undo_button.hasFocus():
            self.conversation_list.setFocus()  # before it goes: the keys would fall to whatever comes next
        self.undo_button.setVisible(possible)

    @Slot()
    def _search_history(self) -> None:
        self.search_changed.emit(self.search_field.text())

    @Slot()
    def _go_to_list(self) -> None:
        self._typing.stop()
        self._search_history()
        self.conversation_list.setFocus()
        if self.model.rowCount() and not self.conversation_list.currentIndex().isValid():
            self.conversation_list.setCurrentIndex(self.model.index(0))

    @Slot(QModelIndex)
    def _open_index(self, index: QModelIndex) -> None:
        self.open_requested.emit(index.data(Qt.ItemDataRole.UserRole).id)
