"""The links of an answer: told with the address that they lead to, and opened only when the user says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QInputDialog, QMessageBox

from assistant.words.tongue import tr

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


def ask(parent: QWidget, addresses: Sequence[str]) -> None:
    """Which link, if there are several; then whether it is to be opened, with all of its address."""
    if not addresses:
        QMessageBox.information(parent, tr("Links"), tr("There is no link in this message."))
        return
    address, sure = addresses[0], True
    if len(addresses) > 1:
        address, sure = QInputDialog.getItem(parent, tr("Links"), tr("Link"), list(addresses), 0, False)
    if sure and _wanted(parent, address):
        QDesktopServices.openUrl(QUrl(address, QUrl.ParsingMode.StrictMode))


def _wanted(parent: QWidget, address: str) -> bool:
    box = QMessageBox(parent)
    box.setWindowTitle(tr("Open a link"))
    box.setTextFormat(box.textFormat().PlainText)
    box.setText(tr("An answer names this address. Open it in the browser?\n{address}").format(address=address))
    box.setStandardButtons(QMessageBox.StandardButton.Open | QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(QMessageBox.StandardButton.Cancel)
    return bool(box.exec() == QMessageBox.StandardButton.Open)
