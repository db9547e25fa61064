"""The column on the left: what answers, the voice, the devices. Knows nothing of the engine."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget

from assistant.settings import Settings
from ui import style

_SYSTEM = "The system's own"


class Picker(QComboBox):
    """A combo box with an arrow of its own: the style sheet's needs a picture file."""

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(style.theme().muted), 1.6))
        x, y = self.width() - 20, self.height() // 2 - 2
        painter.drawPolyline([QPointF(x, y), QPointF(x + 4, y + 4), QPointF(x + 8, y)])


class Side(QWidget):
    """`chosen` gives a settings' section, field and value."""

    chosen = Signal(str, str, object)
    hands_free, fresh = Signal(bool), Signal()

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
        self._column.addSpacing(style.SPACE)
        self.new = QPushButton("New conversation")
        self.new.setToolTip("Begin a new conversation (Ctrl+N)")
        self.new.clicked.connect(self.fresh)
        self._column.addWidget(self.new)
        self._column.addSpacing(style.SPACE)
        self.voice = self._choice("Voice", "speak", "voice")
        self.input = self._choice("Microphone", "sound", "input")
        self.output = self._choice("Speaker", "sound", "output")
        self._column.addSpacing(style.SPACE)
        self.free = QCheckBox("Hands-free")
        self.free.setToolTip("Speech itself begins a question, without key or button")
        self.free.toggled.connect(self.hands_free)
        self.headphones = QCheckBox("I use headphones")
        self.headphones.setToolTip("Hark cannot hear itself, so you can always interrupt by speaking")
        self.headphones.setChecked(settings.sound.headphones)
        self.headphones.toggled.connect(self._on_headphones)
        for box in (self.free, self.headphones):
            self._column.addWidget(box)
        self._column.addStretch(1)
        here = self._label("● Stays on this computer")
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
        look = "Starter kit" if settings.look.responder == "starter" else settings.look.model or "Qwen2-VL"
        hear = "English speech" if settings.hear.transcriber == "sphinx" else "Whisper"
        self.parts.setText(f"{look} · {hear}")

    def dress(self) -> None:
        """The colours changed."""
        self._here.setStyleSheet(f"color: {style.theme().accent}")

    def offer(self, box: QComboBox, entries: list[tuple[str, str]], chosen: str) -> None:
        """Fills a picker with ids and names; what is chosen stays, also when it is not there."""
        blocked = QSignalBlocker(box)
        box.clear()
        if box is not self.voice:
            box.addItem(_SYSTEM, "")
        for value, name in entries:
            box.addItem(name, value)
        if box.findData(chosen) < 0:
            box.addItem(f"{chosen} (not here)", chosen)
        box.setCurrentIndex(box.findData(chosen))
        blocked.unblock()

    def _choice(self, name: str, section: str, field: str) -> QComboBox:
        label = self._label(name, quiet=True)
        box = Picker()
        box.setAccessibleName(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(12)
        box.setProperty("section", section)
        box.setProperty("field", field)
        box.activated.connect(self._on_choice)
        label.setBuddy(box)
        self._column.addWidget(box)
        self._column.addSpacing(4)
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

    @Slot(bool)
    def _on_headphones(self, on: bool) -> None:
        self.chosen.emit("sound", "headphones", on)
