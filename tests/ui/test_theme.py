"""How the window looks: narrow, with large letters, in each colour theme, and standing still."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from assistant.setting_change import SettingChange
from tests.support.window_harness import WindowHarness, bars
from ui import theme


@pytest.mark.parametrize("width", [480, 700, 1240])
def test_window_fits_narrow_widths(qtbot: QtBot, harness: WindowHarness, width: int) -> None:
    harness.window.resize(width, 600)
    narrow = width < 900
    qtbot.waitUntil(
        lambda: (
            harness.window.sidebar.isVisible() is not narrow
            and harness.window.input_bar.conversations_button.isVisible() is narrow
        )
    )
    assert harness.window.width() == width
    harness.window.search()
    assert harness.window.sidebar.isVisible() and harness.window.width() == width
    if narrow:
        harness.window.input_bar.pictures_button.click()
        assert harness.window.picture_tray.isVisible() and not harness.window.sidebar.isVisible()
        harness.window.input_bar.pictures_button.click()
        assert not harness.window.picture_tray.isVisible()


def test_no_button_is_cut_with_letters_of_twice_the_size(
    qtbot: QtBot, qapp: QApplication, harness: WindowHarness
) -> None:
    usual = qapp.font()
    twice = QFont(usual)
    twice.setPointSizeF(2 * usual.pointSizeF())
    try:
        qapp.setFont(twice)
        harness.window.resize(480, 760)
        qtbot.waitUntil(
            lambda: harness.window.input_bar.conversations_button.isVisible() and harness.window.width() == 480
        )

        def all_buttons_are_whole() -> None:
            bar = harness.window.input_bar
            buttons = [button for button in harness.window.findChildren(QPushButton) if button.isVisible()]
            assert {bar.conversations_button, bar.ask_button, bar.stop_button} <= set(buttons)
            assert not [button.text() for button in buttons if button.width() < button.minimumSizeHint().width()]
            assert bar.question_field.width() > 400 and harness.window.width() == 480

        qtbot.waitUntil(all_buttons_are_whole, timeout=10_000)
    finally:
        qapp.setFont(usual)


def test_reduced_motion_stops_all_animation(harness: WindowHarness) -> None:
    meter, blinks = harness.window.input_bar.level_meter, QApplication.cursorFlashTime()
    moves = QApplication.isEffectEnabled(Qt.UIEffect.UI_General)
    meter.show()
    harness.app.settings_store.change_setting(SettingChange("window", "reduce_motion", True))
    assert QApplication.cursorFlashTime() == 0 and not QApplication.isEffectEnabled(Qt.UIEffect.UI_General)
    shapes = set()
    for level in (0.0, 0.02, 0.021, 0.5, 0.51, 0.9, 0.02):
        meter.add_level(level)
        shapes.add(tuple(bars(meter)))
    assert len(shapes) == 4 and all(list(bar_heights) == sorted(bar_heights, reverse=True) for bar_heights in shapes), (
        "steps, and no wave"
    )
    harness.app.settings_store.change_setting(SettingChange("window", "reduce_motion", False))
    assert (
        QApplication.cursorFlashTime() == blinks > 0 and QApplication.isEffectEnabled(Qt.UIEffect.UI_General) is moves
    )
    for level in (0.1, 0.2, 0.3):
        meter.add_level(level)
    assert bars(meter)[-3] < bars(meter)[-2] < bars(meter)[-1]


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(text_color: str, background: str) -> float:
    """WCAG 2.2."""
    light, dark = sorted((_luminance(text_color), _luminance(background)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    "colours, least", [(theme.LIGHT, 4.5), (theme.DARK, 4.5), (theme.CONTRAST_LIGHT, 7), (theme.CONTRAST_DARK, 7)]
)
def test_every_text_has_enough_contrast_with_its_background(colours: theme.Theme, least: float) -> None:
    pairs = [
        (text, background)
        for text in (colours.text, colours.muted)
        for background in (colours.background, colours.surface, colours.selection)
    ]
    pairs += [
        (colours.text, colours.accent_soft),
        (colours.on_accent, colours.accent),
        (colours.warning, colours.warning_soft),
    ]
    pairs += [(colours.accent, colours.background)]
    assert not [
        (text_color, background, _contrast(text_color, background))
        for text_color, background in pairs
        if _contrast(text_color, background) < least
    ]
