"""Keys of the window and of the field that is typed into."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.support.window_harness import WindowHarness


def test_enter_asks_and_shift_enter_is_a_new_line(desk: WindowHarness) -> None:
    QTest.keyClicks(desk.window.bar.question_field, "one")
    QTest.keyClick(desk.window.bar.question_field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(desk.window.bar.question_field, "two")
    QTest.keyClick(desk.window.bar.question_field, Qt.Key.Key_Return)
    assert desk.calls == [("ask", "one\ntwo")]
    assert desk.window.bar.question_field.toPlainText() == ""


def key(desk: WindowHarness, kind: QEvent.Type, which: Qt.Key, repeat: bool = False) -> None:
    QApplication.sendEvent(
        desk.window.bar.question_field, QKeyEvent(kind, which, Qt.KeyboardModifier.NoModifier, "", repeat)
    )


def test_ctrl_alone_stops_and_with_another_key_does_not(desk: WindowHarness) -> None:
    down, up = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
    for keys in ([(down, "A"), (up, "A")], [], [(down, "C"), (up, "C")]):
        key(desk, down, Qt.Key.Key_Control)
        for kind, name in keys:
            key(desk, kind, getattr(Qt.Key, f"Key_{name}"))
        key(desk, up, Qt.Key.Key_Control)
    assert [call[0] for call in desk.calls] == ["interrupt"]


def test_f9_held_is_one_press_whatever_its_repeats_look_like(qtbot: QtBot, desk: WindowHarness) -> None:
    down, up = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
    key(desk, down, Qt.Key.Key_F9)
    for repeat in (True, False, True):
        key(desk, up, Qt.Key.Key_F9, repeat)
        key(desk, down, Qt.Key.Key_F9, repeat)
    qtbot.wait(400)  # much longer than what lies between two repeats: a release would have been told
    assert [call[0] for call in desk.calls] == ["press_talk_key"]
    key(desk, up, Qt.Key.Key_F9)
    qtbot.waitUntil(lambda: len(desk.calls) > 1)
    assert [call[0] for call in desk.calls] == ["press_talk_key", "release_talk_key"]


def test_alt_up_and_down_change_the_speed(desk: WindowHarness) -> None:
    QTest.keyClick(desk.window, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(desk.window, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert desk.app.settings_store.current.voice.speed == 1.2
    for _ in range(12):
        QTest.keyClick(desk.window, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert desk.app.settings_store.current.voice.speed == 0.5
