"""Pointing at a place in a picture, and places that an answer names."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from assistant import events
from tests.support.window_harness import SHOWN, WindowHarness, of_colour
from ui import theme


def told(harness: WindowHarness) -> list[str]:
    steps: list[str] = []
    harness.window.picture_tray.region_selector.announced.connect(steps.append)
    return steps


def warm(harness: WindowHarness) -> tuple[int, int, int, int] | None:
    """The box around what is drawn in the colour of places, in points."""
    points = of_colour(harness.window.picture_tray.region_selector, theme.current_theme().warning)
    across, down = {x for x, _ in points}, {y for _, y in points}
    return (min(across), min(down), max(across) + 1, max(down) + 1) if points else None


def test_pointing_by_keys_tells_each_step_and_asks(harness: WindowHarness) -> None:
    harness.on(SHOWN)
    pointing, steps = harness.window.picture_tray.region_selector, told(harness)
    keys = Qt.Key
    for key in (
        keys.Key_Up, keys.Key_Right, keys.Key_Right, keys.Key_Plus, keys.Key_Left, keys.Key_Plus, keys.Key_Minus,
    ):  # fmt: skip
        harness.key(pointing, key)
    assert steps == [
        "top", "top right", "top right", "middle, zoomed once", "left, zoomed once", "middle, zoomed twice",
        "middle, zoomed once",
    ]  # fmt: skip
    assert harness.window.picture_tray.region_label.text() == "Pointing: middle, zoomed once"
    harness.key(pointing, keys.Key_Minus)
    for key in (keys.Key_Up, keys.Key_Right):
        harness.key(pointing, key)
    harness.window.input_bar.question_field.setPlainText("What is it?")
    harness.key(pointing, keys.Key_Return)
    assert harness.calls[-1] == ("ask", "What is it?", "d" * 64, (600, 0, 900, 200))


def test_zooming_ends_where_there_is_nothing_more_to_see(harness: WindowHarness) -> None:
    harness.on(SHOWN)
    pointing, steps = harness.window.picture_tray.region_selector, told(harness)
    harness.key(pointing, Qt.Key.Key_Minus)
    for _ in range(9):
        harness.key(pointing, Qt.Key.Key_Plus)
    assert steps[0] == "This is the whole picture" and steps[-1] == "This is as near as it goes"
    left, top, right, bottom = pointing.selected_box
    assert 0 < min(right - left, bottom - top) < 9


def test_region_is_selected_by_mouse(harness: WindowHarness) -> None:
    harness.on(SHOWN)
    pointing = harness.window.picture_tray.region_selector
    frame = QRectF(pointing.rect())

    def mouse(kind: QEvent.Type, at: QPointF) -> None:
        button = Qt.MouseButton.LeftButton
        event = QMouseEvent(
            kind, at, QPointF(pointing.mapToGlobal(QPoint(0, 0))) + at, button, button, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(pointing, event)

    mouse(QEvent.Type.MouseButtonPress, frame.center())
    mouse(QEvent.Type.MouseMove, frame.bottomRight() + QPointF(30, 30))
    mouse(QEvent.Type.MouseButtonRelease, frame.bottomRight())
    name, text, digest, box = harness.calls[-1]
    assert (name, text, digest) == ("ask", "What is here?", "d" * 64)
    assert all(abs(actual - expected) <= 8 for actual, expected in zip(box, (450, 300, 900, 600), strict=True)), box


def test_places_in_an_answer_are_drawn_and_listed_in_words(harness: WindowHarness) -> None:
    harness.on(SHOWN)
    harness.on(
        events.TurnStarted(1),
        events.Heard("where?"),
        events.Wrote("Here."),
        events.RegionPointed("clock", "d" * 64, 700, 10, 890, 150),
        events.TurnEnded("answered", "where?", "Here.", "x"),
    )
    assert harness.texts() == ["where?", "Here.", "clock: top right of picture 1"]
    pointing, drawn = harness.window.picture_tray.region_selector, warm(harness)
    scale = 900 / pointing.width()
    above = (pointing.height() - 600 / scale) / 2
    box = [round((edge - above * (place % 2)) * scale) for place, edge in enumerate(drawn or ())]
    assert all(abs(actual - expected) <= 12 for actual, expected in zip(box, (700, 10, 890, 150), strict=True)), box


def test_places_are_told_and_kept_with_their_pictures(harness: WindowHarness, announced: list[str]) -> None:
    for digest in ("d" * 64, "e" * 64):
        harness.on(replace(SHOWN, digest=digest))
    harness.on(
        events.TurnStarted(1),
        events.Heard("where?"),
        events.Wrote("Here."),
        events.RegionPointed("star", "d" * 64, 700, 10, 800, 100),
        events.RegionPointed("ring", "e" * 64, 10, 10, 80, 80),
        events.TurnEnded("answered", "where?", "Here."),
    )
    assert any(
        "star: top right of picture 1" in announcement and "ring: top left of picture 2" in announcement
        for announcement in announced
    )
    for row in (0, 1, 0):
        harness.window.picture_tray.picture_list.setCurrentRow(row)
        assert warm(harness)
    harness.on(events.TurnStarted(2))
    harness.on(events.Heard("and now?"))
    harness.window.picture_tray.picture_list.setCurrentRow(1)
    assert not warm(harness)


def test_a_cost_that_comes_late_does_not_move_the_pointing(harness: WindowHarness) -> None:
    tray = harness.window.picture_tray
    harness.on(SHOWN)
    harness.key(tray.region_selector, Qt.Key.Key_Plus)
    selected = tray.region_selector.selected_box
    harness.on(events.PictureCostEstimated("d" * 64, 9, 6, 1, 1.0, 1.0))
    assert tray.region_selector.selected_box == selected and tray.region_label.text().endswith("middle, zoomed once")
    assert "tokens" in tray.cost_label.text()
