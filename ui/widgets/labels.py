"""Labels, tool tips, message boxes and file dialogs that show text exactly as it is.

Qt takes whatever looks like HTML for rich text, and opens the files that it names: a FIFO would block the window for
ever. So everything that can show text from outside is made here; a test searches the source of the window for ways
around it."""

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

MAX_LABEL_LETTERS = 5000  # of a label, a tool tip or an item: Qt lays out all of its text at once
MAX_NAME_LETTERS = 200  # of a device, a voice or a title, which take one line
# For every line that a word takes, Qt scans the whole word: one that is twice as long takes four times as long.
# (Chinese and Japanese can be broken anywhere.)
_LONG_WORD = re.compile("[^ \t\n\u200b\u2028\u2029\u2e80-\u9fff\uff00-\uff60]{4000}")


def shorten_text(text: str, max_letters: int = MAX_LABEL_LETTERS) -> str:
    """The first `max_letters` letters, the last of them an ellipsis if there were more."""
    return text if len(text) <= max_letters else text[: max_letters - 1] + "…"


def break_long_words(text: str) -> str:
    """Puts a zero-width space after every 4,000 letters of a word, so that Qt may break it there."""
    return _LONG_WORD.sub(lambda piece: piece[0] + "\u200b", text)


class PlainLabel(QLabel):
    """A label that never interprets its text as markup, and shows only the beginning of a very long one."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        super().setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(shorten_text(text))


def plain_label(text: str, object_name: str = "", is_quiet: bool = True) -> PlainLabel:
    """Makes a label with line breaks; `is_quiet` gives it a muted colour."""
    label = PlainLabel(text)
    label.setWordWrap(True)
    label.setObjectName(object_name)
    label.setProperty("quiet", is_quiet)
    return label


def set_tool_tip(target: HasToolTip, text: str) -> None:
    """Sets a tool tip. Qt has no plain ones: text that it would take for markup is escaped as markup."""
    text = shorten_text(text)
    markup = text
    if QtGui.Qt.mightBeRichText(text):
        markup = QtGui.Qt.convertFromPlainText(text, QtGui.Qt.WhiteSpaceMode.WhiteSpaceNormal)
    target.setToolTip(markup)
    if markup != text and isinstance(target, QWidget) and not target.accessibleDescription():
        target.setAccessibleDescription(text)  # else screen readers read the tool tip with its markup


def message_box(parent: QWidget | None, title: str, text: str) -> QMessageBox:
    """Makes a message box; the caller sets its icon and buttons and shows it."""
    from PySide6.QtWidgets import QMessageBox  # after the first paint

    box = QMessageBox(parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(title)
    box.setText(shorten_text(text))
    return box


def show_information(parent: QWidget | None, title: str, text: str) -> None:
    """Shows a text, and returns when the user has closed it."""
    message_box(parent, title, text).exec()


def show_warning(parent: QWidget | None, title: str, text: str) -> None:
    """Shows what went wrong, and returns when the user has closed it."""
    box = message_box(parent, title, text)
    box.setIcon(box.Icon.Warning)
    box.exec()


def ask_confirmation(parent: QWidget | None, title: str, question: str) -> bool:
    """Asks a question; whether the user answered Yes."""
    box = message_box(parent, title, question)
    box.setIcon(box.Icon.Question)
    box.setStandardButtons(box.StandardButton.Yes | box.StandardButton.No)
    return bool(box.exec() == box.StandardButton.Yes)


def open_file(parent: QWidget, title: str, kinds: str) -> str:
    """The path of the file that the user picks, "" for none; `kinds` are Qt's name filters.

    The dialog is read-only: Qt asks about renaming and deleting in markup."""
    from PySide6.QtWidgets import QFileDialog

    return QFileDialog.getOpenFileName(parent, title, "", kinds, "", QFileDialog.Option.ReadOnly)[0]


def open_files(parent: QWidget, title: str, kinds: str) -> list[str]:
    """The paths of the files that the user picks; see `open_file`."""
    from PySide6.QtWidgets import QFileDialog

    return QFileDialog.getOpenFileNames(parent, title, "", kinds, "", QFileDialog.Option.ReadOnly)[0]


def save_file(parent: QWidget, title: str, name: str, kinds: str) -> tuple[str, str]:
    """The path that the user picks and the filter of `kinds` that was selected; both "" if the user cancels.

    It asks itself before a file is overwritten: Qt's own question would interpret the name as markup."""
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
    """Puts a page into a scroll area that Tab passes over."""
    page.setObjectName("options")
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(page)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area
