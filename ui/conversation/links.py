"""Opens the links of an answer, after showing the user where they lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QInputDialog

from assistant.text.i18n import tr
from ui.widgets.labels import message_box, show_information

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


def ask_to_open(parent: QWidget, addresses: Sequence[str]) -> None:
    """Lets the user choose one of several links, shows its whole address, and opens it in the browser if agreed."""
    if not addresses:
        return show_information(parent, tr("Links"), tr("There is no link in this message."))
    address, is_chosen = addresses[0], True
    if len(addresses) > 1:
        address, is_chosen = QInputDialog.getItem(parent, tr("Links"), tr("Link"), list(addresses), 0, False)
    if is_chosen and _confirm_link(parent, address):
        QDesktopServices.openUrl(QUrl(address, QUrl.ParsingMode.StrictMode))


def _confirm_link(parent: QWidget, address: str) -> bool:
    question = tr("An answer names this address. Open it in the browser?\n{address}").format(address=address)
    box = message_box(parent, tr("Open a link"), question)
    box.setStandardButtons(box.StandardButton.Open | box.StandardButton.Cancel)
    box.setDefaultButton(box.StandardButton.Cancel)
    return bool(box.exec() == box.StandardButton.Open)
