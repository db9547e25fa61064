"""The list of saved conversations, with a search field and the button that undoes a deletion."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QDateTime, QLocale, QModelIndex, QRect, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QColor, QPainter
from PySide6.QtWidgets import QListView, QMenu, QPushButton, QStyledItemDelegate, QVBoxLayout, QWidget

from assistant.text.i18n import ntr, tr
from ui import theme
from ui.widgets.labels import MAX_NAME_LETTERS, set_tool_tip, shorten_text
from ui.widgets.line_edit import LineEdit
from ui.widgets.list_model import Index, ItemListModel

if TYPE_CHECKING:
    from PySide6.QtGui import QContextMenuEvent, QKeyEvent
    from PySide6.QtWidgets import QStyleOptionViewItem

    from assistant.history.conversation_store import ConversationSummary

_SEARCH_DELAY_MS = 200  # after the last letter that was typed
_RECENT_SECONDS = 300  # what is not older was changed "now"


def format_time(timestamp: float) -> str:
    """A time (seconds since 1970) in the user's language, as roughly as its age allows: "now", "yesterday", a day."""
    moment = QDateTime.fromSecsSinceEpoch(int(timestamp))
    days = moment.date().daysTo(QDateTime.currentDateTime().date())
    if days <= 0:
        is_recent = time.time() - timestamp < _RECENT_SECONDS
        return tr("now") if is_recent else QLocale().toString(moment.time(), QLocale.FormatType.ShortFormat)
    if days == 1:
        return tr("yesterday")
    if days < 7:
        return QLocale().standaloneDayName(moment.date().dayOfWeek())
    return QLocale().toString(moment.date(), QLocale.FormatType.ShortFormat)


def describe_conversation(conversation: ConversationSummary) -> str:
    """The second line of a conversation: how many pictures it has, and when it was changed."""
    count = conversation.picture_count
    pictures = [ntr("{n} picture", "{n} pictures", count)] if count else []
    return " · ".join([*pictures, format_time(conversation.changed_at)])


def _shorten_title(conversation: ConversationSummary) -> ConversationSummary:
    title = shorten_text(conversation.title, MAX_NAME_LETTERS)
    return conversation if title == conversation.title else replace(conversation, title=title)


class ConversationListModel(ItemListModel["ConversationSummary"]):
    """The saved conversations, the latest first."""

    def displayed_text(self, item: ConversationSummary) -> str:
        return item.title

    def spoken_text(self, item: ConversationSummary) -> str:
        return f"{item.title}, {describe_conversation(item)}"

    def show_conversations(self, conversations: Sequence[ConversationSummary]) -> None:
        """Replaces all conversations; long titles are shortened."""
        self.reset_items(list(map(_shorten_title, conversations)))

    def find_row(self, conversation: int | None) -> int:
        """The row of a conversation by its number, or -1."""
        return next((row for row, item in enumerate(self._items) if item.id == conversation), -1)


class _ConversationDelegate(QStyledItemDelegate):
    """Paints a title and a muted second line."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, 2 * option.fontMetrics.height() + 22)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        from PySide6.QtWidgets import QStyle  # after the first paint: slow to import

        colors, item = theme.current_theme(), index.data(Qt.ItemDataRole.UserRole)
        inside = QRect(option.rect).adjusted(10, 8, -10, -8)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(
                QColor(colors.accent) if option.state & QStyle.StateFlag.State_HasFocus else Qt.PenStyle.NoPen
            )
            painter.setBrush(QColor(colors.selection))
            painter.drawRoundedRect(QRect(option.rect).adjusted(1, 1, -1, -1), 8, 8)
        for font, color, text, alignment in (
            (theme.scaled_font(1.0), colors.text, item.title, Qt.AlignmentFlag.AlignTop),
            (theme.scaled_font(0.9), colors.muted, describe_conversation(item), Qt.AlignmentFlag.AlignBottom),
        ):
            painter.setFont(font)
            painter.setPen(QColor(color))
            line = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, inside.width())
            painter.drawText(inside, alignment | Qt.AlignmentFlag.AlignLeading, line)
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
        self._search_timer = QTimer(self, singleShot=True, interval=_SEARCH_DELAY_MS)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACING_PX * 2 // 3)
        for widget in (self.search_field, self.undo_button, self.conversation_list):
            column.addWidget(widget)
        self.search_field.textChanged.connect(self._search_timer.start)
        self.search_field.returnPressed.connect(self._focus_list)
        self._search_timer.timeout.connect(self._emit_search)
        self.undo_button.clicked.connect(self.undo_requested)
        self.conversation_list.open_requested.connect(self.open_requested)
        self.conversation_list.rename_requested.connect(self.rename_requested)
        self.conversation_list.export_requested.connect(self.export_requested)
        self.conversation_list.delete_requested.connect(self.delete_requested)
        self.conversation_list.clicked.connect(self._open_clicked)

    @property
    def tab_order(self) -> tuple[QWidget, ...]:
        """The controls in the order in which Tab reaches them."""
        return self.search_field, self.undo_button, self.conversation_list

    @property
    def main_control(self) -> QWidget:
        """The control that F6 goes to."""
        return self.conversation_list

    @property
    def search_text(self) -> str:
        """What is typed in the search field."""
        return self.search_field.text()

    @property
    def has_list_focus(self) -> bool:
        """Whether the focus is in the list of conversations."""
        return self.conversation_list.hasFocus()

    def focus_search(self) -> None:
        """Goes to the search field and selects what is in it."""
        self.search_field.setFocus()
        self.search_field.selectAll()

    def show_search_results(self, conversations: Sequence[ConversationSummary], current: int | None) -> None:
        """Shows the conversations that the typed text has found; screen readers name the list by their number."""
        self.show_conversations(conversations, current)
        self.conversation_list.setAccessibleName(
            tr("Conversations found: {n}").format(n=len(conversations)) if self.search_text else tr("Conversations")
        )

    def show_conversations(self, conversations: Sequence[ConversationSummary], current: int | None) -> None:
        """Shows the conversations that were found; `current` is the number of the open one.

        If the list has the focus, its current item stays the same conversation, or the same row if that is gone: the
        next key must not act on another one."""
        if self.conversation_list.hasFocus():
            selected = self.conversation_list.current_conversation
            fallback_row = self.conversation_list.currentIndex().row()
        else:
            selected, fallback_row = current, -1
        self.model.show_conversations(conversations)
        row = self.model.find_row(selected)
        if row < 0:
            row = min(fallback_row, len(conversations) - 1)
        if row >= 0:
            self.conversation_list.setCurrentIndex(self.model.index(row))

    def offer_undo(self, is_possible: bool) -> None:
        """Shows the undo button while a deleted conversation can be restored."""
        if not is_possible and self.undo_button.hasFocus():
            self.conversation_list.setFocus()  # now: Qt would move the focus to the next control
        self.undo_button.setVisible(is_possible)

    @Slot()
    def _emit_search(self) -> None:
        self.search_changed.emit(self.search_field.text())

    @Slot()
    def _focus_list(self) -> None:
        self._search_timer.stop()
        self._emit_search()
        self.conversation_list.setFocus()
        if self.model.rowCount() and not self.conversation_list.currentIndex().isValid():
            self.conversation_list.setCurrentIndex(self.model.index(0))

    @Slot(QModelIndex)
    def _open_clicked(self, index: QModelIndex) -> None:
        self.open_requested.emit(index.data(Qt.ItemDataRole.UserRole).id)
