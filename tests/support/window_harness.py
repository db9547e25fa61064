"""A window without a screen or an engine: tests feed it events, and its calls are recorded, not sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from assistant import events
from assistant.engine_api import EngineApi
from assistant.history.turn_recorder import TurnRecorder
from assistant.paths import AppPaths
from assistant.pictures import Picture
from assistant.settings import Settings
from ui import theme
from ui.wiring import DesktopApp

Past = tuple[tuple[str, int], ...]
PAST: Past = (("Tea", 2), ("火车", 1), ("Long", 100))
SHOWN = events.PictureAdded("d" * 64, "p.png", 900, 600, 9, 6, bytes(162))


class RecordingEngine:
    """Notes the calls of `EngineApi` as tuples of name and arguments, without the number of an opening."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._openings = [0]  # the first is open, the others were asked for

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("_") or not callable(getattr(EngineApi, name, None)):
            raise AttributeError(name)
        return lambda *arguments: self.calls.append((name, *arguments))

    def open_conversation(self, conversation: int | None, private: bool, opening_id: int) -> None:
        self._openings.append(opening_id)
        self.calls.append(("open_conversation", conversation, private))

    def ask_again(self, turn: int, text: str, opening_id: int) -> None:
        self._openings.append(opening_id)
        self.calls.append(("ask_again", turn, text))

    def number_event(self, event: events.Event) -> events.Event:
        """The event with the number of the opening that it belongs to, as an engine gives it."""
        if isinstance(event, events.ConversationOpened) and len(self._openings) > 1:
            del self._openings[0]
        if isinstance(event, events.ErrorOccurred):
            del self._openings[:-1]  # what could not be opened is what is open now
        return replace(event, opening_id=self._openings[0]) if isinstance(event, events.ConversationEvent) else event


class WindowHarness:
    """A window over a history: in `past` the title of each conversation, and how many turns it has."""

    def __init__(self, qtbot: QtBot, home: Path, settings: Settings, past: Past = ()) -> None:
        self.qtbot = qtbot
        self.recorder = TurnRecorder(home)
        for title, turns in past:
            conversation = self.recorder.start_conversation(title)
            for number in range(turns):
                question, pictures = f"{title} question {number}", (Picture(2, 2, bytes(12), "a.png"),)
                turn = self.recorder.add_turn(conversation, question, pictures)
                self.recorder.update_turn(turn, question, f"answer {number}", "tiny", "answered")
        self.engine = RecordingEngine()
        self.app = DesktopApp(settings, AppPaths.locate(), lambda _: cast(EngineApi, self.engine))
        self.window, self.calls = self.app.window, self.engine.calls
        with qtbot.waitActive(self.window):
            self.window.show()
            self.window.activateWindow()
        with qtbot.waitSignal(self.app.history_access.opened):
            self.app.history_access.open_history(home)
        qtbot.wait(20)  # until all is laid out
        self.past, self.messages = self.window.sidebar.conversation_panel, self.window.conversation_view.messages

    def close(self) -> None:
        self.app.history_access.close()
        self.recorder.close()
        self.window.hide()
        self.window.deleteLater()

    def on(self, *received: events.Event) -> None:
        """Deliver engine events to the window."""
        for event in received:
            self.app.bridge.handle_event(self.engine.number_event(event))

    def titles(self) -> list[str]:
        return [self.past.model.index(row).data() for row in range(self.past.model.rowCount())]

    def texts(self) -> list[str]:
        return [self.messages.item_at(row).text for row in range(self.messages.rowCount())]

    def status_text(self) -> str:
        return self.window.input_bar.status_label.text()

    def choose(self, title: str) -> None:
        self.past.conversation_list.setCurrentIndex(self.past.model.index(self.titles().index(title)))
        self.past.conversation_list.setFocus()

    def key(self, widget: Any, key: Qt.Key, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(widget, QKeyEvent(kind, key, modifiers))


def of_colour(widget: QWidget, colour: str) -> list[tuple[int, int]]:
    """Return the points of a rendered widget that have this colour."""
    image, wanted = widget.grab().toImage(), QColor(colour).rgb()
    return [(x, y) for x in range(image.width()) for y in range(image.height()) if image.pixel(x, y) == wanted]


def bars(meter: QWidget) -> list[int]:
    """Return the height of each bar of a level meter, in points."""
    drawn = [x for x, _ in of_colour(meter, theme.current_theme().accent)]
    return [max(drawn.count(x) for x in range(left, left + 7)) for left in range(0, meter.width(), 7)]
