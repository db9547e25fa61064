"""The one look of the window: colours for light and dark, sizes, the style sheet. Knows nothing of what is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

SPACE = 12  # pixels; all distances are multiples of a third of it


@dataclass(frozen=True)
class Theme:
    """Colours by what they are for. `accent` is for what one may press, `warm` for stopping and for what is unsure."""

    ground: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent_soft: str
    warm: str
    warm_soft: str
    chosen: str


LIGHT = Theme(
    ground="#f6f5f1", raised="#fffefb", line="#e3e1da", text="#1d2023", muted="#61676b", accent="#0b6e69",
    on_accent="#fffefb", accent_soft="#e6f1ef", warm="#a8480f", warm_soft="#fbeee4", chosen="#eef0ec",
)  # fmt: skip
DARK = Theme(
    ground="#15181b", raised="#1c2024", line="#2c3237", text="#eceeef", muted="#9aa3a9", accent="#4fc3b6",
    on_accent="#10201f", accent_soft="#1b302f", warm="#f0a06a", warm_soft="#33271e", chosen="#242a2f",
)  # fmt: skip
# All text 7:1 or more on what it stands on, every line to be seen (WCAG 2.2, level AAA).
CONTRAST_LIGHT = Theme(
    ground="#ffffff", raised="#ffffff", line="#000000", text="#000000", muted="#1c1c1c", accent="#003f8a",
    on_accent="#ffffff", accent_soft="#dbe9ff", warm="#7a1f00", warm_soft="#ffffff", chosen="#e6e6e6",
)  # fmt: skip
CONTRAST_DARK = Theme(
    ground="#000000", raised="#000000", line="#ffffff", text="#ffffff", muted="#f0f0f0", accent="#ffe34d",
    on_accent="#000000", accent_soft="#2e2a00", warm="#ffb38a", warm_soft="#000000", chosen="#262626",
)  # fmt: skip


_chosen = {"light": LIGHT, "dark": DARK}
_wish = "system"
_still, _usual = False, (0, False)  # and how the system has it: the cursor's milliseconds, whether menus move


def choose_theme(name: str) -> None:
    """ "light", "dark", "contrast", or anything else for what the system asks for."""
    global _wish
    _wish = name


def current_theme() -> Theme:
    """The one of now."""
    hints = QGuiApplication.styleHints()
    dark = hints.colorScheme() == Qt.ColorScheme.Dark
    asked = hasattr(hints, "accessibility") and (  # from Qt 6.10 on
        hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast
    )
    if _wish == "contrast" or (asked and _wish == "system"):
        return CONTRAST_DARK if dark else CONTRAST_LIGHT
    return _chosen.get(_wish, DARK if dark else LIGHT)


def set_reduced_motion(wanted: bool) -> None:
    """Whether nothing moves by itself: no cursor blinks, no menu slides, the level meter shows steps."""
    global _still, _usual
    if wanted == _still:
        return
    effect = Qt.UIEffect.UI_General  # all others hang on it
    if wanted:
        _usual = (QApplication.cursorFlashTime(), QApplication.isEffectEnabled(effect))
    blink, moves = (0, False) if wanted else _usual
    _still = wanted
    QApplication.setCursorFlashTime(blink)
    QApplication.setEffectEnabled(effect, moves)


def is_motion_reduced() -> bool:
    """Whether nothing may move by itself."""
    return _still


def connect_system_theme(slot: Callable[[], None]) -> None:
    """Calls it when the system asks for other colours."""
    hints = QGuiApplication.styleHints()
    hints.colorSchemeChanged.connect(slot)
    if hasattr(hints, "accessibility"):
        hints.accessibility().contrastPreferenceChanged.connect(slot)


def scaled_font(scale: float = 1.0, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The system's font, larger or smaller; never in pixels, so that it follows the user's size."""
    made = QFont(QApplication.font())
    made.setPointSizeF(made.pointSizeF() * scale)
    made.setWeight(weight)
    return made


def letter_width(letters: int) -> int:
    """Pixels for so many letters of the system's font: what holds words grows with them."""
    return QFontMetrics(QApplication.font()).averageCharWidth() * letters


