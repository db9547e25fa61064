"""The list of messages of the open conversation."""

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
    from PySide6.QtGui import QFocusEvent, QImage, QKeyEvent, QPaintEvent, QResizeEvent

_NEAR_END_PX = 400  # within this distance from an end of the list more messages are loaded


class ConversationView(QListView):
    """Shows the messages of a model, one a row; every action on a message has a key.

    `read_requested` carries a text to be spoken; `ask_again_requested` and `edit_requested` the row of a question.
    `announced` carries what a screen reader should say. `earlier_needed` and `later_needed` report that the user has
    come near the first or last message, `start_requested` and `end_requested` that Home or End was pressed."""

    read_requested, announced = Signal(str), Signal(str)
    ask_again_requested, edit_requested = Signal(int), Signal(int)
    earlier_needed, later_needed = Signal(), Signal()
    start_requested, end_requested = Signal(), Signal()

    def __init__(self, messages: MessageListModel) -> None:
        super().__init__()
        self.messages = messages
        self._delegate = MessageDelegate()
        self.setModel(messages)
        self.setItemDelegate(self._delegate)
        self.setObjectName("conversation")
        self.setAccessibleName(tr("Conversation"))
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # The current message is selected, else a screen reader says "not selected" for every one.
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalScrollBar().valueChanged.connect(self._on_scroll)
        self._fill_timer = QTimer(self, singleShot=True, interval=0)
        self._fill_timer.timeout.connect(self._fill_view)
        self._growth_timer = QTimer(self, singleShot=True, interval=0)
        self._growth_timer.timeout.connect(self._update_grown_row)
        for signal in (messages.modelReset, messages.rowsInserted, self.verticalScrollBar().rangeChanged):
            signal.connect(self._fill_timer.start)
        self.selectionModel().currentChanged.connect(self._on_current)
        # Deferred: the rows must not change while the view is still handling the event.
        self._earlier_timer = QTimer(self, singleShot=True, interval=0)
        self._earlier_timer.timeout.connect(self.earlier_needed)
        self._later_timer = QTimer(self, singleShot=True, interval=0)
        self._later_timer.timeout.connect(self.later_needed)

    def set_thumbnail(self, digest: str, image: QImage) -> None:
        """Gives the messages the small copy of a picture; `refresh` shows it."""
        self.messages.thumbnails[digest] = image

    def clear_thumbnails(self) -> None:
        """Forgets the small copies of all pictures."""
        self.messages.thumbnails.clear()

    def refresh(self) -> None:
        """Lays all messages out anew, because the colours or fonts have changed."""
        self._delegate.clear_cache()
        self.scheduleDelayedItemsLayout()
        self.viewport().update()

    def on_row_grown(self, row: int) -> None:
        """Repaints a message whose text has grown, once for all the words that come until then."""
        self._growing_row = QPersistentModelIndex(self.messages.index(row))
        if not self._growth_timer.isActive():
            self._was_at_end = self.is_at_end()  # now: Qt may lay the list out before the timer ends
            self._growth_timer.start()

    @Slot()
    def _update_grown_row(self) -> None:
        self.messages.notify_row_changed(self._growing_row.row())
        self._delegate.sizeHintChanged.emit(QModelIndex())
        if self._was_at_end:
            width = self.viewport().width()
            self.scrollToBottom()
            if self.viewport().width() != width:  # the scroll bar has come up: the text is narrower now, and longer
                self.doItemsLayout()
                self.scrollToBottom()

    def resizeEvent(self, event: QResizeEvent) -> None:
        with self.following_end():
            super().resizeEvent(event)

    def is_at_end(self) -> bool:
        """Whether the end of the last message is visible."""
        bar = self.verticalScrollBar()
        return bar.value() >= bar.maximum() - 40

    @contextlib.contextmanager
    def following_end(self) -> Iterator[None]:
        """Scrolls to the end afterwards if it was visible before."""
        was_at_end = self.is_at_end()
        yield
        if was_at_end:
            self.scrollToBottom()

    @contextlib.contextmanager
    def keeping_scroll(self) -> Iterator[None]:
        """Keeps the message in the middle of the view where it is while rows are inserted or removed."""
        anchor = QPersistentModelIndex(self.indexAt(self.viewport().rect().center()))
        top = self.visualRect(anchor).top()
        yield
        self.doItemsLayout()
        if anchor.isValid():
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + self.visualRect(anchor).top() - top)

    @Slot(int)
    def _on_scroll(self, value: int) -> None:
        if self.messages.rowCount():
            if value < _NEAR_END_PX:
                self._earlier_timer.start()
            if value > self.verticalScrollBar().maximum() - _NEAR_END_PX:
                self._later_timer.start()

    @Slot()
    def _fill_view(self) -> None:
        """Loads more messages while they fit into the view, where nobody can scroll to them."""
        self.executeDelayedItemsLayout()
        if self.messages.rowCount() and self.verticalScrollBar().maximum() < _NEAR_END_PX:
            self.earlier_needed.emit()

    def clear_current_in(self, rows: range) -> None:
        """Leaves no message current if the current one is in these rows: Qt would choose a neighbour."""
        if self.currentIndex().row() in rows:
            self.selectionModel().clear()

    @property
    def current_row(self) -> int:
        """The row of the current message, else of the last visible one; -1 if there are no messages."""
        row = self.currentIndex().row()
        if row < 0:
            bottom = self.viewport().rect().bottom() - 8  # in a message, not in the gap below it
            rows = (self.indexAt(QPoint(9, y)).row() for y in range(bottom, 0, -24))
            row = next((row for row in rows if row >= 0), -1)
        return row if row >= 0 else self.messages.rowCount() - 1

    @property
    def current_text(self) -> str:
        """The text of the current message; "" if there are no messages."""
        return self.messages.item_at(self.current_row).text if self.current_row >= 0 else ""

    @Slot()
    def read_again(self) -> None:
        """Has the current message spoken."""
        if self.current_row >= 0:
            self.read_requested.emit(self.current_text)

    @Slot()
    def spell_current(self) -> None:
        """Has the current message spelled."""
        if self.current_row >= 0:
            from assistant.text.speech_text import spell_out

            self.read_requested.emit(spell_out(self.current_text))

    @Slot()
    def copy_current(self) -> None:
        """Copies the text of the current message."""
        if self.current_row >= 0:
            QGuiApplication.clipboard().setText(self.current_text)
            self.announced.emit(tr("Copied"))

    @Slot()
    def copy_code(self) -> None:
        """Copies the code blocks of the current message, if it has any."""
        from ui.conversation import markdown_document

        if self.current_row >= 0 and (code := markdown_document.find_code(self.current_text)):
            QGuiApplication.clipboard().setText(code)
            self.announced.emit(tr("Code copied"))

    @Slot()
    def ask_again(self) -> None:
        """Asks the question of the current message again."""
        self._emit_question(self.ask_again_requested)

    @Slot()
    def edit_question(self) -> None:
        """Lets the user change the question of the current message."""
        self._emit_question(self.edit_requested)

    @Slot()
    def open_link(self) -> None:
        """Offers the links of the current message."""
        if self.current_row >= 0:
            from ui.conversation import links, markdown_document

            links.ask_to_open(self, markdown_document.find_links(self.current_text))

    def _emit_question(self, signal: Any) -> None:
        question = self.messages.question_row_before(self.current_row)
        if question >= 0:
            signal.emit(question)

    @Slot(QModelIndex)
    def _on_current(self, current: QModelIndex) -> None:
        if current.row() == 0:
            self._earlier_timer.start()
        if current.row() == self.messages.rowCount() - 1:
            self._later_timer.start()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Starts at the newest visible message; Qt would start at the oldest."""
        if not self.currentIndex().isValid() and self.messages.rowCount():
            self.setCurrentIndex(self.messages.index(self.current_row))
        super().focusInEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.messages.rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setPen(QColor(theme.current_theme().muted))
            painter.setFont(theme.scaled_font(1.15))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            text = tr("Drop a picture and ask about it.\nHold F9 and talk, or type below.")
            painter.drawText(self.viewport().rect(), flags, text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_jump = event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End)
        if is_jump:
            (self.start_requested if event.key() == Qt.Key.Key_Home else self.end_requested).emit()
        row, last = self.current_row, self.messages.rowCount() - 1
        targets = {Qt.Key.Key_J: row + 1, Qt.Key.Key_K: row - 1, Qt.Key.Key_Home: 0, Qt.Key.Key_End: last}
        actions = {
            Qt.Key.Key_Space: self.read_again, Qt.Key.Key_R: self.read_again, Qt.Key.Key_C: self.copy_current,
            Qt.Key.Key_A: self.ask_again, Qt.Key.Key_E: self.edit_question, Qt.Key.Key_L: self.open_link,
            Qt.Key.Key_B: self.copy_code, Qt.Key.Key_S: self.spell_current,
        }  # fmt: skip
        is_plain = is_jump or not event.modifiers() & (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        )
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_current()
        elif is_plain and event.key() in targets and last >= 0:
            self.setCurrentIndex(self.messages.index(max(0, min(last, targets[Qt.Key(event.key())]))))
        elif is_plain and event.key() in actions and row >= 0:
            actions[Qt.Key(event.key())]()
        else:
            super().keyPressEvent(event)
