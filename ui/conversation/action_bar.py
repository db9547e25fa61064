"""The buttons that act on the current message."""

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
    """A row of buttons for the actions that the keys of the list have too; more rows where the window is narrow."""

    def __init__(self, conversation: ConversationView) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(24, 2, 24, 10)
        self._grid.setSpacing(4)
        self.buttons: list[QPushButton] = []
        self._cells: list[tuple[int, int]] = []  # the row and column of each visible button
        self._content: tuple[bool, bool, bool] | None = None  # whether there is a message, code in it, a link in it
        for text, description, slot in (
            (tr("Read again"), tr("Read the chosen message again (R)"), conversation.read_again),
            (tr("Copy"), tr("Copy the chosen message (C)"), conversation.copy_current),
            (tr("Copy code"), tr("Copy the code in the chosen message (B)"), conversation.copy_code),
            (
                tr("Ask again"),
                tr("Ask its question again, in a branch of the conversation (A)"),
                conversation.ask_again,
            ),
            (tr("Edit"), tr("Change its question and ask from there, in a branch (E)"), conversation.edit_question),
            (tr("Links"), tr("Open a link that it names, after asking (L)"), conversation.open_link),
        ):
            button = QPushButton(text, self)
            set_tool_tip(button, description)
            button.setAccessibleDescription(description)
            button.setProperty("flat", True)
            button.clicked.connect(slot)
            self.buttons.append(button)
        _, _, self._copy_code_button, _, _, self._links_button = self.buttons
        self._conversation = conversation
        model = conversation.messages
        self._fit_timer = QTimer(self, singleShot=True, interval=0)  # once for all changes until then
        self._fit_timer.timeout.connect(self._update_buttons)
        for signal in (model.rowsInserted, model.rowsRemoved, model.modelReset, model.dataChanged):
            signal.connect(self._fit_timer.start)
        conversation.selectionModel().currentChanged.connect(self._fit_timer.start)
        self._update_buttons()

    @Slot()
    def _update_buttons(self) -> None:
        """Shows the buttons that make sense for the current message."""
        text = self._conversation.current_text
        content = has_message, has_code, has_link = self._conversation.current_row >= 0, "```" in text, "://" in text
        if content == self._content:
            return  # as after nearly every token of an answer
        self._content = content
        self.setVisible(has_message)
        self._copy_code_button.setVisible(has_code)
        self._links_button.setVisible(has_link)
        self._arrange_buttons()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange_buttons()

    def _arrange_buttons(self) -> None:
        """Puts the visible buttons into as many rows as the width requires."""
        buttons = [button for button in self.buttons if not button.isHidden()]
        column_width = max((button.sizeHint().width() for button in buttons), default=1) + self._grid.spacing()
        columns = max(1, (self.width() - 48) // column_width)
        cells = [divmod(position, columns) for position in range(len(buttons))]
        if cells != self._cells:
            self._cells = cells
            for column in range(len(self.buttons)):
                self._grid.setColumnStretch(column, 0)
            for button, (row, column) in zip(buttons, cells, strict=True):
                self._grid.addWidget(button, row, column)
            self._grid.setColumnStretch(columns, 1)
