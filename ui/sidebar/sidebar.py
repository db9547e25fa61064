"""The column on the left: the conversations, the voice and the most used switches."""

from __future__ import annotations

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
    `private_toggled` carry whether the box is ticked now."""

    setting_changed = Signal(object)
    hands_free_toggled, private_toggled = Signal(bool), Signal(bool)
    new_conversation_requested = Signal()

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
        self.models_button = QPushButton(tr("Models"))
        set_tool_tip(self.models_button, tr("Get Whisper, Qwen2-VL and voices, choose and remove them (Ctrl+M)"))
        for widget in (self.hands_free_box, self.private_box, self.models_button, self.settings_button):
            self._column.addWidget(widget)
        self._add_label("● " + tr("Stays on this computer")).setObjectName("here")
        self.backends_label = self._add_label("", is_quiet=True)
        self.backends_label.setWordWrap(True)
        self.show_settings(settings)
        self.voice_box.set_entries([(settings.voice.id, settings.voice.id)], settings.voice.id)

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
