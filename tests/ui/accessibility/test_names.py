"""Every control of every view and dialog, as a screen reader meets it: with a name, a role, and in the tab order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QProcess, Qt
from PySide6.QtGui import QAccessible, QPixmap
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from assistant import events
from tests.support.window_harness import WindowHarness
from ui.desktop.screen_capture import RegionOverlay
from ui.dialogs.doctor_dialog import DoctorDialog
from ui.dialogs.models_dialog import ModelsDialog
from ui.dialogs.settings_dialog import SettingsDialog
from ui.input_bar.timings import TimingsTable

_NO_ROLES = (QAccessible.Role.NoRole, QAccessible.Role.Client)


def nameless(view: QWidget) -> list[str]:
    """Return the focusable controls that have no accessible name or role."""
    stops = [
        control
        for control in (view, *view.findChildren(QWidget))
        if control.focusPolicy() & Qt.FocusPolicy.TabFocus and not control.focusProxy()
    ]
    interfaces = {control: QAccessible.queryAccessibleInterface(control) for control in stops if control.isVisible()}
    assert interfaces
    return [
        f"{type(control).__name__} {control.objectName()}: {face.role()}"
        for control, face in interfaces.items()
        if not face.text(QAccessible.Text.Name).strip() or face.role() in _NO_ROLES
    ]


def test_the_window_has_no_nameless_control(qtbot: QtBot, harness: WindowHarness) -> None:
    picture_added = events.PictureAdded("d" * 64, "p.png", 900, 600, 9, 6, bytes(162))
    timings = replace(events.TurnTimings(), open_pictures=0.1, first_word=0.2, answer=0.5, total=1.0)
    harness.on(
        picture_added, events.TurnStarted(1), events.Heard("q"), events.Wrote("[a](http://b.example) `c`"),
        events.TurnEnded("answered", "q", "a", "tiny", timings),
    )  # fmt: skip
    window = harness.window
    window.sidebar.conversation_panel.offer_undo(True)
    qtbot.waitUntil(
        lambda: (
            window.input_bar.timings_bar.isVisible() and not window.sidebar.conversation_panel.undo_button.isHidden()
        )
    )
    assert not nameless(window)


@pytest.mark.parametrize("kind", [SettingsDialog, ModelsDialog, DoctorDialog, TimingsTable, RegionOverlay])
def test_no_dialog_has_a_nameless_control(qtbot: QtBot, harness: WindowHarness, kind: type[QWidget]) -> None:
    window = harness.window
    if kind is RegionOverlay:
        dialog: QWidget = RegionOverlay(QPixmap(90, 60))
        dialog.show()
    else:
        timings = replace(events.TurnTimings(), open_pictures=0.1, first_word=0.2, answer=0.5, total=1.0)
        window.input_bar.timings_bar.show_turn(timings)
        {
            SettingsDialog: harness.app.dialogs.open_settings,
            ModelsDialog: harness.app.dialogs.open_models,
            DoctorDialog: harness.app.dialogs.open_doctor,
            TimingsTable: window.input_bar.timings_bar.show_table,
        }[kind]()
        (dialog,) = window.findChildren(kind)
    qtbot.waitUntil(dialog.isVisible)
    assert dialog.windowTitle() or dialog.accessibleName()
    assert not nameless(dialog)
    qtbot.waitUntil(lambda: not window.findChildren(QProcess))  # Qt warns of a process thrown away before it ends
    dialog.close()
