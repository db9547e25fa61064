"""The window: puts the views side by side and turns what a person does into calls. Knows nothing of events."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from PySide6.QtCore import QBuffer, Qt, Slot
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QShortcut,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QMessageBox, QVBoxLayout, QWidget

from assistant.settings import FASTEST, SLOWEST
from ui import style, words
from ui.bar import Bar
from ui.bridge import Bridge
from ui.conversation import Conversation, Messages
from ui.keys import Keys
from ui.pictures import Tray
from ui.presenter import Presenter
from ui.side import Side


class Window(QMainWindow):
    """Everything that a person sees. Events come in through the bridge, one slot takes them."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.bridge, self.engine = bridge, bridge.engine
        self.setWindowTitle("Hark")
        self.resize(1240, 800)
        self.setMinimumSize(760, 480)
        self.setAcceptDrops(True)
        self.side, self.bar, self.tray = Side(bridge.settings), Bar(), Tray()
        self.conversation = Conversation(Messages())
        self.presenter = Presenter(self)
        self.keys = Keys(QApplication.instance())
        self._lay_out()
        self._connect()
        self.bar.status.setText(words.STATES["loading"])
        self.bar.field.setFocus()

    def _lay_out(self) -> None:
        self.tray.setFixedWidth(300)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.side)
        middle.addWidget(self.conversation, 1)
        middle.addWidget(self.tray)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(middle, 1)
        column.addWidget(self.bar)
        self.setCentralWidget(whole)
        order = (
            self.bar.field, self.bar.ask, self.bar.talk, self.bar.stop, self.conversation, self.tray.list,
            self.tray.add, self.tray.let_go, self.side.new, self.side.voice, self.side.input, self.side.output,
            self.side.free, self.side.headphones,
        )  # fmt: skip
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)
        self._places = (self.bar.field, self.conversation, self.tray.add, self.side.new)

    def _connect(self) -> None:
        self.bridge.happened.connect(self.presenter.on_event)
        for signal, slot in (
            (self.keys.talk_down, self.talk_down), (self.keys.talk_up, self.talk_up), (self.keys.stop, self.stop),
            (self.keys.pasted, self.paste),
        ):  # fmt: skip
            signal.connect(slot)
        self.bar.asked.connect(self.ask)
        self.bar.stopped.connect(self.stop)
        self.bar.talk.down.connect(self.on_talk)
        self.bar.talk.up.connect(self.on_talk_end)
        self.conversation.again.connect(self.on_again)
        self.tray.files.connect(self.on_files)
        self.tray.encoded.connect(self.on_encoded)
        self.tray.forgotten.connect(self.on_forget)
        self.side.chosen.connect(self.on_choice)
        self.side.hands_free.connect(self.on_hands_free)
        self.side.fresh.connect(self.new_conversation)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self.on_scheme)
        for keys, slot in (
            ("Ctrl+O", self.tray.pick), ("F7", self.capture), ("F1", self.help), ("Ctrl+N", self.new_conversation),
            ("F6", self.next_place), ("Alt+Left", self.sentence_before), ("Alt+Right", self.sentence_after),
            ("Alt+Up", self.faster), ("Alt+Down", self.slower),
            ("Ctrl+,", self.side.voice.setFocus), ("Ctrl+H", self.side.free.toggle),
            ("Ctrl+L", self.bar.field.setFocus),
        ):  # fmt: skip
            QShortcut(QKeySequence(keys), self).activated.connect(slot)

    @Slot(str)
    def ask(self, text: str) -> None:
        self.engine.ask(text)

    @Slot()
    def stop(self) -> None:
        self.engine.interrupt()

    @Slot()
    def on_talk(self) -> None:
        self.engine.press()

    @Slot(bool)
    def on_talk_end(self, tapped: bool) -> None:
        if tapped:
            self.engine.tap()
        else:
            self.engine.release()

    @Slot(str)
    def on_again(self, text: str) -> None:
        self.engine.say(text)

    @Slot(list)
    def on_files(self, paths: list[str]) -> None:
        for path in paths:
            self.engine.show(path)

    @Slot(bytes, str)
    def on_encoded(self, data: bytes, name: str) -> None:
        self.engine.show_image(data, name)

    @Slot(str)
    def on_forget(self, digest: str) -> None:
        self.engine.forget(digest)

    @Slot(str, str, object)
    def on_choice(self, section: str, field: str, value: object) -> None:
        settings = self.bridge.settings
        part = replace(getattr(settings, section), **{field: value})
        why_not = self.bridge.change(replace(settings, **{section: part}))
        if why_not:
            self.presenter.note(why_not)

    @Slot(bool)
    def on_hands_free(self, on: bool) -> None:
        self.engine.listen(on)

    @Slot()
    def new_conversation(self) -> None:
        self.conversation.messages.clear()
        self.tray.clear()
        self.engine.open(None)
        self.presenter.announce("New conversation")

    @Slot()
    def capture(self) -> None:
        """The screen that the window is on, as a picture."""
        shot = self.screen().grabWindow(0)
        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.WriteOnly)
        shot.save(buffer, "PNG")
        self.engine.show_image(bytes(buffer.data().data()), "screen.png")

    @Slot()
    def sentence_before(self) -> None:
        self.engine.skip(-1)

    @Slot()
    def sentence_after(self) -> None:
        self.engine.skip(1)

    @Slot()
    def faster(self) -> None:
        self._speed(0.1)

    @Slot()
    def slower(self) -> None:
        self._speed(-0.1)

    def _speed(self, by: float) -> None:
        speed = round(min(max(self.bridge.settings.speak.speed + by, SLOWEST), FASTEST), 1)
        self.on_choice("speak", "speed", speed)
        self.presenter.announce(f"Speed {speed:.0%}")

    @Slot()
    def next_place(self) -> None:
        now = next((at for at, place in enumerate(self._places) if place.hasFocus()), -1)
        self._places[(now + 1) % len(self._places)].setFocus(Qt.FocusReason.TabFocusReason)

    @Slot()
    def help(self) -> None:
        box = QMessageBox(self)
        box.setWindowTitle("Keys")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText("\n".join(f"{keys}: {what}" for keys, what in words.KEYS))
        box.open()

    @Slot()
    def on_scheme(self) -> None:
        style.apply(QApplication.instance())
        self.conversation.refresh()
        self.side.dress()

    @Slot()
    def talk_down(self) -> None:
        if self.bar.talk.isEnabled():
            self.bar.talk.push()

    @Slot()
    def talk_up(self) -> None:
        if self.bar.talk.isEnabled():
            self.bar.talk.let_go()

    @Slot()
    def paste(self) -> None:
        """A picture goes to the tray; text goes where it always goes."""
        data = QGuiApplication.clipboard().mimeData()
        self.keys.taken = bool(data) and self.tray.wants(data)
        if self.keys.taken:
            self._take(self.tray.take(data))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        event.acceptProposedAction()
        self.tray.over(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.tray.over(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.tray.over(False)
        event.acceptProposedAction()
        self._take(self.tray.take(event.mimeData()))

    def _take(self, why_not: str) -> None:
        if why_not:
            self.presenter.note(why_not)