def fit_dialog(dialog: QWidget, width: int, height: int) -> None:
    """Gives it so many points, more where letters are larger, and never more than the screen has."""
    screen, scale = dialog.screen().availableSize(), max(1.0, letter_width(60) / 480)
    dialog.resize(
        min(round(width * scale), screen.width() * 9 // 10), min(round(height * scale), screen.height() * 9 // 10)
    )


def apply_theme(application: QApplication) -> None:
    """Dresses the application for the scheme of now."""
    now = current_theme()
    roles = QPalette.ColorRole
    palette = QPalette()
    for role, color in (
        (roles.Window, now.ground), (roles.Base, now.raised), (roles.AlternateBase, now.ground),
        (roles.Text, now.text), (roles.WindowText, now.text), (roles.ButtonText, now.text),
        (roles.Button, now.raised), (roles.Highlight, now.accent), (roles.HighlightedText, now.on_accent),
        (roles.PlaceholderText, now.muted), (roles.ToolTipBase, now.raised), (roles.ToolTipText, now.text),
    ):  # fmt: skip
        palette.setColor(role, QColor(color))
    application.setPalette(palette)
    application.setStyleSheet(_style_sheet(now))


def _style_sheet(t: Theme) -> str:
    return f"""
    QMainWindow, QWidget#side, QWidget#tray {{ background: {t.ground}; }}
    QWidget#side {{ border-right: 1px solid {t.line}; }}
    QWidget#tray {{ border-left: 1px solid {t.line}; }}
    QWidget#bar {{ background: {t.raised}; border-top: 1px solid {t.line}; }}
    QLabel {{ color: {t.text}; background: transparent; }}
    QLabel[quiet="true"] {{ color: {t.muted}; }}
    QLabel#here {{ color: {t.accent}; }}
    QListView#conversation {{ background: {t.ground}; border: none; padding: 14px 0; }}
    QListView#past {{ background: transparent; border: 2px solid transparent; border-radius: 10px; outline: none; }}
    QListView#past:focus {{ border-color: {t.accent}; }}
    QLineEdit, QSpinBox, QDoubleSpinBox {{
        background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; border-radius: 10px; padding: 7px 10px; }}
    QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus {{ border: 2px solid {t.accent}; }}
    QSpinBox QLineEdit, QDoubleSpinBox QLineEdit {{ border: none; padding: 0 10px; background: transparent; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ width: 0; height: 0; border: none; }}
    QPushButton[flat="true"] {{
        background: transparent; border-color: transparent; color: {t.muted}; padding: 4px 8px; }}
    QPushButton[flat="true"]:focus {{ border-color: {t.accent}; }}
    QPushButton:checked {{ background: {t.accent_soft}; }}
    QDialog, QWidget#options {{ background: {t.ground}; }}
    QScrollArea {{ border: none; background: {t.ground}; }}
    QProgressBar {{ background: {t.line}; border: none; border-radius: 3px; }}
    QProgressBar::chunk {{ background: {t.accent}; border-radius: 3px; }}
    QMenu {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; padding: 4px; }}
    QMenu::item {{ padding: 6px 18px; }} QMenu::item:selected {{ background: {t.accent_soft}; }}
    QListWidget {{ background: {t.ground}; border: 2px solid transparent; border-radius: 10px; outline: none; }}
    QListWidget:focus {{ border-color: {t.accent}; }}
    QListWidget::item {{ color: {t.text}; border-radius: 8px; padding: 4px; }}
    QListWidget::item:selected {{ background: {t.accent_soft}; color: {t.text}; }}
    QPlainTextEdit, QComboBox, QPushButton {{
        background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; border-radius: 10px; padding: 7px 12px; }}
    QPlainTextEdit {{ padding: 5px 8px; }}
    QPlainTextEdit:focus, QComboBox:focus, QPushButton:focus {{ border: 2px solid {t.accent}; }}
    QPushButton:hover, QComboBox:hover {{ background: {t.chosen}; }}
    QPushButton:disabled {{ color: {t.muted}; }}
    QPushButton#stop {{
        background: {t.warm_soft}; color: {t.warm}; border-color: {t.warm_soft}; }}
    QPushButton#stop:focus {{ border-color: {t.warm}; }}
    QPushButton#stop:disabled {{ background: transparent; color: {t.muted}; border-color: {t.line}; }}
    QComboBox::drop-down {{ border: none; width: 22px; }}
    QComboBox::down-arrow {{ image: none; width: 0; }}
    QComboBox QAbstractItemView {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line};
        selection-background-color: {t.accent_soft}; selection-color: {t.text}; outline: none; }}
    QCheckBox {{ color: {t.text}; spacing: 8px; padding: 3px; border: 2px solid transparent; border-radius: 6px; }}
    QCheckBox:focus {{ border-color: {t.accent}; }}
    QCheckBox::indicator {{ width: 16px; height: 16px; border: 1px solid {t.muted}; border-radius: 4px; }}
    QCheckBox::indicator:checked {{ background: {t.accent}; border-color: {t.accent}; }}
    QLabel#drop {{ border: 1px dashed {t.line}; border-radius: 10px; color: {t.muted}; padding: 18px; }}
    QLabel#drop[over="true"] {{ border: 2px dashed {t.accent}; background: {t.accent_soft}; color: {t.text}; }}
    QTableWidget {{ background: {t.raised}; color: {t.text}; gridline-color: {t.line}; border: 1px solid {t.line};
        selection-background-color: {t.accent_soft}; selection-color: {t.text}; }}
    QHeaderView::section {{ background: {t.ground}; color: {t.muted}; border: none; padding: 5px 8px; }}
    QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; padding: 4px; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar::handle:vertical {{ background: {t.line}; border-radius: 5px; min-height: 30px; }}
    QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
        background: none; height: 0; }}
    """
