"""The bar at the bottom: the talk button, the state of the engine, the question field and the stop button."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from assistant.text.i18n import tr
from ui import theme
from ui.input_bar.question_field import MAX_QUESTION_LETTERS, TOO_LONG, QuestionField
from ui.input_bar.talk_button import TalkButton
from ui.input_bar.timings import TimingsBar
from ui.widgets.labels import PlainLabel, set_tool_tip
from ui.widgets.level_meter import LevelMeter

if TYPE_CHECKING:
    from assistant.events import TurnTimings


class InputBar(QWidget):
    """The bar with everything that a question needs.

    `question_submitted` carries the text of a question; `text_rejected` carries a sentence on why a text was not
    accepted: a typed one stays in the field. `stop_requested` is emitted when the stop button is pressed,
    `talk_pressed` when the talk button goes down, `talk_released` when it goes up, with whether it was only tapped.
    `conversations_toggled` and `pictures_toggled` carry whether the button of that column is checked now."""

    question_submitted, text_rejected, stop_requested = Signal(str), Signal(str), Signal()
    talk_pressed, talk_released = Signal(), Signal(bool)
    conversations_toggled, pictures_toggled = Signal(bool), Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.talk_button, self.level_meter = TalkButton(), LevelMeter()
        self.question_field, self.timings_bar = QuestionField(), TimingsBar()
        self.caption_label, self.status_label = PlainLabel(), PlainLabel()
        self.caption_label.setObjectName("caption")
        self.status_label.setObjectName("status")
        for label in (self.caption_label, self.status_label):
            label.setWordWrap(True)
            policy = label.sizePolicy()  # the fixed width of the meter must not limit the labels
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
        self.talk_button.talk_pressed.connect(self.talk_pressed)
        self.talk_button.talk_released.connect(self.talk_released)
        self.ask_button.clicked.connect(self._submit)
        self.question_field.enter_pressed.connect(self._submit)
        self.question_field.text_rejected.connect(self.text_rejected)
        self.conversations_button, self.pictures_button = QPushButton(tr("Conversations")), QPushButton(tr("Pictures"))
        for button in (self.conversations_button, self.pictures_button):  # shown while the window is narrow
            button.setCheckable(True)
            button.hide()
        self.conversations_button.clicked.connect(self.conversations_toggled)
        self.pictures_button.clicked.connect(self.pictures_toggled)
        self._lay_out()

    def _lay_out(self) -> None:
        state = QVBoxLayout()
        state.setSpacing(4)
        state.addStretch(1)
        for widget in (self.level_meter, self.caption_label, self.status_label, self.timings_bar):
            state.addWidget(widget)
        state.addStretch(1)
        buttons, column_buttons = QHBoxLayout(), QHBoxLayout()
        for row, pair in (
            (buttons, (self.ask_button, self.stop_button)),
            (column_buttons, (self.conversations_button, self.pictures_button)),
        ):
            row.setSpacing(10)
            for button in pair:
                row.addWidget(button)
        column_buttons.addStretch(1)
        self._question_row = QWidget()
        self._question_layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._question_row)
        self._question_layout.setContentsMargins(0, 0, 0, 0)
        self._question_layout.setSpacing(10)
        self._question_layout.addWidget(self.question_field, 1)
        self._question_layout.addLayout(buttons)
        column, self._grid = QVBoxLayout(self), QGridLayout()
        column.setContentsMargins(22, 14, 22, 14)
        column.addLayout(column_buttons)
        column.addLayout(self._grid)
        self._grid.setHorizontalSpacing(16)
        self._grid.addWidget(self.talk_button, 0, 0)
        self._grid.addLayout(state, 0, 1)
        self._grid.setColumnStretch(1, 1)
        self.fit_width(narrow=False, tight=False)

    @property
    def tab_order(self) -> tuple[QWidget, ...]:
        """The controls in the order in which Tab reaches them."""
        return self.question_field, self.ask_button, self.talk_button, self.timings_bar, self.stop_button

    @property
    def main_control(self) -> QWidget:
        """The control that F6 goes to."""
        return self.question_field

    @property
    def can_talk(self) -> bool:
        """Whether the talk button can be pressed."""
        return self.talk_button.isEnabled()

    @property
    def talk_unavailable_reason(self) -> str:
        """Why talking is impossible at the moment, as a sentence; "" if it is possible."""
        return self.talk_button.unavailable_reason

    def press_talk_button(self) -> None:
        """Begins talking, as a press of the talk button does."""
        self.talk_button.press_down()

    def release_talk_button(self) -> None:
        """Ends talking, as the release of the talk button does."""
        self.talk_button.release_button()

    def set_talk_available(self, is_available: bool, reason: str) -> None:
        """Enables the talk button, or disables it and shows the reason as its tool tip."""
        self.talk_button.set_available(is_available, reason)

    def show_listening(self, is_listening: bool) -> None:
        """Shows whether the microphone is being listened to."""
        self.talk_button.show_listening(is_listening)

    def set_stop_enabled(self, is_enabled: bool) -> None:
        """Enables or disables the stop button. It stays enabled while it has the focus, which Qt would move on."""
        self.stop_button.setEnabled(is_enabled or self.stop_button.hasFocus())

    def add_level(self, level: float) -> None:
        """Shows a new level of the microphone, from 0 to 1."""
        self.level_meter.add_level(level)

    @Slot(str)
    def show_caption(self, text: str) -> None:
        """Shows what was heard so far of a question that is being spoken; "" for nothing."""
        self.caption_label.setText(text)

    @Slot(str)
    def show_status(self, text: str) -> None:
        """Shows a sentence on what Hark does."""
        self.status_label.setText(text)

    def show_timings(self, timings: TurnTimings) -> None:
        """Shows how long the stages of a turn that has ended took."""
        self.timings_bar.show_turn(timings)

    def show_conversations_button(self, is_visible: bool, is_checked: bool) -> None:
        """Shows or hides the button that opens the conversations; it is checked while they are open."""
        self.conversations_button.setVisible(is_visible)
        self.conversations_button.setChecked(is_checked)

    def show_pictures_button(self, is_visible: bool, is_checked: bool) -> None:
        """Shows or hides the button that opens the pictures; it is checked while they are open."""
        self.pictures_button.setVisible(is_visible)
        self.pictures_button.setChecked(is_checked)

    @Slot()
    def focus_question(self) -> None:
        """Goes to the question field."""
        self.question_field.setFocus()

    def fit_width(self, narrow: bool, tight: bool) -> None:
        """Arranges the bar: `narrow` puts the question field below the rest, `tight` its buttons below the field."""
        cell = (1, 0, 1, 3) if narrow else (0, 2, 1, 1)
        self._grid.addWidget(self._question_row, *cell)
        self._grid.setColumnStretch(2, 0 if narrow else 1)
        direction = QBoxLayout.Direction.TopToBottom if tight else QBoxLayout.Direction.LeftToRight
        self._question_layout.setDirection(direction)

    @Slot()
    def _submit(self) -> None:
        self.submit_text(self.question_submitted.emit)

    def submit_text(self, submit: Callable[[str], None]) -> None:
        """Passes the typed text to `submit` and empties the field; a text that is too long is rejected and stays."""
        text = self.question_field.typed_text().strip()
        if len(text) > MAX_QUESTION_LETTERS:
            self.text_rejected.emit(tr(TOO_LONG))
            return
        self.question_field.clear()
        submit(text)

    def edit_text(self, text: str) -> None:
        """Puts a text into the field in place of what is typed, and selects it."""
        self.question_field.replace_text(text)
        self.question_field.selectAll()
        self.question_field.setFocus()
