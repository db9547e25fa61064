"""The column on the left: conversations, the voice, what answers. Knows nothing of the engine."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from assistant.settings import Settings
from assistant.text.i18n import tr
from ui import theme
from ui.sidebar.conversation_list import ConversationPanel
from ui.widgets.combo_box import ComboBox
from ui.widgets.labels import PlainLabel, set_tool_tip


class Sidebar(QWidget):
    """`chosen` gives a settings' section, field and value."""

    chosen = Signal(str, str, object)
    hands_free, fresh, secret = Signal(bool), Signal(), Signal(bool)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("side")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(max(232, theme.letter_width(29)))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(22, 20, 18, 20)
        self._column.setSpacing(6)
        name = self._add_label("Hark")
        name.setFont(theme.scaled_font(1.35, QFont.Weight.Bold))
        self.new = QPushButton(tr("New conversation"))
        set_tool_tip(self.new, tr("Begin a new conversation (Ctrl+N)"))
        self.new.clicked.connect(self.fresh)
        self.past = ConversationPanel()
        self._column.addWidget(self.new)
        self._column.addWidget(self.past, 1)
        self.voice = ComboBox()
        self.voice.setAccessibleName(tr("Voice"))
        self.voice.activated.connect(self._on_voice)
        label = self._add_label(tr("Voice"), quiet=True)
        label.setBuddy(self.voice)
        self._column.addWidget(self.voice)
        self.free = QCheckBox(tr("Hands-free"))
        set_tool_tip(self.free, tr("Speech itself begins a question, without key or button (Ctrl+H)"))
        self.free.toggled.connect(self.hands_free)
        self.private = QCheckBox(tr("Private"))
        set_tool_tip(self.private, tr("Begins a conversation that is not saved"))
        self.private.clicked.connect(self.secret)
        self.options = QPushButton(tr("Settings"))
        set_tool_tip(self.options, tr("All settings (Ctrl+comma)"))
        self.models = QPushButton(tr("Models"))
        set_tool_tip(self.models, tr("Get Whisper, Qwen2-VL and voices, choose and remove them (Ctrl+M)"))
        for widget in (self.free, self.private, self.models, self.options):
            self._column.addWidget(widget)
        self._add_label("● " + tr("Stays on this computer")).setObjectName("here")
        self.parts = self._add_label("", quiet=True)
        self.parts.setWordWrap(True)
        self.show_settings(settings)
        self.voice.offer_entries([(settings.voice.id, settings.voice.id)], settings.voice.id)

    def show_settings(self, settings: Settings) -> None:
        """Says what hears and what answers."""
        look = tr("Starter kit") if settings.responder.backend == "starter" else settings.responder.model or "Qwen2-VL"
        hear = (
            tr("English speech")
            if settings.transcriber.backend == "sphinx"
            else settings.transcriber.model or "Whisper"
        )
        self.parts.setText(f"{look} · {hear}")

    def _add_label(self, text: str, quiet: bool = False) -> PlainLabel:
        label = PlainLabel(text)
        label.setProperty("quiet", quiet)
        if quiet:
            label.setFont(theme.scaled_font(0.92))
        self._column.addWidget(label)
        return label

    @Slot(int)
    def _on_voice(self, _row: int) -> None:
        self.chosen.emit("voice", "id", self.voice.currentData())
