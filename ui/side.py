"""The column on the left: conversations, the voice, the devices, what answers. Knows nothing of the engine."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget

from assistant.settings import Settings
from assistant.words.tongue import tr
from ui import style
from ui.past import Past
from ui.picker import Picker


class Side(QWidget):
    """`chosen` gives a settings' section, field and value."""

    chosen = Signal(str, str, object)
    hands_free, fresh, secret = Signal(bool), Signal(), Signal(bool)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("side")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(232)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(22, 20, 18, 20)
        self._column.setSpacing(6)
        name = self._label("Hark")
        name.setFont(style.font(1.35, QFont.Weight.Bold))
        self.new = QPushButton(tr("New conversation"))
        self.new.setToolTip(tr("Begin a new conversation (Ctrl+N)"))
        self.new.clicked.connect(self.fresh)
        self.past = Past()
        self._column.addWidget(self.new)
        self._column.addWidget(self.past, 1)
        self.voice = self._choice(tr("Voice"), "speak", "voice")
        self.input = self._choice(tr("Microphone"), "sound", "input")
        self.output = self._choice(tr("Speaker"), "sound", "output")
        self.free = QCheckBox(tr("Hands-free"))
        self.free.setToolTip(tr("Speech itself begins a question, without key or button (Ctrl+H)"))
        self.free.toggled.connect(self.hands_free)
        self.private = QCheckBox(tr("Private"))
        self.private.setToolTip(tr("Begins a conversation that is not saved"))
        self.private.clicked.connect(self.secret)
        self.options = QPushButton(tr("Settings"))
        self.options.setToolTip(tr("All settings (Ctrl+comma)"))
        for widget in (self.free, self.private, self.options):
            self._column.addWidget(widget)
        here = self._label("● " + tr("Stays on this computer"))
        here.setStyleSheet(f"color: {style.theme().accent}")
        self._here = here
        self.parts = self._label("", quiet=True)
        self.parts.setWordWrap(True)
        self.show_settings(settings)
        self.offer(self.voice, [(settings.speak.voice, settings.speak.voice)], settings.speak.voice)
        self.offer(self.input, [], settings.sound.input)
        self.offer(self.output, [], settings.sound.output)

    def show_settings(self, settings: Settings) -> None:
        """Says what hears and what answers."""
        look = tr("Starter kit") if settings.look.responder == "starter" else settings.look.model or "Qwen2-VL"
        hear = tr("English speech") if settings.hear.transcriber == "sphinx" else settings.hear.model or "Whisper"
        self.parts.setText(f"{look} · {hear}")

    def dress(self) -> None:
        """The colours changed."""
        self._here.setStyleSheet(f"color: {style.theme().accent}")

    def offer(self, box: QComboBox, entries: list[tuple[str, str]], chosen: str) -> None:
        """Fills a picker with ids and names; what is chosen stays, also when it is not there."""
        blocked = QSignalBlocker(box)
        box.clear()
        if box is not self.voice:
            box.addItem(tr("The system's own"), "")
        for value, name in entries:
            box.addItem(name, value)
        if box.findData(chosen) < 0:
            box.addItem(tr("{name} (not here)").format(name=chosen), chosen)
        box.setCurrentIndex(box.findData(chosen))
        blocked.unblock()

    def _choice(self, name: str, section: str, field: str) -> QComboBox:
        label = self._label(name, quiet=True)
        box = Picker()
        box.setAccessibleName(name)
        box.setProperty("section", section)
        box.setProperty("field", field)
        box.activated.connect(self._on_choice)
        label.setBuddy(box)
        self._column.addWidget(box)
        return box

    def _label(self, text: str, quiet: bool = False) -> QLabel:
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("quiet", quiet)
        if quiet:
            label.setFont(style.font(0.92))
        self._column.addWidget(label)
        return label

    @Slot(int)
    def _on_choice(self, _row: int) -> None:
        box = self.sender()
        assert isinstance(box, QComboBox)
        self.chosen.emit(box.property("section"), box.property("field"), box.currentData())
