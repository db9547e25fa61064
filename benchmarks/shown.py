"""Hark's real window with a watch inside: when it was painted, and how late a 16 ms timer is. Run by `desktop`.

Prints `shown SECONDS` after the first paint (the start is given in HARK_STARTED, on the monotonic clock); with
`--seconds N` goes on, asks a question once it is ready, and prints `late P99 MAX` in milliseconds and `pss MB`; with
`--scroll ID` too it opens that conversation instead, scrolls up and down in it, and prints `jump MS`, to its start, and
`passed TURNS`. With `--meter N` it listens for so many seconds, and prints `meter PERCENT` of a core and `levels N`."""

from __future__ import annotations

# ruff: noqa: E402
import gc

gc.disable()  # as the program does before it imports anything

import os
import sys
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QApplication

from assistant import events
from ui import app as program
from ui.__main__ import parse_arguments
from ui.wiring import DesktopApp

STARTED = float(os.environ["HARK_STARTED"])
_STEP = 240  # pixels at each tick


def _told(name: str) -> float:
    return float(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else 0.0


SECONDS, SCROLLED, METER = _told("--seconds"), int(_told("--scroll")), _told("--meter")


class Cost(QObject):
    """The window's own processor time while nothing but its level meter moves."""

    def __init__(self, app: DesktopApp) -> None:
        super().__init__(app.window)
        self._window, self._levels, self._before = app.window, 0, 0.0
        app.bridge.event_received.connect(self.on_event)

    @Slot(object)
    def on_event(self, event: object) -> None:
        if event == events.StateChanged("ready") and not self._before:
            self._before = -1.0
            self._window.sidebar.hands_free_box.setChecked(True)
            QTimer.singleShot(2000, self.begin)
        elif isinstance(event, events.InputLevel) and self._before > 0:
            self._levels += bool(event.value)

    @Slot()
    def begin(self) -> None:
        self._before = time.process_time()
        QTimer.singleShot(int(METER * 1000), self.end)

    @Slot()
    def end(self) -> None:
        print(f"meter {(time.process_time() - self._before) / METER * 100:.2f}", flush=True)
        print(f"levels {self._levels}", flush=True)
        QApplication.quit()


class Watch(QObject):
    """Ticks every 16 ms and notes how late."""

    def __init__(self, app: DesktopApp) -> None:
        super().__init__(app.window)
        self._app, self._window, self.late = app, app.window, list[float]()
        self._due = time.monotonic() + 0.016
        self._timer = QTimer(self, timerType=Qt.TimerType.PreciseTimer, interval=16)
        self._timer.timeout.connect(self.tick)
        app.bridge.event_received.connect(self.on_event)
        self._timer.start()
        self._scrolling, self._began, self._passed = False, 0.0, set[int]()
        QTimer.singleShot(int(SECONDS * 1000) if not SCROLLED else 60_000, self.end)

    @Slot()
    def tick(self) -> None:
        tick_at = time.monotonic()
        self.late.append(max(0.0, tick_at - self._due) * 1000)
        self._due = tick_at + 0.016
        if self._scrolling:
            bar = self._window.conversation_view.verticalScrollBar()
            up = tick_at - self._began < SECONDS / 2
            bar.setValue(bar.value() + (-_STEP if up else _STEP))
            self._passed.add(self._window.conversation_view.messages.item_at(0).turn_id or 0)

    @Slot()
    def scroll(self) -> None:
        """From its end up, and down again; before that once to its start."""
        self._app.history.open_conversation(SCROLLED)
        began = time.monotonic()
        self._window.conversation_view.start_requested.emit()
        self._window.conversation_view.repaint()
        print(f"jump {(time.monotonic() - began) * 1000:.1f}", flush=True)
        self._window.conversation_view.end_requested.emit()
        self._scrolling, self._began = True, time.monotonic()
        self._due = self._began + 0.016
        self.late.clear()
        QTimer.singleShot(int(SECONDS * 1000), self.end)

    @Slot(object)
    def on_event(self, event: object) -> None:
        if event == events.StateChanged("ready") and SCROLLED and not self._scrolling:
            QTimer.singleShot(200, self.scroll)
        elif event == events.StateChanged("ready") and not SCROLLED:
            self._app.conversation.ask("Describe this picture.")

    @Slot()
    def end(self) -> None:
        late = sorted(self.late)
        rollup = Path(f"/proc/{os.getpid()}/smaps_rollup").read_text()
        pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024
        print(f"late {late[int(len(late) * 0.99)]:.2f} {late[-1]:.2f}", flush=True)
        print(f"pss {pss:.1f}", flush=True)
        if self._passed:
            print(f"passed {max(self._passed) - min(self._passed)}", flush=True)
        QApplication.quit()


class WatchedApp(DesktopApp):
    """Prints when the window was painted first, and begins to measure then."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.window.painted.connect(self._measure)

    def _measure(self) -> None:
        print(f"shown {time.monotonic() - STARTED:.4f}", flush=True)
        if SECONDS or METER:
            self._watch = Watch(self) if SECONDS else Cost(self)
        else:
            QApplication.quit()


program.DesktopApp = WatchedApp  # type: ignore[misc]
sys.exit(program.main(parse_arguments([])))
