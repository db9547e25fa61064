"""The look of the window: its themes, fonts, distances and style sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

SPACING_PX = 12  # all distances are multiples of a third of it


@dataclass(frozen=True)
class Theme:
    """The colours of a theme, each as "#rrggbb"."""

    background: str  # of the window
    surface: str  # of fields, buttons and cards, which lie on the background
    border: str
    text: str
    muted: str  # text that matters less
    accent: str  # what can be pressed, and the focus
    on_accent: str  # text and icons on the accent
    accent_soft: str  # the accent as a background
    warning: str  # the stop button, and regions that an answer points at
    warning_soft: str  # the same as a background
    selection: str  # the background of a selected or hovered item


LIGHT = Theme(
    background="#f6f5f1", surface="#fffefb", border="#e3e1da", text="#1d2023", muted="#61676b", accent="#0b6e69",
    on_accent="#fffefb", accent_soft="#e6f1ef", warning="#a8480f", warning_soft="#fbeee4", selection="#eef0ec",
)  # fmt: skip
DARK = Theme(
    background="#15181b", surface="#1c2024", border="#2c3237", text="#eceeef", muted="#9aa3a9", accent="#4fc3b6",
    on_accent="#10201f", accent_soft="#1b302f", warning="#f0a06a", warning_soft="#33271e", selection="#242a2f",
)  # fmt: skip
# Text has a contrast of 7:1 or more to its background, and every border is visible (WCAG 2.2, level AAA).
CONTRAST_LIGHT = Theme(
    background="#ffffff", surface="#ffffff", border="#000000", text="#000000", muted="#1c1c1c", accent="#003f8a",
    on_accent="#ffffff", accent_soft="#dbe9ff", warning="#7a1f00", warning_soft="#ffffff", selection="#e6e6e6",
)  # fmt: skip
CONTRAST_DARK = Theme(
    background="#000000", surface="#000000", border="#ffffff", text="#ffffff", muted="#f0f0f0", accent="#ffe34d",
    on_accent="#000000", accent_soft="#2e2a00", warning="#ffb38a", warning_soft="#000000", selection="#262626",
)  # fmt: skip


_THEMES = {"light": LIGHT, "dark": DARK}
_theme_name = "system"
_motion_is_reduced = False
_system_motion = (0, False)  # before it was reduced: the cursor's flash time in ms, whether menus are animated


def set_theme(name: str) -> None:
    """Chooses "light", "dark" or "contrast"; any other name follows the system."""
    global _theme_name
    _theme_name = name


def current_theme() -> Theme:
    """The theme that was chosen, or the one that the system asks for."""
    hints = QGuiApplication.styleHints()
    is_dark = hints.colorScheme() == Qt.ColorScheme.Dark
    wants_contrast = hasattr(hints, "accessibility") and (  # since Qt 6.10
        hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast
    )
    if _theme_name == "contrast" or (wants_contrast and _theme_name == "system"):
        return CONTRAST_DARK if is_dark else CONTRAST_LIGHT
    return _THEMES.get(_theme_name, DARK if is_dark else LIGHT)


def set_reduced_motion(is_reduced: bool) -> None:
    """Stops everything that moves by itself, or restores the system's choice: cursors blink, menus slide."""
    global _motion_is_reduced, _system_motion
    if is_reduced == _motion_is_reduced:
        return
    effect = Qt.UIEffect.UI_General  # switches all effects
    if is_reduced:
        _system_motion = (QApplication.cursorFlashTime(), QApplication.isEffectEnabled(effect))
    flash_time_ms, has_effects = (0, False) if is_reduced else _system_motion
    _motion_is_reduced = is_reduced
    QApplication.setCursorFlashTime(flash_time_ms)
    QApplication.setEffectEnabled(effect, has_effects)


def is_motion_reduced() -> bool:
    """Whether nothing may move by itself; the level meter changes in steps then."""
    return _motion_is_reduced


def connect_system_theme(slot: Callable[[], None]) -> None:
    """Calls `slot` whenever the system asks for other colours."""
    hints = QGuiApplication.styleHints()
    hints.colorSchemeChanged.connect(slot)
    if hasattr(hints, "accessibility"):
        hints.accessibility().contrastPreferenceChanged.connect(slot)


