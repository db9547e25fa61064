"""The buttons for the selected message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QGridLayout, QPushButton, QWidget

from assistant.text.i18n import tr
from ui.conversation.view import ConversationView
from ui.widgets.labels import set_tool_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent


class MessageActionBar(QWidget):
    """What can be done with a message, as buttons; the same keys work in the list."""

    def __init__(self, conversation: ConversationView) -> None:
        super().__init__()
        self._rows = QGridLayout(self)
        self._rows.setContentsMargins(24, 2, 24, 10)
        self._rows.setSpacing(4)
        self.buttons: list[QPushButton] = []
        self._places: list[tuple[int, int]] = []
        self._has: tuple[bool, bool, bool] | None = None  # a message, code in it, a link in it
        for text, told, slot in (
            (tr("Read again"), tr("Read the chosen message again (R)"), conversation.read_again),
            (tr("Copy"), tr("Copy the chosen message (C)"), conversation.copy_current),
            (tr("Copy code"), tr("Copy the code in the chosen message (B)"), conversation.copy_code),
            (
                tr("Ask again"),
                tr("Ask its question again, in a branch of the conversation (A)"),
                conversation.ask_again,
            ),
            (tr("Edit"), tr("Change its question and ask from there, in a branch (E)"), conversation.change_question),
            (tr("Links"), tr("Open a link that it names, after asking (L)"), conversation.open_link),
        ):
            button = QPushButton(text, self)
            set_tool_tip(button, told)
            button.setAccessibleDescription(told)
            button.setProperty("flat", True)
            button.clicked.connect(slot)
            self.buttons.append(button)
        _, _, self._copy_code, _, _, self._links = self.buttons
        self._conversation = conversation
        kept = conversation.messages
        self._soon = QTimer(self, singleShot=True, interval=0)  # once for all that happens in between
        self._soon.timeout.connect(self._fit_width)
        for signal in (kept.rowsInserted, kept.rowsRemoved, kept.modelReset, kept.dataChanged):
            signal.connect(self._soon.start)
        conversation.selectionModel().currentChanged.connect(self._soon.start)
        self._fit_width()

    @Slot()
    def _fit_width(self) -> None:
        """Only what the chosen message has."""
        row = self._conversation.current_row
        text = self._conversation.messages.message_at(row).text if row >= 0 else ""
        has = (row >= 0, "```" in text, "://" in text)
        if has == self._has:
            return  # as for nearly every token of an answer
        self._has = has
        self.setVisible(has[0])
        self._copy_code.setVisible(has[1])
        self._links.setVisible(has[2])
        self._arrange_buttons()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange_buttons()

    def _arrange_buttons(self) -> None:
        """In as many rows as the width needs."""
        shown = [button for button in self.buttons if not button.isHidden()]
        widest = max((button.sizeHint().width() for button in shown), default=1) + self._rows.spacing()
        columns = max(1, (self.width() - 48) // widest)
        places = [(at // columns, at % columns) for at in range(len(shown))]
        if places != self._places:
            self._places = places
            for column in range(len(self.buttons)):
                self._rows.setColumnStretch(column, 0)
            for button, (row, column) in zip(shown, places, strict=True):
                self._rows.addWidget(button, row, column)
            self._rows.setColumnStretch(columns, 1)
