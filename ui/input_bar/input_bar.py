"""The bar at the bottom: talk, what is heard and done, the text field, stop. Knows nothing of the engine."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QBoxLayout,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from assistant.text.i18n import tr
from ui import theme
from ui.input_bar.question_field import MAX_QUESTION_LETTERS, TOO_LONG, QuestionField
from ui.input_bar.talk_button import TalkButton
from ui.input_bar.timings import TimingsBar
from ui.widgets.labels import PlainLabel, set_tool_tip
from ui.widgets.level_meter import LevelMeter


class InputBar(QWidget):
    """`asked` gives what was typed, `refused` why it was not taken; it stays in the field then."""

    question_submitted, text_rejected, stop_requested = Signal(str), Signal(str), Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.talk_button, self.level_meter, self.question_field, self.timings_bar = (
            TalkButton(),
            LevelMeter(),
            QuestionField(),
            TimingsBar(),
        )
        self.caption_label, self.status_label = PlainLabel(), PlainLabel()
        self.caption_label.setObjectName("caption")
        self.status_label.setObjectName("status")
        for label in (self.caption_label, self.status_label):
            label.setWordWrap(True)
            policy = label.sizePolicy()  # the meter's own width is not that of the words
            policy.setHorizontalPolicy(QSizePolicy.Policy.Expanding)
            label.setSizePolicy(policy)
        self.caption_label.setFont(theme.scaled_font(1.2))
        self.status_label.setProperty("quiet", True)
        self.status_label.setFont(theme.scaled_font(0.95))
        self.ask_button = QPushButton(tr("Ask"))
        set_tool_tip(self.ask_button, tr("Ask what is typed (Enter)"))
        self.stop_button = QPushButton("■  " + tr("Stop") + "   Ctrl")
        self.stop_button.setAccessibleName(tr("Stop speaking"))
        set_tool_tip(self.stop_button, tr("Stop speaking, at once (Ctrl, or Esc)"))
        self.stop_button.setObjectName("stop")
        self.stop_button.setEnabled(False)
        self.stop_button.clicked.connect(self.stop_requested)
        self.ask_button.clicked.connect(self._submit)
        self.question_field.enter_pressed.connect(self._submit)
        self.question_field.text_rejected.connect(self.text_rejected)
        self.conversations_button, self.pictures_button = QPushButton(tr("Conversations")), QPushButton(tr("Pictures"))
        for button in (
            self.conversations_button,
            self.pictures_button,
        ):  # shown where the window is too narrow for both sides
            button.setCheckable(True)
            button.hide()
        self._lay_out()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addStretch(1)
        for line in (self.level_meter, self.caption_label, self.status_label, self.timings_bar):
            words.addWidget(line)
        words.addStretch(1)
        self._typed = QWidget()
        typed = self._rows = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._typed)
        typed.setContentsMargins(0, 0, 0, 0)
        buttons, sides = QHBoxLayout(), QHBoxLayout()
        for row in (typed, buttons, sides):
            row.setSpacing(10)
        typed.addWidget(self.question_field, 1)
        typed.addLayout(buttons)
        for row, pair in (
            (buttons, (self.ask_button, self.stop_button)),
            (sides, (self.conversations_button, self.pictures_button)),
        ):
            for widget in pair:
                row.addWidget(widget)
        sides.addStretch(1)
        whole, self._grid = QVBoxLayout(self), QGridLayout()
        whole.setContentsMargins(22, 14, 22, 14)
        whole.addLayout(sides)
        whole.addLayout(self._grid)
        self._grid.setHorizontalSpacing(16)
        self._grid.addWidget(self.talk_button, 0, 0)
        self._grid.addLayout(words, 0, 1)
        self._grid.setColumnStretch(1, 1)
        self.fit_width(narrow=False, tight=False)

    def fit_width(self, narrow: bool, tight: bool) -> None:
        """Puts the text field below the rest where there is no room beside it, and the buttons below the field where
        there is none beside that."""
        place = (1, 0, 1, 3) if narrow else (0, 2, 1, 1)
        self._grid.addWidget(self._typed, *place)
        self._grid.setColumnStretch(2, 0 if narrow else 1)
        self._rows.setDirection(QBoxLayout.Direction.TopToBottom if tight else QBoxLayout.Direction.LeftToRight)

    @Slot()
    def _submit(self) -> None:
        self.submit_text(self.question_submitted.emit)

    def submit_text(self, submit: Callable[[str], None]) -> None:
        """Gives what is typed to `ask`, and empties the field; a text that is too long stays there."""
        text = self.question_field.typed_text().strip()
        if len(text) > MAX_QUESTION_LETTERS:
            self.text_rejected.emit(tr(TOO_LONG))
            return
        self.question_field.clear()
        submit(text)

    def edit_text(self, text: str) -> None:
        """Puts a text into the field, selected, in the place of what is typed."""
        self.question_field.replace_text(text)
        self.question_field.selectAll()
        self.question_field.setFocus()
