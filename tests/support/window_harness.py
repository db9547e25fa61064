"""A window without a screen or an engine: events are given to it by hand, and its calls are noted, not sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from assistant import events
from assistant.history.turn_recorder import TurnRecorder
from assistant.paths import AppPaths
from assistant.pictures import Picture
from assistant.settings import Settings
from ui import theme
from ui.engine_bridge import EngineBridge
from ui.main_window import MainWindow

CALLS = (
    "ask",
    "ask_again",
    "attach_file",
    "attach_image",
    "remove_picture",
    "interrupt",
    "press_talk_key",
    "tap_talk_key",
    "release_talk_key",
    "set_hands_free",
    "read_aloud",
    "stop",
    "open_conversation",
    "apply_settings",
    "rescan_models",
    "ask_audio_file",
    "edit_picture",
    "skip_sentences",
    "test_microphone",
)
Past = tuple[tuple[str, int], ...]
PAST: Past = (("Tea", 2), ("火车", 1), ("Long", 100))
SHOWN = events.PictureAdded("d" * 64, "p.png", 900, 600, 9, 6, bytes(162))


class WindowHarness:
    """A window over a history: in `past` the title of each conversation, and how many turns it has."""

    def __init__(self, qtbot: QtBot, home: Path, settings: Settings, past: Past = ()) -> None:
        self.qtbot = qtbot
        self.history = TurnRecorder(home)
        for title, turns in past:
            one = self.history.start_conversation(title)
            for number in range(turns):
                turn = self.history.add_turn(one, f"{title} question {number}", (Picture(2, 2, bytes(12), "a.png"),))
                self.history.update_turn(turn, f"{title} question {number}", f"answer {number}", "tiny", "answered")
        self.window = MainWindow(EngineBridge(settings, AppPaths.locate()))
        self.calls: list[tuple[Any, ...]] = []
        for name in CALLS:
            setattr(self.window.engine, name, lambda *given, name=name: self.calls.append((name, *given)))
        with qtbot.waitActive(self.window):
            self.window.show()
            self.window.activateWindow()
        with qtbot.waitSignal(self.window.keeper.opened):
            self.window.keeper.open_history(home)
        qtbot.wait(20)  # until all is laid out
        self.past, self.messages = self.window.side.conversation_panel, self.window.conversation.messages

    def close(self) -> None:
        self.window.keeper.close()
        self.history.close()
        self.window.hide()
        self.window.deleteLater()

    def on(self, *came: events.Event) -> None:
        """What the engine would tell."""
        for event in came:
            self.window.presenter.on_event(event)

    def titles(self) -> list[str]:
        return [self.past.model.index(row).data() for row in range(self.past.model.rowCount())]

    def texts(self) -> list[str]:
        return [self.messages.message_at(row).text for row in range(self.messages.rowCount())]

    def choose(self, title: str) -> None:
        self.past.conversation_list.setCurrentIndex(self.past.model.index(self.titles().index(title)))
        self.past.conversation_list.setFocus()

    def key(self, widget: Any, key: Qt.Key, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(widget, QKeyEvent(kind, key, modifiers))


def of_colour(widget: QWidget, colour: str) -> list[tuple[int, int]]:
    """The points of a widget, as it is drawn, that have a colour of the theme."""
    image, wanted = widget.grab().toImage(), QColor(colour).rgb()
    return [(x, y) for x in range(image.width()) for y in range(image.height()) if image.pixel(x, y) == wanted]


def bars(meter: QWidget) -> list[int]:
    """How high each bar of a level meter is drawn, in points."""
    drawn = [x for x, _ in of_colour(meter, theme.current_theme().accent)]
    return [max(drawn.count(x) for x in range(left, left + 7)) for left in range(0, meter.width(), 7)]
