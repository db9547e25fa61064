"""The dialog with all settings: each has one line of help, is found by search, and changes at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        page = QWidget()
        column = QVBoxLayout(page)
        column.setSpacing(theme.SPACING_PX)
        self.rows: list[tuple[SettingSpec, QWidget, Any]] = []  # the row of each setting and the control in it
        for spec in SETTING_SPECS:
            row, control = self._make_row(spec)
            self.rows.append((spec, row, control))
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
        layout = QVBoxLayout(self)
        layout.addWidget(self.search_field)
        layout.addWidget(scroll_area(page), 1)
        layout.addLayout(buttons)

    def offer_devices(self, field: str, names: Sequence[str], selected: str) -> None:
        """Offers the microphones (`field` is "input") or speakers ("output") that exist, and selects one."""
        entries = [("", tr("The system's own")), *((name, name) for name in names)]
        for spec, _, control in self.rows:
            if spec.field == field and isinstance(control, ComboBox):
                control.set_entries(entries, selected)

    def _make_row(self, spec: SettingSpec) -> tuple[QWidget, QWidget]:
        """The row of a setting, and the control in it."""
        value = getattr(getattr(self._get_settings(), spec.section), spec.field)
        control = _make_control(spec, value, self._emit_change)
        control.setAccessibleName(tr(spec.title))
        control.setAccessibleDescription(tr(spec.help))
        row = QWidget()
        column = QVBoxLayout(row)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        help_label, title = plain_label(tr(spec.help)), plain_label(tr(spec.title), is_quiet=False)
        title.setBuddy(control)
        title.setVisible(not isinstance(control, QCheckBox))
        for widget in (title, control, help_label):
            column.addWidget(widget)
        return row, control

    def _emit_change(self, spec: SettingSpec, value: object) -> None:
        self.setting_changed.emit(SettingChange(spec.section, spec.field, value))

    @Slot(str)
    def _filter_rows(self, text: str) -> None:
        words = text.casefold().split()
        for spec, row, _ in self.rows:
            searched = f"{tr(spec.title)} {tr(spec.help)} {spec.section} {spec.field}".casefold()
            row.setVisible(all(word in searched for word in words))

    @Slot()
    def _reset_settings(self) -> None:
        """Gives every setting of this list its default value, if the user confirms it."""
        question = tr("Put all settings back, prompts too?")
        if not ask_confirmation(self, tr("Put all back"), question):
            return
        settings, defaults = self._get_settings(), Settings()
        for spec, _, control in self.rows:
            value = getattr(getattr(defaults, spec.section), spec.field)
            _set_control(control, value)
            settings = SettingChange(spec.section, spec.field, value).apply_to(settings)
        self.settings_reset.emit(settings)

    @Slot()
    def _export_settings(self) -> None:
        path, _ = save_file(self, tr("Export settings"), "hark-settings.toml", "TOML (*.toml)")
        if not path:
            return
        try:
            Path(path).write_text(format_settings(self._get_settings()), "utf-8")
        except OSError as error:
            show_warning(self, tr("Export settings"), tr("The settings cannot be kept: {why}.").format(why=error))


class _SpinBox(QSpinBox):
    """A spin box that the mouse wheel does not change: it scrolls the page."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class _DoubleSpinBox(QDoubleSpinBox):
    """A spin box for fractions that the mouse wheel does not change."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


def _make_control(spec: SettingSpec, value: Any, emit_change: Callable[[SettingSpec, object], None]) -> QWidget:
    """The control that fits the type of the value. It calls `emit_change` whenever the user changes it."""
    control: Any
    if spec.choices or spec.is_device:
        control = ComboBox()
        for choice, name in spec.choices:
            control.addItem(tr(name), choice)
        control.activated.connect(lambda _: emit_change(spec, control.currentData()))
    elif isinstance(value, bool):
        control = QCheckBox(tr(spec.title))
        control.clicked.connect(lambda is_checked: emit_change(spec, is_checked))
    elif isinstance(value, int):
        control = _SpinBox()
        control.setRange(0, int(spec.maximum))
        control.valueChanged.connect(lambda number: emit_change(spec, number))
        control.setKeyboardTracking(False)
    elif isinstance(value, float):
        control = _DoubleSpinBox()
        control.setRange(MIN_SPEED if spec.field == "speed" else 0.0, spec.maximum)
        control.setSingleStep(0.1)
        control.valueChanged.connect(lambda number: emit_change(spec, round(number, 2)))
        control.setKeyboardTracking(False)
    else:
        control = LineEdit(tr(spec.title))
        control.editingFinished.connect(lambda: emit_change(spec, control.text()))
    if isinstance(control, QAbstractSpinBox):
        control.lineEdit().setTextMargins(theme.SPACING_PX * 2 // 3, 0, 0, 0)
    _set_control(control, value)
    return control


def _set_control(control: Any, value: Any) -> None:
    """Shows a value without emitting a change."""
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
