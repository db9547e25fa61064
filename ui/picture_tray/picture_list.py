"""The numbered thumbnails in the picture tray."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIcon, QImage
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from assistant.text.i18n import tr
from ui.picture_tray.thumbnail import TRAY_THUMBNAIL_SIZE, framed_thumbnail
from ui.widgets.grid_cursor import Box
from ui.widgets.labels import set_tool_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

_COLUMNS, _MAX_VISIBLE_ROWS = 3, 3


class PictureItem(QListWidgetItem):
    """One picture of the tray: `image` is a small copy of a picture of `width` x `height` pixels."""

    def __init__(self, digest: str, name: str, width: int, height: int, image: QImage) -> None:
        super().__init__()
        self.digest, self.name, self.width, self.height, self.image = digest, name, width, height, image
        self.cost = ""  # what a question about it costs, in words
        self.marks: list[tuple[str, Box]] = []  # the regions that the last answer pointed at, with their labels
        self._painted_number = 0

    def update_label(self, number: int) -> None:
        """Shows the picture's number, counted from 1, and describes it for tool tips and screen readers."""
        if self._painted_number != number:
            thumbnail = framed_thumbnail(self.image, number)
            icon = QIcon(thumbnail)
            icon.addPixmap(thumbnail, QIcon.Mode.Selected)  # else Qt tints the selected one
            self.setIcon(icon)
            self._painted_number = number
        size = f"{self.width} × {self.height}"
        set_tool_tip(self, "\n".join(filter(None, (self.name, size, self.cost))))
        self.setData(Qt.ItemDataRole.AccessibleDescriptionRole, self.cost)
        self.setData(
            Qt.ItemDataRole.AccessibleTextRole,
            tr("Picture {n}: {name}, {width} by {height} pixels").format(
                n=number, name=self.name, width=self.width, height=self.height
            ),
        )


class PictureListView(QListWidget):
    """The thumbnails as a grid. `removal_requested` carries a digest when Delete is pressed on a picture."""

    removal_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Pictures"))
        self.setAccessibleDescription(tr("The pictures that questions are about. Delete lets one go."))
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setMovement(QListWidget.Movement.Static)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setIconSize(TRAY_THUMBNAIL_SIZE)
        self.setSpacing(2)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    @property
    def pictures(self) -> list[PictureItem]:
        """All pictures, in the order of their numbers."""
        items = (self.item(row) for row in range(self.count()))
        return [item for item in items if isinstance(item, PictureItem)]

    @property
    def current_picture(self) -> PictureItem | None:
        """The selected picture; None if the tray is empty."""
        item = self.currentItem()
        return item if isinstance(item, PictureItem) else None

    def find_row(self, digest: str) -> int | None:
        """The row of a picture; None if it is not in the tray."""
        return next((row for row, picture in enumerate(self.pictures) if picture.digest == digest), None)

    def remove_picture(self, digest: str) -> int | None:
        """Removes a picture if it is in the tray; returns the row that it was in, or None."""
        row = self.find_row(digest)
        if row is not None:
            self.takeItem(row)
        return row

    def update_labels(self) -> None:
        """Numbers the pictures anew and makes room for their rows."""
        for number, picture in enumerate(self.pictures, 1):
            picture.update_label(number)
        rows = -(-self.count() // _COLUMNS)
        self.setFixedHeight(min(_MAX_VISIBLE_ROWS, rows) * (TRAY_THUMBNAIL_SIZE.height() + 16) + 8)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        picture = self.current_picture
        if picture and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removal_requested.emit(picture.digest)
        else:
            super().keyPressEvent(event)
