"""The column on the left: the conversations, the voice and the most used switches."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from assistant.setting_change import SettingChange
from assistant.settings import Settings
from assistant.text.i18n import tr
from ui import theme
from ui.sidebar.conversation_list import ConversationPanel
from ui.widgets.combo_box import ComboBox
from ui.widgets.labels import PlainLabel, set_tool_tip


class Sidebar(QWidget):
    """The column with the conversations, the voice and the most used switches.

    `setting_changed` carries a `SettingChange` when the user chooses another voice; `hands_free_toggled` and
    `private_toggled` carry whether the box is ticked now; `settings_requested` and `models_requested` ask for these
    dialogs."""

    setting_changed = Signal(object)
    hands_free_toggled, private_toggled = Signal(bool), Signal(bool)
    new_conversation_requested, settings_requested, models_requested = Signal(), Signal(), Signal()

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("side")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(max(232, theme.letter_width(29)))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(22, 20, 18, 20)
        self._column.setSpacing(6)
        title = self._add_label("Hark")
        title.setFont(theme.scaled_font(1.35, QFont.Weight.Bold))
        self.new_button = QPushButton(tr("New conversation"))
        set_tool_tip(self.new_button, tr("Begin a new conversation (Ctrl+N)"))
        self.new_button.clicked.connect(self.new_conversation_requested)
        self.conversation_panel = ConversationPanel()
        self._column.addWidget(self.new_button)
        self._column.addWidget(self.conversation_panel, 1)
        self.voice_box = ComboBox()
        self.voice_box.setAccessibleName(tr("Voice"))
        self.voice_box.activated.connect(self._emit_voice)
        label = self._add_label(tr("Voice"), is_quiet=True)
        label.setBuddy(self.voice_box)
        self._column.addWidget(self.voice_box)
        self.hands_free_box = QCheckBox(tr("Hands-free"))
        set_tool_tip(self.hands_free_box, tr("Speech itself begins a question, without key or button (Ctrl+H)"))
        self.hands_free_box.toggled.connect(self.hands_free_toggled)
        self.private_box = QCheckBox(tr("Private"))
        set_tool_tip(self.private_box, tr("Begins a conversation that is not saved"))
        self.private_box.clicked.connect(self.private_toggled)
        self.settings_button = QPushButton(tr("Settings"))
        set_tool_tip(self.settings_button, tr("All settings (Ctrl+comma)"))
        self.settings_button.clicked.connect(self.settings_requested)
        self.models_button = QPushButton(tr("Models"))
        set_tool_tip(self.models_button, tr("Get Whisper, Qwen2-VL and voices, choose and remove them (Ctrl+M)"))
        self.models_button.clicked.connect(self.models_requested)
        for widget in (self.hands_free_box, self.private_box, self.models_button, self.settings_button):
            self._column.addWidget(widget)
        self._add_label("● " + tr("Stays on this computer")).setObjectName("here")
        self.backends_label = self._add_label("", is_quiet=True)
        self.backends_label.setWordWrap(True)
        self.show_settings(settings)
        self.show_voices([(settings.voice.id, settings.voice.id)], settings.voice.id)

    @property
    def tab_order(self) -> tuple[QWidget, ...]:
        """The controls in the order in which Tab reaches them."""
        return (
            self.new_button, *self.conversation_panel.tab_order, self.voice_box,
            self.hands_free_box, self.private_box, self.models_button, self.settings_button,
        )  # fmt: skip

    @property
    def main_control(self) -> QWidget:
        """The control that F6 goes to."""
        return self.conversation_panel.main_control

    def show_voices(self, voices: Sequence[tuple[str, str]], selected: str) -> None:
        """Offers voices, pairs of an id and a name, and selects one by its id."""
        self.voice_box.set_entries(voices, selected)

    @Slot(bool)
    def set_private(self, is_private: bool) -> None:
        """Shows whether the conversation is private, without emitting `private_toggled`."""
        self.private_box.setChecked(is_private)

    @Slot()
    def toggle_hands_free(self) -> None:
        """Turns hands-free listening on or off."""
        self.hands_free_box.toggle()

    def focus_search(self) -> None:
        """Goes to the search of conversations and selects what is in it."""
        self.conversation_panel.focus_search()

    def show_settings(self, settings: Settings) -> None:
        """Shows which models answer and transcribe."""
        responder = (
            tr("Starter kit") if settings.responder.backend == "starter" else settings.responder.model or "Qwen2-VL"
        )
        transcriber = (
            tr("English speech")
            if settings.transcriber.backend == "sphinx"
            else settings.transcriber.model or "Whisper"
        )
        self.backends_label.setText(f"{responder} · {transcriber}")

    def _add_label(self, text: str, is_quiet: bool = False) -> PlainLabel:
        label = PlainLabel(text)
        label.setProperty("quiet", is_quiet)
        if is_quiet:
            label.setFont(theme.scaled_font(0.92))
        self._column.addWidget(label)
        return label

    @Slot(int)
    def _emit_voice(self, _row: int) -> None:
        self.setting_changed.emit(SettingChange("voice", "id", self.voice_box.currentData()))
