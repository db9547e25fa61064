"""The list of messages, one item each, drawn from our own documents. Knows nothing of the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QPainter, QPaintEvent, QPen, QTextDocument
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ui import answer, style

Index = QModelIndex | QPersistentModelIndex
WELCOME = "Drop a picture and ask about it.\nHold F9 and talk, or type below."
_MARGIN, _PAD, _WIDEST = 28, 16, 760


@dataclass(frozen=True)
class Entry:
    """One message. `who` is "you", "hark" or "note"; `heard`: so many letters of `text` were heard, None for all."""

    who: str
    text: str
    detail: str = ""
    heard: int | None = None

    @property
    def heading(self) -> str:
        return {"you": "You said", "hark": "Hark"}.get(self.who, "") + (f" · {self.detail}" if self.detail else "")

    @property
    def spoken(self) -> str:
        """What a screen reader says for it."""
        unheard = self.text[self.heard :] if self.heard is not None else ""
        said = f"{self.heading}: {self.text[: self.heard]}" if self.heading else self.text
        return f"{said} (not heard: {unheard.strip()})" if unheard.strip() else said


class Messages(QAbstractListModel):
    """The messages of one conversation, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self._items: list[Entry] = []

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item = self._items[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return item
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return item.spoken
        return None

    def add(self, item: Entry) -> None:
        row = len(self._items)
        self.beginInsertRows(QModelIndex(), row, row)
        self._items.append(item)
        self.endInsertRows()

    def change(self, row: int, **fields: Any) -> None:
        """Replaces fields of a message; of the last one for -1."""
        row = row % len(self._items)
        self._items[row] = replace(self._items[row], **fields)
        self.dataChanged.emit(self.index(row), self.index(row))

    def at(self, row: int) -> Entry:
        return self._items[row]

    def clear(self) -> None:
        self.beginResetModel()
        self._items.clear()
        self.endResetModel()


class Painter(QStyledItemDelegate):
    """Draws a message: the question as text, the answer as a card. Documents are kept until they change."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[tuple[Entry, int], QTextDocument] = {}

    def forget(self) -> None:
        """The colours or fonts changed."""
        self._kept.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        item, width = index.data(Qt.ItemDataRole.UserRole), self._width(option)
        made = self._document(item, width)
        top = option.fontMetrics.height() + 6 if item.heading else 0
        pad = 2 * _PAD if item.who == "hark" else 0
        return QSize(width, int(made.size().height()) + top + pad + 20)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        now, item = style.theme(), index.data(Qt.ItemDataRole.UserRole)
        width = self._width(option)
        left = option.rect.left() + max(_MARGIN, (option.rect.width() - _WIDEST) // 2)
        top = option.rect.top() + 8
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if item.heading:
            painter.setFont(style.font(0.92))
            painter.setPen(QColor(now.muted))
            painter.drawText(QPoint(left, top + option.fontMetrics.ascent()), item.heading)
            top += option.fontMetrics.height() + 6
        made = self._document(item, width)
        if item.who == "hark":
            card = QRectF(left, top, width, made.size().height() + 2 * _PAD - 10)
            painter.setPen(QPen(QColor(now.line), 1))
            painter.setBrush(QColor(now.raised))
            painter.drawRoundedRect(card, 12, 12)
        pad = _PAD if item.who == "hark" else 0
        painter.translate(left + pad, top + max(0, pad - 2))
        made.drawContents(painter)
        painter.restore()
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(now.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRect(option.rect).adjusted(left - 12, 3, -left + 12, -3), 10, 10)

    def _width(self, option: QStyleOptionViewItem) -> int:
        view = option.widget
        whole = view.viewport().width() if isinstance(view, QListView) else option.rect.width()
        return max(120, min(_WIDEST, whole - 2 * _MARGIN))

    def _document(self, item: Entry, width: int) -> QTextDocument:
        key = (item, width)
        if key not in self._kept:
            if len(self._kept) > 400:
                self._kept.clear()
            now = style.theme()
            made = (
                answer.document(item.text, item.heard, now)
                if item.who == "hark"
                else answer.plain(item.text, now, item.who == "note")
            )
            made.setTextWidth(width - (2 * _PAD if item.who == "hark" else 0))
            self._kept[key] = made
        return self._kept[key]


class Conversation(QListView):
    """The view. `again` asks for a message to be spoken again."""

    again = Signal(str)

    def __init__(self, messages: Messages) -> None:
        super().__init__()
        self.messages = messages
        self._painter = Painter()
        self.setModel(messages)
        self.setItemDelegate(self._painter)
        self.setObjectName("conversation")
        self.setAccessibleName("Conversation")
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)

    def refresh(self) -> None:
        """The colours or fonts changed."""
        self._painter.forget()
        self.scheduleDelayedItemsLayout()
        self.viewport().update()

    def grown(self) -> None:
        """The last message changed: its height may too; the view stays at the end if it was there."""
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 40
        self._painter.sizeHintChanged.emit(self.messages.index(self.messages.rowCount() - 1))
        if at_end:
            self.scrollToBottom()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.messages.rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setPen(QColor(style.theme().muted))
            painter.setFont(style.font(1.15))
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, WELCOME)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.currentIndex().row()
        last = self.messages.rowCount() - 1
        move = {Qt.Key.Key_J: row + 1, Qt.Key.Key_K: row - 1, Qt.Key.Key_Home: 0, Qt.Key.Key_End: last}
        if event.key() in move and last >= 0:
            self.setCurrentIndex(self.messages.index(max(0, min(last, move[Qt.Key(event.key())]))))
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_R) and row >= 0:
            self.again.emit(self.messages.at(row).text)
        elif event.key() == Qt.Key.Key_C and row >= 0:
            QGuiApplication.clipboard().setText(self.messages.at(row).text)
        else:
            super().keyPressEvent(event)
