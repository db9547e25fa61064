"""The list of messages, one item each. Knows nothing of the engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QKeySequence, QPainter
from PySide6.QtWidgets import QAbstractItemView, QListView

from assistant.text.i18n import tr
from ui import theme
from ui.conversation.delegate import MessageDelegate
from ui.conversation.model import MessageListModel

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QPaintEvent, QResizeEvent

_NEAR = 400  # pixels from an end of the list at which more messages are asked for


class ConversationView(QListView):
    """The view. `read` asks for a message to be spoken, `again` for a question to be asked again, `edited` for one to
    be changed first, `earlier` and `later` for messages above and below, `sought` for the start (or the end); `told` is
    what a screen reader says."""

    read_requested, ask_again_requested, edit_requested, announced = Signal(str), Signal(int), Signal(int), Signal(str)
    earlier_needed, later_needed = Signal(), Signal()
    start_requested, end_requested = Signal(), Signal()

    def __init__(self, messages: MessageListModel) -> None:
        super().__init__()
        self.messages = messages
        self._painter = MessageDelegate()
        self.setModel(messages)
        self.setItemDelegate(self._painter)
        self.setObjectName("conversation")
        self.setAccessibleName(tr("Conversation"))
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # The current message counts as chosen, else a screen reader says "not selected" of each.
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalScrollBar().valueChanged.connect(self._on_scroll)
        self._refill = QTimer(self, singleShot=True, interval=0)
        self._refill.timeout.connect(self._fill_view)
        self._grown = QTimer(self, singleShot=True, interval=0)
        self._grown.timeout.connect(self._on_grown)
        for signal in (messages.modelReset, messages.rowsInserted, self.verticalScrollBar().rangeChanged):
            signal.connect(self._refill.start)
        self.selectionModel().currentChanged.connect(self._on_current)
        # Not at once: the view is in the middle of its own work then, and must not be given other rows.
        self._ask_earlier = QTimer(self, singleShot=True, interval=0)
        self._ask_earlier.timeout.connect(self.earlier_needed)
        self._ask_later = QTimer(self, singleShot=True, interval=0)
        self._ask_later.timeout.connect(self.later_needed)

    def refresh(self) -> None:
        """The colours or fonts changed."""
        self._painter.clear_cache()
        self.scheduleDelayedItemsLayout()
        self.viewport().update()

    def row_grew(self, row: int) -> None:
        """A message changed, perhaps its height too: drawn anew once for all words that come meanwhile."""
        self._growing = QPersistentModelIndex(self.messages.index(row))
        if not self._grown.isActive():
            self._end_was_seen = self.is_at_end()  # Qt may lay it out before we do
            self._grown.start()

    @Slot()
    def _on_grown(self) -> None:
        self.messages.notify_row_changed(self._growing.row())
        self._painter.sizeHintChanged.emit(QModelIndex())
        if self._end_was_seen:
            width = self.viewport().width()
            self.scrollToBottom()
            if self.viewport().width() != width:  # the scroll bar has come up: the text is narrower now, and longer
                self.doItemsLayout()
                self.scrollToBottom()

    def resizeEvent(self, event: QResizeEvent) -> None:
        with self.keeping_place():
            super().resizeEvent(event)

    def is_at_end(self) -> bool:
        """Whether the last message is seen."""
        bar = self.verticalScrollBar()
        return bar.value() >= bar.maximum() - 40

    @contextlib.contextmanager
    def keeping_place(self) -> Iterator[None]:
        """Where the end was seen it is seen afterwards."""
        at_end = self.is_at_end()
        yield
        if at_end:
            self.scrollToBottom()

    @contextlib.contextmanager
    def keeping_scroll(self) -> Iterator[None]:
        """Other messages come and go; what is seen stays where it is."""
        seen = QPersistentModelIndex(self.indexAt(self.viewport().rect().center()))
        top = self.visualRect(seen).top()
        yield
        self.doItemsLayout()
        if seen.isValid():
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + self.visualRect(seen).top() - top)

    @Slot(int)
    def _on_scroll(self, value: int) -> None:
        if self.messages.rowCount():
            if value < _NEAR:
                self._ask_earlier.start()
            if value > self.verticalScrollBar().maximum() - _NEAR:
                self._ask_later.start()

    @Slot()
    def _fill_view(self) -> None:
        """Where nearly all of it is seen at once nothing needs to be scrolled."""
        self.executeDelayedItemsLayout()
        if self.messages.rowCount() and self.verticalScrollBar().maximum() < _NEAR:
            self.earlier_needed.emit()

    def move_focus_from(self, rows: range) -> None:
        """These messages go: one of them that is chosen is chosen no longer, and no other one instead of it."""
        if self.currentIndex().row() in rows:
            self.selectionModel().clear()

    @property
    def current_row(self) -> int:
        """The message that one is at: the current one, else the last that is seen."""
        row = self.currentIndex().row()
        if row < 0:
            inside = self.viewport().rect().adjusted(0, 0, 0, -8)  # at a message, not in the gap below it
            row = next(
                (at for y in range(inside.bottom(), 0, -24) if (at := self.indexAt(QPoint(9, y)).row()) >= 0), -1
            )
        return row if row >= 0 else self.messages.rowCount() - 1

    @Slot()
    def read_again(self) -> None:
        if self.current_row >= 0:
            self.read_requested.emit(self.messages.message_at(self.current_row).text)

    @Slot()
    def spell_current(self) -> None:
        if self.current_row >= 0:
            from assistant.text.speech_text import spell_out

            self.read_requested.emit(spell_out(self.messages.message_at(self.current_row).text))

    @Slot()
    def copy_current(self) -> None:
        if self.current_row >= 0:
            QGuiApplication.clipboard().setText(self.messages.message_at(self.current_row).text)
            self.announced.emit(tr("Copied"))

    @Slot()
    def copy_code(self) -> None:
        from ui.conversation import markdown_document

        if self.current_row >= 0 and (
            code := markdown_document.find_code(self.messages.message_at(self.current_row).text)
        ):
            QGuiApplication.clipboard().setText(code)
            self.announced.emit(tr("Code copied"))

    @Slot()
    def ask_again(self) -> None:
        self._with_question(self.ask_again_requested)

    @Slot()
    def change_question(self) -> None:
        self._with_question(self.edit_requested)

    @Slot()
    def open_link(self) -> None:
        if self.current_row >= 0:
            from ui.conversation import links, markdown_document

            links.ask_to_open(self, markdown_document.find_links(self.messages.message_at(self.current_row).text))

    def _with_question(self, signal: Any) -> None:
        question = self.messages.question_of(self.current_row)
        if question >= 0:
            signal.emit(question)

    @Slot(QModelIndex)
    def _on_current(self, current: QModelIndex) -> None:
        if current.row() == 0:
            self._ask_earlier.start()
        if current.row() == self.messages.rowCount() - 1:
            self._ask_later.start()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """It begins at the newest message that is seen, where Qt would take the oldest."""
        if not self.currentIndex().isValid() and self.messages.rowCount():
            self.setCurrentIndex(self.messages.index(self.current_row))
        super().focusInEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.messages.rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setPen(QColor(theme.current_theme().muted))
            painter.setFont(theme.scaled_font(1.15))
            how = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            text = tr("Drop a picture and ask about it.\nHold F9 and talk, or type below.")
            painter.drawText(self.viewport().rect(), how, text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        ends = event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End)
        if ends:
            (self.start_requested if event.key() == Qt.Key.Key_Home else self.end_requested).emit()
        row, last = self.current_row, self.messages.rowCount() - 1
        move = {Qt.Key.Key_J: row + 1, Qt.Key.Key_K: row - 1, Qt.Key.Key_Home: 0, Qt.Key.Key_End: last}
        do = {
            Qt.Key.Key_Space: self.read_again, Qt.Key.Key_R: self.read_again, Qt.Key.Key_C: self.copy_current,
            Qt.Key.Key_A: self.ask_again, Qt.Key.Key_E: self.change_question, Qt.Key.Key_L: self.open_link,
            Qt.Key.Key_B: self.copy_code, Qt.Key.Key_S: self.spell_current,
        }  # fmt: skip
        plain = ends or not event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_current()
        elif plain and event.key() in move and last >= 0:
            self.setCurrentIndex(self.messages.index(max(0, min(last, move[Qt.Key(event.key())]))))
        elif plain and event.key() in do and row >= 0:
            do[Qt.Key(event.key())]()
        else:
            super().keyPressEvent(event)
