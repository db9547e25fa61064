"""Text in widgets, shown as it is: labels, tool tips, message boxes, file dialogs; and a page that scrolls.

Qt takes whatever looks like HTML for rich text there, and opens the files that it names: a FIFO holds the window up for
ever. Everything that can show text from outside is made here; a test reads the window's source for ways around it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6 import QtGui
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QScrollArea, QWidget

from assistant.text.i18n import tr

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QListWidgetItem, QMessageBox, QSystemTrayIcon

    HasToolTip = QWidget | QAction | QListWidgetItem | QSystemTrayIcon

MAX_LETTERS = 5000  # of a label, a tool tip or an item: Qt lays out all of it at once
MAX_NAME_LETTERS = 200  # of a device, a voice, a title: one line
# Qt looks at a word from its start to its end for every line that the word takes: twice as long, four times as slow.
# (Chinese and Japanese can be broken anywhere.)
_LONG_WORD = re.compile("[^ \t\n\u200b\u2028\u2029\u2e80-\u9fff\uff00-\uff60]{4000}")


def shorten_text(text: str, most: int = MAX_LETTERS) -> str:
    """At most so many letters, and a sign that there were more."""
    return text if len(text) <= most else text[: most - 1] + "…"


def break_long_words(text: str) -> str:
    """A text to be drawn, whose long words may be broken every 4,000 letters (by spaces without width)."""
    return _LONG_WORD.sub(lambda piece: piece[0] + "\u200b", text)


class PlainLabel(QLabel):
    """A label that takes no text for markup, and of a long one shows the beginning."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        super().setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(shorten_text(text))


def plain_label(text: str, name: str = "", quiet: bool = True) -> PlainLabel:
    """A label of dialogs; `quiet` ones stand back."""
    made = PlainLabel(text)
    made.setWordWrap(True)
    made.setObjectName(name)
    made.setProperty("quiet", quiet)
    return made


def set_tool_tip(shows: HasToolTip, text: str) -> None:
    """Gives it a tool tip. Qt has no plain ones: what it would take for markup is made into markup for that text."""
    text = shorten_text(text)
    markup = text
    if QtGui.Qt.mightBeRichText(text):
        markup = QtGui.Qt.convertFromPlainText(text, QtGui.Qt.WhiteSpaceMode.WhiteSpaceNormal)
    shows.setToolTip(markup)
    if markup != text and isinstance(shows, QWidget) and not shows.accessibleDescription():
        shows.setAccessibleDescription(text)  # else screen readers read the tool tip, marks and all


def message_box(parent: QWidget | None, title: str, text: str) -> QMessageBox:
    """A box with a text, not shown yet. Its modality, icon and buttons are its owner's."""
    from PySide6.QtWidgets import QMessageBox  # after the first paint

    box = QMessageBox(parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(title)
    box.setText(shorten_text(text))
    return box


def show_information(parent: QWidget | None, title: str, text: str) -> None:
    """Shows a text, and returns when it was read."""
    message_box(parent, title, text).exec()


def show_warning(parent: QWidget | None, title: str, text: str) -> None:
    """Says what went wrong, and returns when it was read."""
    box = message_box(parent, title, text)
    box.setIcon(box.Icon.Warning)
    box.exec()


def ask_confirmation(parent: QWidget | None, title: str, question: str) -> bool:
    """Whether the user says Yes."""
    box = message_box(parent, title, question)
    box.setIcon(box.Icon.Question)
    box.setStandardButtons(box.StandardButton.Yes | box.StandardButton.No)
    return bool(box.exec() == box.StandardButton.Yes)


def open_file(parent: QWidget, title: str, kinds: str) -> str:
    """The file that the user picks, or "". Nothing can be renamed or deleted there: Qt's questions about it are
    markup."""
    from PySide6.QtWidgets import QFileDialog

    return QFileDialog.getOpenFileName(parent, title, "", kinds, "", QFileDialog.Option.ReadOnly)[0]


def open_files(parent: QWidget, title: str, kinds: str) -> list[str]:
    """The same for any number of files."""
    from PySide6.QtWidgets import QFileDialog

    return QFileDialog.getOpenFileNames(parent, title, "", kinds, "", QFileDialog.Option.ReadOnly)[0]


def save_file(parent: QWidget, title: str, name: str, kinds: str) -> tuple[str, str]:
    """Where the user wants a file, and of which of the `kinds`; "" for nowhere. Asks before one is overwritten: in
    Qt's own question the name would be markup."""
    from PySide6.QtWidgets import QFileDialog

    path, kind = QFileDialog.getSaveFileName(
        parent, title, shorten_text(name, 100), kinds, "", QFileDialog.Option.DontConfirmOverwrite
    )
    if path and Path(path).exists():
        question = tr("There is a file {name} already. Replace it?").format(name=Path(path).name)
        if not ask_confirmation(parent, title, question):
            return "", ""
    return path, kind


def scroll_area(page: QWidget) -> QScrollArea:
    """A page in an area that is no stop for Tab."""
    page.setObjectName("options")
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(page)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area
