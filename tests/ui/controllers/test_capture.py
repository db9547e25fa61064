"""Looking at the screen, at a part of it, and through a camera."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from assistant.setting_change import SettingChange
from tests.support.window_harness import WindowHarness
from ui.desktop import screen_capture
from ui.desktop.portal_screenshot import PortalScreenshot


def painted(colour: str) -> QPixmap:
    shot = QPixmap(270, 180)
    shot.fill(QColor(colour))
    return shot


def test_a_black_screen_is_said_and_not_sent(
    qtbot: QtBot, harness: WindowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = QPixmap(200, 100)
    monkeypatch.setattr(type(harness.window.screen()), "grabWindow", lambda *arguments: shot)
    for colour, words in (("#000000", "curtain"), ("#303030", "")):
        shot.fill(QColor(colour))
        harness.window.input_bar.status_label.setText("")
        harness.app.capture.describe_screen()
        qtbot.waitUntil(lambda: not harness.window.isHidden())
        assert words in harness.status_text()
    assert [call[0] for call in harness.calls[-2:]] == ["attach_encoded_picture", "ask"] and len(harness.calls) == 2
    shot = QPixmap()
    harness.app.capture.capture_screen()
    qtbot.waitUntil(lambda: not harness.window.isHidden())
    assert "lets no program capture" in harness.status_text() and len(harness.calls) == 2


@pytest.mark.parametrize(("colour", "words", "sent"), [("#000000", "curtain", 0), ("#303030", "", 1)])
def test_a_black_screen_of_the_portal_is_said_and_not_sent(
    harness: WindowHarness, monkeypatch: pytest.MonkeyPatch, colour: str, words: str, sent: int
) -> None:
    harness.window.input_bar.status_label.setText("")
    capture = screen_capture.encode_png(painted(colour))
    monkeypatch.setattr(QGuiApplication, "platformName", lambda: "wayland")
    monkeypatch.setattr(PortalScreenshot, "start", lambda self: self.screenshot_taken.emit(capture, ""))
    harness.window.hide()  # nothing has to step aside for the capture
    harness.app.capture.capture_screen()
    said = harness.status_text()
    assert (
        words in said
        and bool(words) == bool(said)
        and [call[0] for call in harness.calls] == ["attach_encoded_picture"] * sent
    )


def test_the_window_steps_aside_for_a_capture_and_comes_back_with_its_focus(
    qtbot: QtBot, harness: WindowHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    visibilities = list[bool]()
    monkeypatch.setattr(
        type(harness.window.screen()),
        "grabWindow",
        lambda *_: (visibilities.append(harness.window.isVisible()), painted("#fff"))[1],
    )
    harness.window.sidebar.conversation_panel.search_field.setFocus()
    harness.app.capture.capture_screen()
    harness.app.capture.capture_screen()  # once is enough
    qtbot.waitUntil(lambda: bool(harness.calls))
    assert visibilities == [False]
    qtbot.waitUntil(harness.window.isVisible)
    assert (
        harness.window.focusWidget() is harness.window.sidebar.conversation_panel.search_field
        and len(harness.calls) == 1
    )
    harness.window.hide()
    harness.app.capture.capture_screen()
    assert visibilities == [False, False] and harness.window.isHidden(), "it was not in front: it stays where it was"


def test_a_part_of_the_screen_is_chosen_by_keys_and_told(
    qtbot: QtBot, harness: WindowHarness, announced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = painted("#ffffff")
    monkeypatch.setattr(type(harness.window.screen()), "grabWindow", lambda *_: shot)
    keys = Qt.Key
    for end in (keys.Key_Escape, keys.Key_Return):
        with qtbot.waitActive(harness.window):
            harness.window.activateWindow()
        announced.clear()
        harness.app.capture.capture_part()
        qtbot.waitUntil(lambda: isinstance(QApplication.activeWindow(), screen_capture.RegionOverlay))
        region = QApplication.activeWindow()
        assert region.accessibleName() and "Enter" in region.accessibleDescription()
        for key in (keys.Key_Right, keys.Key_Down, keys.Key_Plus, keys.Key_Up, keys.Key_Minus, keys.Key_Plus):
            QTest.keyClick(region, key)
        region.grab()
        with qtbot.waitActive(harness.window):
            QTest.keyClick(region, end)
    places = ["right", "bottom right", "middle, zoomed once", "top, zoomed once", "middle", "middle, zoomed once"]
    assert announced == places
    parts = [QImage.fromData(call[1]) for call in harness.calls if call[0] == "attach_encoded_picture"]
    assert [(part.width(), part.height()) for part in parts] == [(30, 20)]


def test_a_part_of_the_screen_is_dragged_out(harness: WindowHarness) -> None:
    shot = QPixmap(400, 200)
    shot.fill(QColor("#ffffff"))
    region, parts = screen_capture.RegionOverlay(shot), list[QPixmap]()
    region.region_captured.connect(parts.append)
    region.resize(200, 100)
    region.show()
    QTest.mousePress(region, Qt.MouseButton.LeftButton, pos=QPoint(20, 10))
    QTest.mouseMove(region, QPoint(70, 50))
    region.grab()
    QTest.mouseRelease(region, Qt.MouseButton.LeftButton, pos=QPoint(70, 50))
    assert [(part.width(), part.height()) for part in parts] in ([(102, 82)], [(100, 80)])


def test_a_photograph_that_no_camera_takes_is_told(qtbot: QtBot, harness: WindowHarness) -> None:
    harness.app.settings_store.change_setting(SettingChange("responder", "camera", "no such camera"))
    harness.app.capture.take_photo()
    qtbot.waitUntil(lambda: "No camera" in harness.status_text())


def test_a_camera_s_picture_comes_into_the_tray(qtbot: QtBot, harness: WindowHarness, tmp_path: Path) -> None:
    """OpenCV reads a file as it reads a camera."""
    film = cv2.VideoWriter(str(tmp_path / "camera.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(12):
        film.write(np.full((48, 64, 3), (0, 0, 255), np.uint8))
    film.release()
    harness.app.settings_store.change_setting(SettingChange("responder", "camera", str(tmp_path / "camera.avi")))
    harness.app.capture.take_photo()
    qtbot.waitUntil(lambda: harness.calls[-1][0] == "attach_encoded_picture")
    name, data, title = harness.calls[-1]
    color = QPixmap.fromImage(QImage.fromData(data)).toImage().pixelColor(30, 20)
    assert (name, title) == ("attach_encoded_picture", "photograph.png") and color.red() > 200 > 60 > color.blue()
