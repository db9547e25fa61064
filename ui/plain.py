"""Small things that all dialogs are made of: a label that shows text as it is, a page that scrolls."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QScrollArea, QWidget


def label(text: str, name: str = "", quiet: bool = True) -> QLabel:
    """Never read as markup; `quiet` ones stand back."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(True)
    made.setObjectName(name)
    made.setProperty("quiet", quiet)
    return made


def scrolled(page: QWidget) -> QScrollArea:
    """A page in an area that is no stop for Tab."""
    page.setObjectName("options")
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(page)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area
