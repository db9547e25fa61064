"""Keys of the window and of the field that is typed into."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.support.window_harness import WindowHarness


def test_enter_asks_and_shift_enter_is_a_new_line(harness: WindowHarness) -> None:
    QTest.keyClicks(harness.window.input_bar.question_field, "one")
    QTest.keyClick(harness.window.input_bar.question_field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(harness.window.input_bar.question_field, "two")
    QTest.keyClick(harness.window.input_bar.question_field, Qt.Key.Key_Return)
    assert harness.calls == [("ask", "one\ntwo")]
    assert harness.window.input_bar.question_field.toPlainText() == ""


def key(harness: WindowHarness, kind: QEvent.Type, which: Qt.Key, repeat: bool = False) -> None:
    QApplication.sendEvent(
        harness.window.input_bar.question_field, QKeyEvent(kind, which, Qt.KeyboardModifier.NoModifier, "", repeat)
    )


def test_ctrl_alone_stops_and_with_another_key_does_not(harness: WindowHarness) -> None:
    down, up = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
    for keys in ([(down, "A"), (up, "A")], [], [(down, "C"), (up, "C")]):
        key(harness, down, Qt.Key.Key_Control)
        for kind, name in keys:
            key(harness, kind, getattr(Qt.Key, f"Key_{name}"))
        key(harness, up, Qt.Key.Key_Control)
    assert [call[0] for call in harness.calls] == ["interrupt"]


def test_f9_held_is_one_press_whatever_its_repeats_look_like(qtbot: QtBot, harness: WindowHarness) -> None:
    down, up = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
    key(harness, down, Qt.Key.Key_F9)
    for repeat in (True, False, True):
        key(harness, up, Qt.Key.Key_F9, repeat)
        key(harness, down, Qt.Key.Key_F9, repeat)
    qtbot.wait(400)  # much longer than what lies between two repeats: a release would have been told
    assert [call[0] for call in harness.calls] == ["press_talk_key"]
    key(harness, up, Qt.Key.Key_F9)
    qtbot.waitUntil(lambda: len(harness.calls) > 1)
    assert [call[0] for call in harness.calls] == ["press_talk_key", "release_talk_key"]


def test_alt_up_and_down_change_the_speed(harness: WindowHarness) -> None:
    QTest.keyClick(harness.window, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(harness.window, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert harness.app.settings_store.current.voice.speed == 1.2
    for _ in range(12):
        QTest.keyClick(harness.window, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert harness.app.settings_store.current.voice.speed == 0.5