def scaled_font(scale: float = 1.0, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The system's font, `scale` times as large. It is sized in points, so that it follows the user's setting."""
    font = QFont(QApplication.font())
    font.setPointSizeF(font.pointSizeF() * scale)
    font.setWeight(weight)
    return font


def letter_width(letters: int) -> int:
    """The width of so many letters of the system's font, in pixels: what holds text grows with it."""
    return QFontMetrics(QApplication.font()).averageCharWidth() * letters


def fit_dialog(dialog: QWidget, width: int, height: int) -> None:
    """Resizes a dialog to `width` and `height` pixels, more with larger letters, at most 90 % of the screen."""
    screen, scale = dialog.screen().availableSize(), max(1.0, letter_width(60) / 480)
    dialog.resize(
        min(round(width * scale), screen.width() * 9 // 10), min(round(height * scale), screen.height() * 9 // 10)
    )


def apply_theme(application: QApplication) -> None:
    """Gives the application the palette and the style sheet of the current theme."""
    colors = current_theme()
    roles = QPalette.ColorRole
    palette = QPalette()
    for role, color in (
        (roles.Window, colors.background), (roles.Base, colors.surface), (roles.AlternateBase, colors.background),
        (roles.Text, colors.text), (roles.WindowText, colors.text), (roles.ButtonText, colors.text),
        (roles.Button, colors.surface), (roles.Highlight, colors.accent), (roles.HighlightedText, colors.on_accent),
        (roles.PlaceholderText, colors.muted), (roles.ToolTipBase, colors.surface), (roles.ToolTipText, colors.text),
    ):  # fmt: skip
        palette.setColor(role, QColor(color))
    application.setPalette(palette)
    application.setStyleSheet(_style_sheet(colors))


def _style_sheet(c: Theme) -> str:
    return f"""
    QMainWindow, QWidget#side, QWidget#tray {{ background: {c.background}; }}
    QWidget#side {{ border-right: 1px solid {c.border}; }}
    QWidget#tray {{ border-left: 1px solid {c.border}; }}
    QWidget#bar {{ background: {c.surface}; border-top: 1px solid {c.border}; }}
    QLabel {{ color: {c.text}; background: transparent; }}
    QLabel[quiet="true"] {{ color: {c.muted}; }}
    QLabel#here {{ color: {c.accent}; }}
    QListView#conversation {{ background: {c.background}; border: none; padding: 14px 0; }}
    QListView#past {{ background: transparent; border: 2px solid transparent; border-radius: 10px; outline: none; }}
    QListView#past:focus {{ border-color: {c.accent}; }}
    QLineEdit, QSpinBox, QDoubleSpinBox {{
        background: {c.surface}; color: {c.text};
        border: 1px solid {c.border}; border-radius: 10px; padding: 7px 10px; }}
    QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus {{ border: 2px solid {c.accent}; }}
    QSpinBox QLineEdit, QDoubleSpinBox QLineEdit {{ border: none; padding: 0 10px; background: transparent; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ width: 0; height: 0; border: none; }}
    QPushButton[flat="true"] {{
        background: transparent; border-color: transparent; color: {c.muted}; padding: 4px 8px; }}
    QPushButton[flat="true"]:focus {{ border-color: {c.accent}; }}
    QPushButton:checked {{ background: {c.accent_soft}; }}
    QDialog, QWidget#options {{ background: {c.background}; }}
    QScrollArea {{ border: none; background: {c.background}; }}
    QProgressBar {{ background: {c.border}; border: none; border-radius: 3px; }}
    QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
    QMenu {{ background: {c.surface}; color: {c.text}; border: 1px solid {c.border}; padding: 4px; }}
    QMenu::item {{ padding: 6px 18px; }} QMenu::item:selected {{ background: {c.accent_soft}; }}
    QListWidget {{ background: {c.background}; border: 2px solid transparent; border-radius: 10px; outline: none; }}
    QListWidget:focus {{ border-color: {c.accent}; }}
    QListWidget::item {{ color: {c.text}; border-radius: 8px; padding: 4px; }}
    QListWidget::item:selected {{ background: {c.accent_soft}; color: {c.text}; }}
    QPlainTextEdit, QComboBox, QPushButton {{
        background: {c.surface}; color: {c.text};
        border: 1px solid {c.border}; border-radius: 10px; padding: 7px 12px; }}
    QPlainTextEdit {{ padding: 5px 8px; }}
    QPlainTextEdit:focus, QComboBox:focus, QPushButton:focus {{ border: 2px solid {c.accent}; }}
    QPushButton:hover, QComboBox:hover {{ background: {c.selection}; }}
    QPushButton:disabled {{ color: {c.muted}; }}
    QPushButton#stop {{
        background: {c.warning_soft}; color: {c.warning}; border-color: {c.warning_soft}; }}
    QPushButton#stop:focus {{ border-color: {c.warning}; }}
    QPushButton#stop:disabled {{ background: transparent; color: {c.muted}; border-color: {c.border}; }}
    QComboBox::drop-down {{ border: none; width: 22px; }}
    QComboBox::down-arrow {{ image: none; width: 0; }}
    QComboBox QAbstractItemView {{ background: {c.surface}; color: {c.text}; border: 1px solid {c.border};
        selection-background-color: {c.accent_soft}; selection-color: {c.text}; outline: none; }}
    QCheckBox {{ color: {c.text}; spacing: 8px; padding: 3px; border: 2px solid transparent; border-radius: 6px; }}
    QCheckBox:focus {{ border-color: {c.accent}; }}
    QCheckBox::indicator {{ width: 16px; height: 16px; border: 1px solid {c.muted}; border-radius: 4px; }}
    QCheckBox::indicator:checked {{ background: {c.accent}; border-color: {c.accent}; }}
    QLabel#drop {{ border: 1px dashed {c.border}; border-radius: 10px; color: {c.muted}; padding: 18px; }}
    QLabel#drop[over="true"] {{ border: 2px dashed {c.accent}; background: {c.accent_soft}; color: {c.text}; }}
    QTableWidget {{ background: {c.surface}; color: {c.text}; gridline-color: {c.border}; border: 1px solid {c.border};
        selection-background-color: {c.accent_soft}; selection-color: {c.text}; }}
    QHeaderView::section {{ background: {c.background}; color: {c.muted}; border: none; padding: 5px 8px; }}
    QToolTip {{ background: {c.surface}; color: {c.text}; border: 1px solid {c.border}; padding: 4px; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar::handle:vertical {{ background: {c.border}; border-radius: 5px; min-height: 30px; }}
    QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
        background: none; height: 0; }}
    """
