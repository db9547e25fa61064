"""The settings, each with one line of help, found by search, changed at once. Knows nothing of what they change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from assistant.setting_change import SettingChange
from assistant.settings import MIN_SPEED, Settings
from assistant.settings_file import format_settings
from assistant.text.i18n import tr
from ui import theme
from ui.dialogs.settings_schema import SETTING_SPECS, SettingSpec
from ui.widgets.combo_box import ComboBox
from ui.widgets.labels import (
    MAX_NAME_LETTERS,
    ask_confirmation,
    plain_label,
    save_file,
    scroll_area,
    shorten_text,
    show_warning,
)
from ui.widgets.line_edit import LineEdit

if TYPE_CHECKING:
    from PySide6.QtGui import QWheelEvent


class SettingsDialog(QDialog):
    """The dialog with all settings; each change takes effect at once.

    `setting_changed` carries a `SettingChange`; `settings_reset` carries the `Settings` with every listed field back at
    its default."""

    setting_changed, settings_reset = Signal(object), Signal(object)

    def __init__(self, parent: QWidget, get_settings: Callable[[], Settings]) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Settings"))
        theme.fit_dialog(self, 560, 620)
        self._get_settings = get_settings
        self.search_field = LineEdit(tr("Search settings"), tr("Search settings"))
        self.search_field.setClearButtonEnabled(True)
        self.search_field.textChanged.connect(self._filter_rows)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setSpacing(theme.SPACE)
        self.rows: list[tuple[SettingSpec, QWidget, Any]] = []
        for option in SETTING_SPECS:
            row, control = self._add_row(option)
            self.rows.append((option, row, control))
            column.addWidget(row)
        column.addStretch(1)
        buttons = QHBoxLayout()
        for text, slot in (
            (tr("Put all back"), self._reset_settings),
            (tr("Export …"), self._export_settings),
            (tr("Close"), self.accept),
        ):
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(slot)
            buttons.addWidget(button)
        whole = QVBoxLayout(self)
        whole.addWidget(self.search_field)
        whole.addWidget(scroll_area(inside), 1)
        whole.addLayout(buttons)

    def offer_choices(self, field: str, names: Sequence[str], chosen: str) -> None:
        """The microphones ("input") or speakers ("output") that there are now."""
        entries = [("", tr("The system's own")), *((name, name) for name in names)]
        next(control for option, _, control in self.rows if option.field == field).offer_entries(entries, chosen)

    def _add_row(self, option: SettingSpec) -> tuple[QWidget, Any]:
        value = getattr(getattr(self._get_settings(), option.section), option.field)
        control = _make_control(option, value, self._change_setting)
        control.setAccessibleName(tr(option.title))
        control.setAccessibleDescription(tr(option.help))
        row = QWidget()
        column = QVBoxLayout(row)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        told, title = plain_label(tr(option.help)), plain_label(tr(option.title), quiet=False)
        title.setBuddy(control)
        title.setVisible(not isinstance(control, QCheckBox))
        for widget in (title, control, told):
            column.addWidget(widget)
        return row, control

    def _change_setting(self, option: SettingSpec, value: object) -> None:
        self.setting_changed.emit(SettingChange(option.section, option.field, value))

    @Slot(str)
    def _filter_rows(self, text: str) -> None:
        wanted = text.casefold().split()
        for option, row, _ in self.rows:
            words = f"{tr(option.title)} {tr(option.help)} {option.section} {option.field}".casefold()
            row.setVisible(all(one in words for one in wanted))

    @Slot()
    def _reset_settings(self) -> None:
        """Every setting of this list as it was at the first start, if the user is sure."""
        question = tr("Put all settings back, prompts too?")
        if not ask_confirmation(self, tr("Put all back"), question):
            return
        settings, usual = self._get_settings(), Settings()
        for option, _, control in self.rows:
            value = getattr(getattr(usual, option.section), option.field)
            _set_control(control, value)
            section = replace(getattr(settings, option.section), **{option.field: value})
            settings = replace(settings, **{option.section: section})
        self.settings_reset.emit(settings)

    @Slot()
    def _export_settings(self) -> None:
        name, _ = save_file(self, tr("Export settings"), "hark-settings.toml", "TOML (*.toml)")
        if not name:
            return
        try:
            Path(name).write_text(format_settings(self._get_settings()), "utf-8")
        except OSError as error:
            show_warning(self, tr("Export settings"), tr("The settings cannot be kept: {why}.").format(why=error))


class _SpinBox(QSpinBox):
    """The wheel scrolls the page, not the number."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class _DoubleSpinBox(QDoubleSpinBox):
    """The same."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


def _make_control(option: SettingSpec, value: Any, choose: Any) -> QWidget:
    """The widget that a value of this kind is set with."""
    made: Any
    if option.choices or option.device:
        made = ComboBox()
        for one, name in option.choices:
            made.addItem(tr(name), one)
        made.activated.connect(lambda _: choose(option, made.currentData()))
    elif isinstance(value, bool):
        made = QCheckBox(tr(option.title))
        made.clicked.connect(lambda on: choose(option, on))
    elif isinstance(value, int):
        made = _SpinBox()
        made.setRange(0, int(option.most))
        made.valueChanged.connect(lambda number: choose(option, number))
        made.setKeyboardTracking(False)
    elif isinstance(value, float):
        made = _DoubleSpinBox()
        made.setRange(MIN_SPEED if option.field == "speed" else 0.0, option.most)
        made.setSingleStep(0.1)
        made.valueChanged.connect(lambda number: choose(option, round(number, 2)))
        made.setKeyboardTracking(False)
    else:
        made = LineEdit(tr(option.title))
        made.editingFinished.connect(lambda: choose(option, made.text()))
    if isinstance(made, QAbstractSpinBox):
        made.lineEdit().setTextMargins(theme.SPACE * 2 // 3, 0, 0, 0)
    _set_control(made, value)
    return made


def _set_control(control: Any, value: Any) -> None:
    """Shows a value, and tells nobody."""
    control.blockSignals(True)
    match control:
        case QComboBox():
            if control.findData(value) < 0:
                control.addItem(shorten_text(value, MAX_NAME_LETTERS) or tr("The system's own"), value)
            control.setCurrentIndex(control.findData(value))
        case QCheckBox():
            control.setChecked(value)
        case QSpinBox() | QDoubleSpinBox():
            control.setValue(value)
        case _:
            control.setText(value)
    control.blockSignals(False)
