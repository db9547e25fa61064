"""The window without a screen or an engine: conversations, pointing, settings; calls are noted instead of sent."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QDesktopServices, QFont, QImage, QKeyEvent, QMouseEvent, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QFileDialog,
    QInputDialog,
    QLabel,
    QMessageBox,
    QPushButton,
)

from assistant import events
from assistant.library import archive
from assistant.library.history import History
from assistant.pictures import Picture
from assistant.settings import Folders, Settings, load
from ui import capture, folding, links, pictures, style
from ui import pages as paging
from ui.bridge import Bridge
from ui.checkup import Checkup
from ui.framed import framed
from ui.messages import Entry
from ui.options import Options
from ui.pictures import DIGEST
from ui.window import Window

CALLS = (
    "ask", "again", "show", "show_image", "forget", "interrupt", "press", "tap", "release", "listen", "say", "stop",
    "open", "configure", "hear", "rework", "skip", "try_microphone",
)  # fmt: skip
SHOWN = events.Shown("d" * 64, "p.png", 900, 600, 9, 6, bytes(162))


class Desk:
    """A window over a history of three conversations."""

    def __init__(self, home: Path) -> None:
        self.history = History(home)
        for title, turns in (("Tea", 2), ("火车", 1), ("Long", 100)):
            one = self.history.start(title)
            for number in range(turns):
                turn = self.history.ask(one, f"{title} question {number}", (Picture(2, 2, bytes(12), "a.png"),))
                self.history.update(turn, f"{title} question {number}", f"answer {number}", "tiny", "answered")
        self.window = Window(Bridge(Settings(), Folders.find()))
        self.calls: list[tuple[Any, ...]] = []
        for name in CALLS:
            setattr(self.window.engine, name, lambda *given, name=name: self.calls.append((name, *given)))
        self.window.show()
        self.window.activateWindow()
        self.window.keeper.open_history(home)
        QTest.qWait(20)
        self.past, self.messages = self.window.side.past, self.window.conversation.messages

    def titles(self) -> list[str]:
        return [self.past.items.index(row).data() for row in range(self.past.items.rowCount())]

    def texts(self) -> list[str]:
        return [self.messages.at(row).text for row in range(self.messages.rowCount())]

    def choose(self, title: str) -> None:
        self.past.list.setCurrentIndex(self.past.items.index(self.titles().index(title)))
        self.past.list.setFocus()

    def key(self, widget: Any, key: Qt.Key, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(widget, QKeyEvent(kind, key, modifiers))


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    application = QApplication.instance() or QApplication([])
    made = Desk(home)
    yield made
    made.window.keeper.close()
    made.window.hide()
    made.window.deleteLater()
    application.processEvents()


def test_conversations_are_listed_and_searched(desk: Desk) -> None:
    assert desk.titles() == ["Long", "火车", "Tea"]
    QTest.keyClicks(desk.past.search, "tea question 1")
    QTest.qWait(300)
    assert desk.titles() == ["Tea"]
    desk.past.search.setText("火")
    QTest.keyClick(desk.past.search, Qt.Key.Key_Return)
    assert desk.titles() == ["火车"]


def test_one_is_opened_by_key_and_gone_on_with(desk: Desk) -> None:
    desk.choose("Tea")
    desk.key(desk.past.list, Qt.Key.Key_Return)
    assert desk.texts() == ["Tea question 0", "answer 0", "Tea question 1", "answer 1"]
    assert ("open", 1, False) in desk.calls
    for late in (events.TurnStarted(5, "", 3), events.Heard("late"), events.TurnEnded("interrupted", "late")):
        desk.window.presenter.on_event(late)  # of the conversation that was left
    assert desk.texts()[-1] == "answer 1" and desk.window.keeper.current == 1
    desk.window.presenter.on_event(events.Opened(1))
    desk.window.presenter.on_event(events.TurnStarted(999, "", 1))
    desk.window.presenter.on_event(events.Heard("and now?"))
    assert desk.texts()[-1] == "and now?" and desk.window.keeper.current == 1


def test_a_long_one_is_shown_from_its_end_and_older_turns_follow(desk: Desk) -> None:
    desk.window.keeper.open(3)
    view, pages = desk.window.conversation, desk.window.keeper.pages
    QTest.qWait(50)
    assert len(desk.texts()) == 2 * paging.FIRST and desk.texts()[-1] == "answer 99"
    view.setFocus()
    for _ in range(2 * paging.FIRST):
        desk.key(view, Qt.Key.Key_K)
    QTest.qWait(20)
    assert len(desk.texts()) == 2 * (paging.FIRST + paging.STEP) and view.currentIndex().row() == 2 * paging.STEP
    desk.key(view, Qt.Key.Key_Home)
    QTest.qWait(20)
    assert desk.texts()[0] == "Long question 0" and view.currentIndex().row() == 0 and pages.left_out
    desk.key(view, Qt.Key.Key_End)
    assert desk.texts()[-1] == "answer 99" and not pages.left_out


def test_of_a_long_one_only_what_is_near_is_in_the_list(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST", 80)
    desk.window.keeper.open(3)
    view, pages, bar = desk.window.conversation, desk.window.keeper.pages, desk.window.conversation.verticalScrollBar()
    QTest.qWait(50)

    def scroll(to: Callable[[], int], until: str) -> set[str]:
        seen = set[str]()
        for _ in range(400):
            bar.setValue(to())
            QTest.qWait(1)
            assert len(desk.texts()) <= 80 and desk.texts() == sorted(desk.texts(), key=_place)
            seen |= set(desk.texts())
            if until in desk.texts() and bar.value() in (bar.minimum(), bar.maximum()):
                break
        return seen

    everything = {text for number in range(100) for text in (f"Long question {number}", f"answer {number}")}
    assert scroll(lambda: bar.value() - 100, "Long question 0") == everything
    assert desk.texts()[0] == "Long question 0" and pages.left_out
    assert scroll(lambda: bar.value() + 100, "answer 99") == everything
    assert desk.texts()[-1] == "answer 99" and not pages.left_out
    bar.setValue(bar.maximum() // 2)
    at, seen = view.indexAt(view.viewport().rect().center()), None
    seen, top = desk.texts()[at.row()], view.visualRect(at).top()
    pages.on_earlier()
    row = desk.texts().index(seen)
    assert abs(view.visualRect(view.messages.index(row)).top() - top) <= 1, "what is seen stays where it is"


def test_the_end_is_seen_at_any_width(desk: Desk) -> None:
    desk.window.keeper.open(3)
    bar = desk.window.conversation.verticalScrollBar()
    for width in (1240, 480, 900):
        desk.window.resize(width, 700)
        QTest.qWait(20)
        assert bar.value() == bar.maximum() > 0
    bar.setValue(bar.maximum() // 2)
    desk.window.resize(600, 700)
    QTest.qWait(20)
    assert bar.value() < bar.maximum() - 100, "but not where one reads elsewhere"


def test_an_answer_finds_the_end_of_a_long_one(desk: Desk) -> None:
    desk.window.keeper.open(3)
    desk.window.presenter.on_event(events.Opened(3))
    desk.key(desk.window.conversation, Qt.Key.Key_Home)
    assert desk.texts()[0] == "Long question 0"
    for event in (events.TurnStarted(999, "", 3), events.Heard("and now?"), events.Wrote("Now.")):
        desk.window.presenter.on_event(event)
    desk.window.keeper.pages.on_earlier()
    assert desk.texts()[-3:] == ["answer 99", "and now?", "Now."]
    desk.window.presenter.on_event(events.Wrote(" More."))
    assert desk.texts()[-1] == "Now. More."


def turn(desk: Desk, number: int, conversation: int, *between: events.Event) -> None:
    for event in (
        events.TurnStarted(number, "", conversation), events.Heard("and now?"), events.Wrote("Now."), *between,
        events.Wrote(" More."), events.TurnEnded("answered", "and now?", "Now. More.", "x", heard_until=10),
    ):  # fmt: skip
        desk.window.presenter.on_event(event)


def far_up(desk: Desk) -> None:
    """At the start of a long conversation, by key."""
    desk.window.keeper.open(3)
    desk.window.presenter.on_event(events.Opened(3))
    QTest.qWait(30)
    desk.key(desk.window.conversation, Qt.Key.Key_Home)
    assert desk.texts()[0] == "Long question 0" and desk.window.keeper.pages.left_out


def test_a_question_from_the_start_is_asked_again_whatever_is_noted_meanwhile(desk: Desk) -> None:
    far_up(desk)
    desk.key(desk.window.conversation, Qt.Key.Key_A)
    assert desk.calls[-1][0] == "again" and desk.texts() == []
    desk.window.presenter.on_event(events.Opened(9))
    turn(desk, 999, 9, events.Noted("the voice is gone"))
    assert desk.texts() == ["and now?", "Now. More.", "the voice is gone"] and desk.messages.at(1).detail


def test_an_edited_question_is_asked_from_there_though_it_is_out_of_the_list(desk: Desk) -> None:
    far_up(desk)
    desk.key(desk.window.conversation, Qt.Key.Key_E)
    asked = desk.messages.at(0).turn
    desk.window.conversation.sought.emit(False)
    assert desk.texts()[-1] == "answer 99" and "Long question 0" not in desk.texts()
    desk.window.bar.asked.emit("changed words")
    assert desk.calls[-1] == ("again", asked, "changed words") and desk.texts() == []


def test_a_history_that_fails_once_empties_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    far_up(desk)
    before = desk.texts()

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr("assistant.library.archive.Archive.turns", fail)
        desk.key(desk.window.conversation, Qt.Key.Key_End)
        assert desk.texts() == before and "disk I/O error" in desk.window.bar.status.text()
    desk.key(desk.window.conversation, Qt.Key.Key_End)
    assert desk.texts()[-2] == "answer 99" and "disk I/O error" in desk.texts()[-1]


def test_what_is_not_saved_waits_for_the_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST", 60)
    desk.window.keeper.open(3)
    desk.window.presenter.on_event(events.Opened(3))
    desk.window.presenter.on_event(events.Noted("one"))
    for _ in range(12):
        desk.window.keeper.pages.on_earlier()
    assert desk.window.keeper.pages.left_out and "one" not in desk.texts()
    view = desk.window.conversation
    view.setFocus()
    view.setCurrentIndex(desk.messages.index(3))
    desk.window.presenter.on_event(events.Noted("two"))
    assert view.currentIndex().row() == 3 and "two" in desk.window.bar.status.text(), "the list stays as it is"
    while desk.window.keeper.pages.left_out:
        desk.window.keeper.pages.on_later()
    assert desk.texts()[-3:] == ["answer 99", "one", "two"]
    desk.key(view, Qt.Key.Key_Home)
    desk.key(view, Qt.Key.Key_End)
    assert desk.texts()[-3:] == ["answer 99", "one", "two"]
    QTest.qWait(20)


def test_what_is_not_saved_comes_back_with_the_turn_that_it_followed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MOST", 30)
    desk.window.keeper.open(3)
    desk.window.presenter.on_event(events.Opened(3))
    desk.window.presenter.on_event(events.Noted("between"))
    for number in range(201, 231):  # 201 is no turn of this conversation's history: they are as if they were saved
        turn(desk, number, 3)
    assert "between" not in desk.texts() and desk.messages.rowCount() <= 30 + 2 * paging.STEP + 2
    for _ in range(40):
        desk.window.keeper.pages.on_earlier()
        if "between" in desk.texts():
            break
    at = desk.texts().index("between")
    assert desk.texts()[at - 1] == "answer 99"


def test_no_other_message_is_chosen_instead_of_one_that_goes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST", 60)
    desk.window.keeper.open(3)
    QTest.qWait(30)
    view, chosen = desk.window.conversation, list[int]()
    view.setFocus()
    assert desk.texts()[view.row] == "answer 99"
    view.selectionModel().currentChanged.connect(lambda now, _: chosen.append(now.row()))
    for _ in range(9):
        view.verticalScrollBar().setValue(0)
        QTest.qWait(5)
    assert chosen == [-1] and "answer 99" not in desk.texts()
    seen = view.indexAt(view.viewport().rect().center()).row()
    assert seen <= view.row < seen + 12, "copied is what is seen"
    desk.key(view, Qt.Key.Key_K)
    assert seen <= view.currentIndex().row() < seen + 12
    QTest.keyClick(view, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    assert desk.texts()[view.currentIndex().row()] == "answer 99"


def test_an_open_conversation_that_grows_stays_small(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST", 20)
    desk.window.keeper.open(1)
    desk.window.presenter.on_event(events.Opened(1))
    for number in range(40):
        turn(desk, 1000 + number, 1)
        QTest.qWait(1)
    assert desk.messages.rowCount() <= 20 + 2 * paging.STEP + 2 and desk.texts()[-1] == "Now. More."


def test_a_turn_that_was_read_already_stands_once(desk: Desk) -> None:
    desk.window.keeper.open(3)
    desk.window.presenter.on_event(events.Opened(3))
    last = desk.messages.at(desk.messages.rowCount() - 1).turn
    assert last
    turn(desk, last, 3)
    assert desk.texts()[-4:] == ["Long question 98", "answer 98", "and now?", "Now. More."]


def test_of_a_very_tall_window_all_is_filled(desk: Desk) -> None:
    desk.window.resize(1240, 5000)
    desk.window.keeper.open(3)
    QTest.qWait(100)
    assert desk.messages.rowCount() > 2 * paging.FIRST and desk.window.conversation.verticalScrollBar().maximum() > 0


def _place(text: str) -> tuple[int, bool]:
    return int(text.split()[-1]), text.startswith("answer")


def test_renaming_and_deleting_and_bringing_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QInputDialog, "getText", lambda *told: ("Green tea", True))
    desk.choose("Tea")
    desk.key(desk.past.list, Qt.Key.Key_F2)
    assert "Green tea" in desk.titles()
    desk.window.keeper.open(1)
    desk.choose("Green tea")
    desk.key(desk.past.list, Qt.Key.Key_Delete)
    assert desk.titles() == ["Long", "火车"] and desk.texts() == [] and desk.window.keeper.current is None
    assert "Ctrl+Z" in desk.window.bar.status.text() and not desk.past.undo.isHidden()
    desk.window.keeper.undo()
    assert "Green tea" in desk.titles() and desk.past.undo.isHidden()


def test_a_question_is_asked_again_and_changed_in_a_branch(desk: Desk) -> None:
    desk.window.keeper.open(1)
    view = desk.window.conversation
    view.setCurrentIndex(desk.messages.index(3))
    desk.key(view, Qt.Key.Key_E)
    assert desk.window.bar.field.toPlainText() == "Tea question 1"
    desk.window.bar.field.setPlainText("changed")
    QTest.keyClick(desk.window.bar.field, Qt.Key.Key_Return)
    assert desk.calls[-1] == ("again", 2, "changed") and desk.texts() == ["Tea question 0", "answer 0"]
    branch = desk.history.archive.branch(2)
    turn = desk.history.ask(branch, "changed")
    for event in (events.Opened(1), events.Opened(branch), events.TurnStarted(turn, "", branch)):
        desk.window.presenter.on_event(event)
    assert [desk.messages.at(row).turn for row in range(2)] == [turn - 1] * 2, "the branch's own numbers"
    assert desk.window.keeper.current == 4
    view.setCurrentIndex(desk.messages.index(1))
    desk.key(view, Qt.Key.Key_A)
    assert desk.calls[-1] == ("again", turn - 1, "Tea question 0") and desk.texts() == []


def test_export_and_import(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *told: (str(tmp_path / "tea"), "JSON (*.json)"))
    desk.window.keeper.open(1)
    desk.window.export()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *told: (str(tmp_path / "tea.json"), ""))
    desk.window.keeper.bring()
    assert desk.titles().count("Tea") == 2 and desk.window.keeper.current == 4 and len(desk.texts()) == 4
    (tmp_path / "tea.json").write_text("{")
    desk.window.keeper.bring()
    assert "cannot be taken in" in desk.texts()[-1]


def test_private_and_new_conversations(desk: Desk) -> None:
    desk.window.side.private.click()
    assert desk.calls[-1] == ("open", None, True) and "not saved" in desk.window.bar.status.text()
    desk.window.do.new_conversation()
    assert desk.calls[-1] == ("open", None, False) and not desk.window.side.private.isChecked()


def told(desk: Desk) -> list[str]:
    steps: list[str] = []
    desk.window.tray.pointing.told.connect(steps.append)
    return steps


def test_pointing_by_keys_tells_each_step_and_asks(desk: Desk) -> None:
    desk.window.presenter.on_event(SHOWN)
    pointing, steps = desk.window.tray.pointing, told(desk)
    keys = Qt.Key
    for key in (
        keys.Key_Up,
        keys.Key_Right,
        keys.Key_Right,
        keys.Key_Plus,
        keys.Key_Left,
        keys.Key_Plus,
        keys.Key_Minus,
    ):
        desk.key(pointing, key)
    assert steps == [
        "top", "top right", "top right", "middle, zoomed once", "left, zoomed once", "middle, zoomed twice",
        "middle, zoomed once",
    ]  # fmt: skip
    assert desk.window.tray.where.text() == "Pointing: middle, zoomed once"
    desk.key(pointing, keys.Key_Minus)
    for key in (keys.Key_Up, keys.Key_Right):
        desk.key(pointing, key)
    desk.window.bar.field.setPlainText("What is it?")
    desk.key(pointing, keys.Key_Return)
    assert desk.calls[-1] == ("ask", "What is it?", "d" * 64, (600, 0, 900, 200))


def test_zooming_ends_where_there_is_nothing_more_to_see(desk: Desk) -> None:
    desk.window.presenter.on_event(SHOWN)
    pointing, steps = desk.window.tray.pointing, told(desk)
    desk.key(pointing, Qt.Key.Key_Minus)
    for _ in range(9):
        desk.key(pointing, Qt.Key.Key_Plus)
    assert steps[0] == "This is the whole picture" and steps[-1] == "This is as near as it goes"
    left, top, right, bottom = pointing.box
    assert 0 < min(right - left, bottom - top) < 9


def test_pointing_by_mouse(desk: Desk) -> None:
    desk.window.presenter.on_event(SHOWN)
    pointing = desk.window.tray.pointing
    frame = pointing._frame

    def mouse(kind: QEvent.Type, at: QPointF) -> None:
        button = Qt.MouseButton.LeftButton
        event = QMouseEvent(
            kind, at, QPointF(pointing.mapToGlobal(QPoint(0, 0))) + at, button, button, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(pointing, event)

    mouse(QEvent.Type.MouseButtonPress, frame.center())
    mouse(QEvent.Type.MouseMove, frame.bottomRight() + QPointF(30, 30))
    mouse(QEvent.Type.MouseButtonRelease, frame.bottomRight())
    name, text, digest, box = desk.calls[-1]
    assert (name, text, digest) == ("ask", "What is here?", "d" * 64)
    assert all(abs(one - other) <= 8 for one, other in zip(box, (450, 300, 900, 600), strict=True)), box


def wait(met: Callable[[], bool]) -> None:
    for _ in range(1500):
        if met():
            return
        QTest.qWait(10)
    assert met()


def test_a_picture_is_cut_and_turned_by_keys_and_by_mouse(desk: Desk) -> None:
    desk.window.presenter.on_event(SHOWN)
    tray = desk.window.tray
    desk.key(tray.pointing, Qt.Key.Key_X)
    assert desk.calls[-1] == ("rework", "d" * 64, 0, (300, 200, 600, 400))
    desk.key(tray.pointing, Qt.Key.Key_T)
    assert desk.calls[-1] == ("rework", "d" * 64, 1, ())
    QTest.mouseClick(tray.crop, Qt.MouseButton.LeftButton)
    middle = tray.pointing._frame.center().toPoint()
    QTest.mousePress(tray.pointing, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(tray.pointing, middle + QPoint(40, 30))
    QTest.mouseRelease(tray.pointing, Qt.MouseButton.LeftButton, pos=middle + QPoint(40, 30))
    name, digest, quarters, box = desk.calls[-1]
    assert (name, digest, quarters, len(box)) == ("rework", "d" * 64, 0, 4) and not tray.crop.isChecked()


def test_a_reworked_picture_keeps_its_place(desk: Desk) -> None:
    for digest, instead in (("d", ""), ("e", ""), ("f", "d")):
        event = replace(SHOWN, digest=digest * 64, name=f"{digest}.png", instead=instead * 64)
        desk.window.presenter.on_event(event)
    tray = desk.window.tray.list
    assert [tray.item(row).data(DIGEST)[0] for row in range(tray.count())] == ["f", "e"]
    assert tray.currentRow() == 0


def test_sound_files_are_asked_and_not_shown(desk: Desk) -> None:
    desk.window.do.on_files(["/a/Question.WAV", "/a/p.png", "/a/two.mp3"])
    assert desk.calls[-2:] == [("show", "/a/p.png"), ("hear", "/a/Question.WAV")]
    assert "others were not taken" in desk.texts()[-1]


def test_a_desktop_that_allows_no_keys_and_no_windows_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    desk.window.do.on_choice("window", "hotkeys", True)  # offscreen, as under Wayland
    wait(lambda: "hark-window --talk" in desk.window.bar.status.text())
    desk.window.do.on_choice("window", "hotkeys", False)
    assert "free again" in desk.window.bar.status.text()
    desk.window.do.looking.other()
    assert "F7 captures the screen" in desk.window.bar.status.text()


def test_nothing_moves_by_itself_where_that_is_wished(desk: Desk) -> None:
    meter, blinks = desk.window.bar.meter, QApplication.cursorFlashTime()
    moves = QApplication.isEffectEnabled(Qt.UIEffect.UI_General)
    meter.show()
    desk.window.do.on_choice("window", "still", True)
    assert QApplication.cursorFlashTime() == 0 and not QApplication.isEffectEnabled(Qt.UIEffect.UI_General)
    seen = set()
    for level in (0.0, 0.02, 0.021, 0.5, 0.51, 0.9, 0.02):
        meter.add(level)
        seen.add(tuple(meter._levels))
    assert len(seen) == 4 and all(list(one) == sorted(one, reverse=True) for one in seen), "steps, and no wave"
    desk.window.do.on_choice("window", "still", False)
    assert (
        QApplication.cursorFlashTime() == blinks > 0 and QApplication.isEffectEnabled(Qt.UIEffect.UI_General) is moves
    )
    for level in (0.1, 0.2, 0.3):
        meter.add(level)
    assert list(meter._levels)[-3:] == [0.1, 0.2, 0.3]


def test_a_photograph_that_no_camera_takes_is_told(desk: Desk) -> None:
    desk.window.do.on_choice("look", "camera", "no such camera")
    desk.window.do.looking.photograph()
    wait(lambda: "No camera" in desk.window.bar.status.text())


def test_a_camera_s_picture_comes_into_the_tray(desk: Desk, tmp_path: Path) -> None:
    """OpenCV reads a file as it reads a camera."""
    film = cv2.VideoWriter(str(tmp_path / "camera.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(12):
        film.write(np.full((48, 64, 3), (0, 0, 255), np.uint8))
    film.release()
    desk.window.do.on_choice("look", "camera", str(tmp_path / "camera.avi"))
    desk.window.do.looking.photograph()
    wait(lambda: desk.calls[-1][0] == "show_image")
    name, data, title = desk.calls[-1]
    color = QPixmap.fromImage(QImage.fromData(data)).toImage().pixelColor(30, 20)
    assert (name, title) == ("show_image", "photograph.png") and color.red() > 200 > 60 > color.blue()


@pytest.mark.parametrize(
    "by, level, read", [("reader", "all", ["One.", "Two."]), ("reader", "first", ["One."]), ("hark", "all", [])]
)
def test_one_speaks(desk: Desk, by: str, level: str, read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    desk.window.do.on_choice("speak", "by", by)
    desk.window.do.on_choice("window", "announce", level)
    told: list[str] = []
    monkeypatch.setattr(desk.window.presenter._announcer, "read", told.append)
    for event in (
        events.TurnStarted(1), events.Heard("count"), events.Wrote("On"), events.Wrote("e. Tw"), events.Wrote("o."),
        events.TurnEnded("answered", "count", "One. Two.", "x", heard_until=9),
    ):  # fmt: skip
        desk.window.presenter.on_event(event)
    assert [one for one in told if one in ("One.", "Two.")] == read
    assert told[-1] == "Done"
    desk.window.do.on_read("Again.")
    assert (told[-1] == "Again.") is (by == "reader") and (desk.calls[-1] == ("say", "Again.")) is (by == "hark")


def test_a_message_is_spelled_and_a_sentence_said_again(desk: Desk) -> None:
    desk.messages.add(Entry("hark", "No 7"))
    desk.window.conversation.setFocus()
    desk.key(desk.window.conversation, Qt.Key.Key_S)
    assert desk.calls[-1] == ("say", "capital N, o; 7")
    desk.window.do.sentence_again()
    assert desk.calls[-1] == ("skip", 0)


def test_places_in_an_answer_are_drawn_and_listed_in_words(desk: Desk) -> None:
    desk.window.presenter.on_event(SHOWN)
    for event in (
        events.TurnStarted(1), events.Heard("where?"), events.Wrote("Here."),
        events.Pointed("clock", "d" * 64, 700, 10, 890, 150), events.TurnEnded("answered", "where?", "Here.", "x"),
    ):  # fmt: skip
        desk.window.presenter.on_event(event)
    assert desk.texts() == ["where?", "Here.", "clock: top right of picture 1"]
    assert desk.window.tray.pointing._marks == [("clock", (700, 10, 890, 150))]
    desk.window.grab()


def test_settings_are_found_changed_at_once_and_put_back(
    desk: Desk, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Options(desk.window, desk.window.bridge.settings)
    made.chosen.connect(desk.window.do.on_choice)
    made.show()
    assert all(spin.lineEdit().width() > 100 for spin in made.findChildren(QAbstractSpinBox)), "numbers can be seen"
    made.search.setText("graphics card whisper")
    assert [option.field for option, row, _ in made.rows if row.isVisible()] == ["device", "budget"]
    made.search.clear()
    assert all(row.isVisible() for _, row, _ in made.rows)
    controls = {f"{option.section}.{option.field}": control for option, _, control in made.rows}
    controls["sound.headphones"].click()
    controls["look.max_new_tokens"].setValue(99)
    controls["look.system"].setText("Be brief.")
    controls["look.system"].editingFinished.emit()
    controls["window.theme"].setCurrentIndex(2)
    controls["window.theme"].activated.emit(2)
    kept = load(Folders.find())
    assert (kept.sound.headphones, kept.look.max_new_tokens, kept.look.system, kept.window.theme) == (
        True, 99, "Be brief.", "dark"
    )  # fmt: skip
    monkeypatch.setattr(QMessageBox, "question", lambda *told: QMessageBox.StandardButton.No)
    made._reset()
    assert load(Folders.find()) != Settings()
    monkeypatch.setattr(QMessageBox, "question", lambda *told: QMessageBox.StandardButton.Yes)
    made._reset()
    assert load(Folders.find()) == Settings()
    made.close()


def test_every_setting_has_its_words(desk: Desk) -> None:
    made = Options(desk.window, Settings())
    for option, _, control in made.rows:
        assert hasattr(getattr(Settings(), option.section), option.field)
        assert control.accessibleName() and control.accessibleDescription().endswith(".")
    made.close()


@pytest.mark.parametrize("width", [480, 700, 1240])
def test_it_fits_narrow_windows(desk: Desk, width: int) -> None:
    desk.window.resize(width, 600)
    QTest.qWait(30)
    assert desk.window.width() == width
    narrow = width < 900
    assert desk.window.side.isVisible() is not narrow and desk.window.bar.past.isVisible() is narrow
    desk.window.search()
    assert desk.window.side.isVisible() and desk.window.width() == width
    if narrow:
        desk.window.bar.pictures.click()
        assert desk.window.tray.isVisible() and not desk.window.side.isVisible()
        desk.window.bar.pictures.click()
        assert not desk.window.tray.isVisible()


def test_no_button_is_cut_with_letters_of_twice_the_size(desk: Desk) -> None:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    usual = application.font()
    twice = QFont(usual)
    twice.setPointSizeF(2 * usual.pointSizeF())
    try:
        application.setFont(twice)
        desk.window.resize(480, 760)
        QTest.qWait(50)
        buttons = [one for one in desk.window.findChildren(QPushButton) if one.isVisible()]
        assert {desk.window.bar.past, desk.window.bar.ask, desk.window.bar.stop} <= set(buttons)
        assert not [one.text() for one in buttons if one.width() < one.minimumSizeHint().width()]
        assert desk.window.bar.field.width() > 400 and desk.window.width() == 480
    finally:
        application.setFont(usual)


def test_five_hundred_pictures_at_once(desk: Desk, tmp_path: Path) -> None:
    from PySide6.QtCore import QMimeData, QUrl

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / f"{number}.png")) for number in range(500)])
    assert desk.window.tray.take(data) == "" and "first 100 of 500" in desk.texts()[-1]
    assert sum(call[0] == "show" for call in desk.calls) == 100


def test_a_thumbnail_is_drawn_once_for_each_number(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(pictures, "framed", lambda image, number: drawn.append(number) or framed(image, number))
    for number in range(100):
        digest = f"{number:064}"
        desk.window.presenter.on_event(replace(SHOWN, digest=digest))
        desk.window.presenter.on_event(events.Weighed(digest, 9, 6, 1, 1.0, 1.0))
    assert drawn == list(range(1, 101))
    desk.window.presenter.on_event(events.Forgotten(f"{98:064}"))
    assert drawn[100:] == [99]


def test_places_are_told_and_kept_with_their_pictures(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(desk.window.presenter._announcer, "read", told.append)
    for digest in ("d" * 64, "e" * 64):
        desk.window.presenter.on_event(replace(SHOWN, digest=digest))
    for event in (
        events.TurnStarted(1), events.Heard("where?"), events.Wrote("Here."),
        events.Pointed("star", "d" * 64, 700, 10, 800, 100), events.Pointed("ring", "e" * 64, 10, 10, 80, 80),
        events.TurnEnded("answered", "where?", "Here."),
    ):  # fmt: skip
        desk.window.presenter.on_event(event)
    assert [one for one in told if "star: top right of picture 1" in one and "ring: top left of picture 2" in one]
    pointing, pictures_ = desk.window.tray.pointing, desk.window.tray.list

    def warm() -> bool:
        """Whether a place is drawn: in a colour of its own."""
        image, colour = pointing.grab().toImage(), QColor(style.theme().warm).rgb()
        return any(image.pixel(x, y) == colour for x in range(image.width()) for y in range(image.height()))

    for row in (0, 1, 0):
        pictures_.setCurrentRow(row)
        assert warm()
    desk.window.presenter.on_event(events.TurnStarted(2))
    desk.window.presenter.on_event(events.Heard("and now?"))
    pictures_.setCurrentRow(1)
    assert not warm()


def test_a_picture_that_is_described_has_a_question_of_its_own(desk: Desk) -> None:
    for number, question in ((1, "What colour?"), (2, "")):
        for event in (
            events.TurnStarted(number, "", 9), events.Heard(question), events.Wrote("It is red."),
            events.TurnEnded("answered", question, "It is red."),
        ):  # fmt: skip
            desk.window.presenter.on_event(event)
    desk.window.conversation.setCurrentIndex(desk.messages.index(desk.messages.rowCount() - 1))
    desk.window.conversation.ask_again()
    assert desk.calls[-1] == ("again", 2, "") and desk.texts() == ["What colour?", "It is red."]


def test_reading_aloud_is_no_answer(desk: Desk) -> None:
    desk.window.presenter.on_event(events.StateChanged("ready"))
    before = desk.window.bar.status.text()
    desk.window.presenter.on_event(events.TurnEnded("answered"))
    assert desk.window.bar.status.text() == before and desk.window.bar.stages.isHidden()


def test_the_talk_button_shows_whether_hark_listens(desk: Desk) -> None:
    talk = desk.window.bar.talk
    for state, listens in (("speaking", False), ("ready", False), ("hearing", True), ("thinking", False)):
        desk.window.presenter.on_event(events.StateChanged(state))
        assert ("listening" in talk.accessibleName()) == listens


def test_files_go_through_the_field_to_the_tray(desk: Desk, tmp_path: Path) -> None:
    from PySide6.QtCore import QMimeData, QUrl

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png"))])
    field = desk.window.bar.field
    assert not field.canInsertFromMimeData(data) and not desk.past.search.acceptDrops()
    data = QMimeData()
    data.setText("words")
    assert field.canInsertFromMimeData(data)


def test_what_was_wrong_with_the_settings_is_told(home: Path) -> None:
    QApplication.instance() or QApplication([])
    (home / "settings.toml").parent.mkdir(exist_ok=True)
    (home / "settings.toml").write_text("[look")
    window = Window(Bridge(load(Folders.find()), Folders.find()))
    window.show()
    QTest.qWait(50)
    assert "broken" in window.conversation.messages.at(0).text
    window.hide()
    window.deleteLater()


def test_the_first_start_says_what_works_and_only_the_first(desk: Desk) -> None:
    for _ in range(2):
        desk.window.presenter.on_event(events.StateChanged("ready"))
    assert len(desk.texts()) == 1 and "starter kit is ready" in desk.texts()[0]
    assert "Ready" in desk.window.bar.status.text()
    assert load(Folders.find()).window.welcomed and not [call for call in desk.calls if call[0] == "configure"]


def test_the_computer_is_checked_in_words(desk: Desk) -> None:
    desk.window.checkup()
    (dialog,) = desk.window.findChildren(Checkup)
    for _ in range(200):
        QTest.qWait(50)
        if dialog.list.count() > 3:
            break
    said = [dialog.list.item(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(dialog.list.count())]
    assert any(one.startswith("starter kit, works:") for one in said), said
    assert any("hark.log" in one for one in said)
    desk.window.presenter.on_event(events.Level(0.5))
    assert dialog.meter._levels[-1] == 0.5
    buttons = {button.text(): button for button in dialog.findChildren(QPushButton)}
    buttons["Say something"].click()
    assert desk.calls[-1][0] == "say"
    buttons["Try the microphone"].click()
    assert desk.calls[-1] == ("try_microphone",)
    desk.window.presenter.on_event(events.MicrophoneTried("silence", played=False))
    assert [one for one in dialog.findChildren(QLabel) if "muted" in one.text() and "no speaker" in one.text()]
    dialog.done(0)


def test_who_cannot_talk_is_told_why_at_every_try(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(desk.window.presenter, "tell", told.append)
    desk.window.presenter.on_event(events.Listening(False, False, "There is no microphone."))
    desk.calls.clear()
    desk.window.talk_down()
    desk.window.do.on_deed("talk")
    assert told == ["There is no microphone."] * 2 and not desk.calls


def test_links_ask_first_and_show_where_they_lead(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, opened = list[str](), list[str]()
    text = "See [here](https://a.example/x?y), [there](https://b.example), [no](file:///etc/passwd) and <javascript:x>."
    desk.messages.add(Entry("hark", text))
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    monkeypatch.setattr(
        QInputDialog,
        "getItem",
        lambda parent, title, label, items, *more: (asked.append(str(items)), (items[1], True))[1],
    )
    monkeypatch.setattr(links, "_wanted", lambda parent, address: asked.append(address) or len(asked) > 2)
    desk.window.conversation.open_link()
    assert asked == ["['https://a.example/x?y', 'https://b.example']", "https://b.example"] and opened == []
    desk.window.conversation.open_link()
    assert opened == ["https://b.example"]


def test_a_black_screen_is_said_and_not_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    shot = QPixmap(200, 100)
    monkeypatch.setattr(type(desk.window.screen()), "grabWindow", lambda *told: shot)
    for colour, words in (("#000000", "curtain"), ("#303030", "")):
        shot.fill(QColor(colour))
        desk.window.bar.status.setText("")
        desk.window.do.describe()
        wait(lambda: not desk.window.isHidden())
        assert words in desk.window.bar.status.text()
    assert [call[0] for call in desk.calls[-2:]] == ["show_image", "ask"] and len(desk.calls) == 2
    shot = QPixmap()
    desk.window.do.looking.whole()
    wait(lambda: not desk.window.isHidden())
    assert "lets no program capture" in desk.window.bar.status.text() and len(desk.calls) == 2


def test_a_part_of_the_screen_is_dragged_out(desk: Desk) -> None:
    shot = QPixmap(400, 200)
    shot.fill(QColor("#ffffff"))
    region, parts = capture.Region(shot), list[QPixmap]()
    region.taken.connect(parts.append)
    region.resize(200, 100)
    region.show()
    QTest.mousePress(region, Qt.MouseButton.LeftButton, pos=QPoint(20, 10))
    QTest.mouseMove(region, QPoint(70, 50))
    region.grab()
    QTest.mouseRelease(region, Qt.MouseButton.LeftButton, pos=QPoint(70, 50))
    assert [(one.width(), one.height()) for one in parts] in ([(102, 82)], [(100, 80)])


def test_a_very_long_text_is_taken_or_refused_and_kept(desk: Desk) -> None:
    field = desk.window.bar.field
    field.setPlainText("word " * 190_000)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert desk.calls[-1][0] == "ask" and len(desk.calls[-1][1]) == 949_999
    desk.window.presenter.on_event(events.Heard(desk.calls[-1][1]))
    assert len(desk.messages.index(0).data()) == 20_000
    desk.window.grab()
    field.setPlainText("word " * 300_000)
    calls = len(desk.calls)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert len(desk.calls) == calls and "million letters" in desk.window.bar.status.text()
    assert len(field.toPlainText()) == 1_500_000, "nothing is lost"


def test_a_note_in_mid_answer_does_not_split_it(desk: Desk) -> None:
    for event in (
        events.TurnStarted(1), events.Heard("q"), events.Wrote("One. "), events.Noted("a picture was refused"),
        events.Wrote("Two."), events.TurnEnded("interrupted", "q", "One. Two.", "x", heard_until=5),
    ):  # fmt: skip
        desk.window.presenter.on_event(event)
    assert desk.texts() == ["q", "One. Two.", "a picture was refused"]
    assert desk.messages.at(1).heard == 5


def test_editing_is_left_by_esc_and_finds_its_question_again(desk: Desk) -> None:
    desk.window.keeper.open(3)
    desk.window.do.on_edit(desk.messages.rowCount() - 2)
    desk.messages.put([Entry("you", "older", turn=1), Entry("hark", "older", turn=1)], 0)
    desk.window.bar.asked.emit("changed")
    name, turn, text = desk.calls[-1]
    assert (name, text) == ("again", "changed") and desk.texts()[-1] == "answer 98" and turn == 103
    desk.window.do.on_edit(0)
    desk.key(desk.window.bar.field, Qt.Key.Key_Control)  # silences a screen reader, and leaves nothing
    desk.window.bar.asked.emit("still from there")
    assert desk.calls[-1] == ("again", 1, "still from there")
    desk.window.keeper.open(1)
    desk.window.do.on_edit(0)
    desk.key(desk.window.bar.field, Qt.Key.Key_Escape)
    assert "new question" in desk.window.bar.status.text()
    desk.window.bar.asked.emit("another")
    assert desk.calls[-1] == ("ask", "another")


def test_where_nothing_is_kept_nothing_branches_off(desk: Desk) -> None:
    desk.window.keeper.open(1)
    desk.window.bridge.settings = replace(Settings(), history=replace(Settings().history, keep=False))
    before = desk.texts()
    desk.window.do.on_edit(0)
    desk.window.bar.asked.emit("changed")
    assert desk.calls[-1] == ("ask", "changed") and desk.texts() == before


def test_a_second_delete_hits_the_next_one_and_all_come_back(desk: Desk) -> None:
    desk.window.keeper.open(1)  # Tea, the last in the list
    desk.choose("Long")
    for _ in range(2):
        desk.key(desk.past.list, Qt.Key.Key_Delete)
    assert desk.titles() == ["Tea"] and desk.window.keeper.current == 1
    for _ in range(2):
        desk.window.keeper.undo()
    assert desk.titles() == ["Long", "火车", "Tea"] and desk.past.undo.isHidden()


def test_what_was_deleted_leaves_the_disk_when_it_cannot_come_back(
    desk: Desk, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "UNDO", -0.9)
    for title in desk.titles():
        desk.choose(title)
        desk.key(desk.past.list, Qt.Key.Key_Delete)
    assert list((home / "pictures").glob("*.png"))
    QTest.qWait(300)
    assert not list((home / "pictures").glob("*.png")) and not desk.history.archive.conversations()


def test_an_opened_conversation_is_seen_in_a_narrow_window(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "_BESIDE", 100)  # letters: as many as no narrow window has beside the list
    desk.window.resize(480, 600)
    desk.window.search()
    assert not desk.window.conversation.isVisible()
    desk.window.keeper.open(1)
    assert desk.window.conversation.isVisible()


def test_a_cost_that_comes_late_does_not_move_the_pointing(desk: Desk) -> None:
    desk.window.presenter.on_event(SHOWN)
    desk.key(desk.window.tray.pointing, Qt.Key.Key_Plus)
    desk.window.presenter.on_event(events.Weighed("d" * 64, 9, 6, 1, 1.0, 1.0))
    assert desk.window.tray.pointing.words == "middle, zoomed once" and "tokens" in desk.window.tray.cost.text()


def test_quitting_is_the_end_wherever_the_window_would_stay(desk: Desk) -> None:
    class Tray:
        there = True

    desk.window.do.on_choice("window", "stay", True)
    desk.window.presence = Tray()  # type: ignore[assignment]
    desk.window.close()
    assert desk.window.isHidden() and not desk.window.ending
    desk.window.do.show()
    desk.window.end()
    assert desk.window.close()
    desk.window.presence = None
