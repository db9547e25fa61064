"""The tray with the pictures of the next question: dropped, pasted or picked, and pointed at.

It decodes no picture itself: the engine gives it raw pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFont, QImage
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from assistant.events import PictureAdded, PictureCostEstimated, RegionPointed
from assistant.text.i18n import tr
from ui import theme
from ui.picture_tray.picture_list import PictureItem, PictureListView
from ui.picture_tray.region_selector import RegionSelector
from ui.widgets.grid_cursor import Box, place_of
from ui.widgets.labels import MAX_NAME_LETTERS, open_files, plain_label, set_tool_tip, shorten_text

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData

MAX_PICTURES_AT_ONCE = 100
# Encoded pictures as browsers and programs give them; never Qt's own image data, which Qt would have decoded.
_PICTURE_MIME_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff")
_PICTURE_PATTERNS = "*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff *.mp4 *.mov *.mkv *.webm *.avi"
SOUND_SUFFIXES = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aif", ".aiff", ".caf")


class PictureTray(QWidget):
    """The column with the pictures of the next question.

    `files_added` carries paths that were dropped, pasted or picked, `picture_data_added` an encoded picture and a name
    for it, `drop_rejected` a sentence on why nothing was added, `announced` what a screen reader should say. The others
    carry the digest of a picture: `removal_requested`, `region_selected` with a box in its pixels to ask about,
    `edit_requested` with the quarter turns to rotate it by and a box to crop it to, or ()."""

    files_added, picture_data_added, drop_rejected = Signal(list), Signal(bytes, str), Signal(str)
    announced = Signal(str)
    removal_requested, region_selected, edit_requested = Signal(str), Signal(str, tuple), Signal(str, int, tuple)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tray")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.region_selector, self.picture_list = RegionSelector(), PictureListView()
        self.region_selector.region_selected.connect(self._on_region)
        self.region_selector.announced.connect(self._show_region)
        self.region_selector.announced.connect(self.announced)
        self.region_selector.rotation_requested.connect(self._rotate_current)
        self.region_selector.crop_selected.connect(self._crop_current)
        self.picture_list.removal_requested.connect(self.removal_requested)
        self.picture_list.currentItemChanged.connect(self._show_current)
        self._title = plain_label(tr("Pictures"))
        self._title.setFont(theme.scaled_font(1.0, QFont.Weight.DemiBold))
        self.region_label, self.cost_label = plain_label("", "where"), plain_label("", "cost")
        self._drop_hint = plain_label(
            tr("Drop a picture, video or sound here,\npaste it with Ctrl+V\nor capture the screen with F7"), "drop"
        )
        self._drop_hint.setProperty("quiet", False)
        self._drop_hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.add_button = QPushButton(tr("Add a picture …"))
        set_tool_tip(self.add_button, tr("Choose picture, video or sound files (Ctrl+O)"))
        self.add_button.clicked.connect(self.pick_files)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 20, 18, 18)
        column.setSpacing(theme.SPACING_PX * 2 // 3)
        for widget in (self._title, self.region_selector, self.region_label, self.cost_label, self.picture_list):
            column.addWidget(widget)
        column.addLayout(self._make_buttons())
        column.addWidget(self._drop_hint)
        column.addWidget(self.add_button)
        column.addStretch(1)
        self._update_list()

    def _make_buttons(self) -> QHBoxLayout:
        """The buttons that act on the selected picture."""
        self.rotate_button = self._make_button(
            tr("Turn"), tr("Turn the chosen picture by a quarter (T on the large picture)")
        )
        self.crop_button = self._make_button(
            tr("Cut"), tr("Cut the chosen picture: drag a box in it (X on the large picture)")
        )
        self.remove_button = self._make_button(tr("Let it go"), tr("Let the chosen picture go (Delete)"))
        self.rotate_button.clicked.connect(self._rotate_current)
        self.crop_button.setCheckable(True)
        self.crop_button.clicked.connect(self._set_cropping)
        self.remove_button.clicked.connect(self._remove_current)
        row = QHBoxLayout()
        for button in (self.rotate_button, self.crop_button, self.remove_button):
            row.addWidget(button)
        return row

    def _make_button(self, text: str, description: str) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(description)
        set_tool_tip(button, description)
        button.setProperty("flat", True)
        return button

    @property
    def tab_order(self) -> tuple[QWidget, ...]:
        """The controls in the order in which Tab reaches them."""
        return (
            self.region_selector, self.rotate_button, self.crop_button, self.remove_button,
            self.picture_list, self.add_button,
        )  # fmt: skip

    @property
    def main_controls(self) -> tuple[QWidget, ...]:
        """The controls that F6 goes to, one after the other."""
        return self.region_selector, self.add_button

    @property
    def current_number(self) -> int:
        """The number of the selected picture, from 1; 0 if there is none."""
        return self.picture_list.currentRow() + 1

    def add_picture(self, event: PictureAdded) -> QImage:
        """Adds a picture, in the place of the one that it replaces if there is one; returns its thumbnail."""
        self.picture_list.remove_picture(event.digest)
        replaced_row = self.picture_list.remove_picture(event.replaces)
        image = QImage(
            event.thumbnail, event.thumb_width, event.thumb_height, event.thumb_width * 3, QImage.Format.Format_RGB888
        ).copy()
        picture = PictureItem(
            event.digest, shorten_text(event.name, MAX_NAME_LETTERS), event.width, event.height, image
        )
        self.picture_list.insertItem(self.picture_list.count() if replaced_row is None else replaced_row, picture)
        self._update_list()
        self.picture_list.setCurrentItem(picture)
        return image

    def show_cost(self, event: PictureCostEstimated) -> None:
        """Shows what a question about a picture will cost."""
        row = self.picture_list.find_row(event.digest)
        if row is None:
            return
        picture = self.picture_list.pictures[row]
        picture.cost = tr("{tokens} tokens · {megabytes} MB · ready in about {seconds} s").format(
            tokens=f"{event.tokens:,}",
            megabytes=f"{max(1, event.megabytes):.0f}",
            seconds=f"{max(0.1, event.seconds):.1f}",
        )
        picture.update_label(row + 1)
        if picture is self.picture_list.current_picture:
            self.cost_label.setText(picture.cost)

    def mark_region(self, event: RegionPointed) -> str:
        """Draws a region that an answer points at; returns in words where it is, "" if its picture is gone."""
        row = self.picture_list.find_row(event.picture)
        if row is None:
            return ""
        picture, box = self.picture_list.pictures[row], (event.left, event.top, event.right, event.bottom)
        label = shorten_text(event.label, MAX_NAME_LETTERS)
        self.picture_list.setCurrentItem(picture)
        picture.marks.append((label, box))
        self.region_selector.add_mark(label, box)
        return tr("{label}: {place} of picture {n}").format(
            label=label or tr("here"), place=place_of(box, (picture.width, picture.height)), n=row + 1
        )

    def clear_marks(self) -> None:
        """Removes the regions that the last answer pointed at."""
        for picture in self.picture_list.pictures:
            picture.marks.clear()
        self.region_selector.clear_marks()

    def remove_picture(self, digest: str) -> None:
        """Removes a picture that the engine has removed."""
        self.picture_list.remove_picture(digest)
        self._update_list()

    def clear_pictures(self) -> None:
        """Requests the removal of every picture."""
        for picture in self.picture_list.pictures:
            self.removal_requested.emit(picture.digest)

    def show_drop_target(self, is_over: bool) -> None:
        """Highlights the drop hint while something is dragged over the window."""
        self._drop_hint.setProperty("over", is_over)
        self._drop_hint.style().polish(self._drop_hint)

    def accepts_drop(self, data: QMimeData) -> bool:
        """Whether there are files or a picture in it. (A copied file counts as text for Qt.)"""
        return any(url.isLocalFile() for url in data.urls()) or not data.hasText()

    def add_dropped(self, data: QMimeData) -> None:
        """Adds the files or the picture that were dropped or pasted; emits `drop_rejected` where there are none."""
        paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        if paths:
            return self.files_added.emit(paths)
        for mime_type in _PICTURE_MIME_TYPES:
            if data.hasFormat(mime_type):
                name = f"picture.{mime_type.partition('/')[2]}"
                return self.picture_data_added.emit(bytes(data.data(mime_type).data()), name)
        if data.hasUrls():
            self.drop_rejected.emit(tr("Hark fetches nothing from the network. Save the picture, then drop the file."))
        else:
            self.drop_rejected.emit(tr("There is no picture in it. Save it as a file, then drop the file."))

    @Slot()
    def pick_files(self) -> None:
        """Adds files that the user picks in a dialog."""
        patterns = _PICTURE_PATTERNS + "".join(f" *{suffix}" for suffix in SOUND_SUFFIXES)
        kinds = "{} ({});;{} (*)".format(tr("Pictures, videos and sounds"), patterns, tr("All files"))
        if paths := open_files(self, tr("Add pictures"), kinds):
            self.files_added.emit(paths)

    @Slot()
    def _remove_current(self) -> None:
        if picture := self.picture_list.current_picture:
            self.removal_requested.emit(picture.digest)

    @Slot()
    def _rotate_current(self) -> None:
        if picture := self.picture_list.current_picture:
            self.edit_requested.emit(picture.digest, 1, ())

    @Slot(bool)
    def _set_cropping(self, is_cropping: bool) -> None:
        self.crop_button.setChecked(is_cropping)
        self.region_selector.is_cropping = is_cropping

    @Slot(tuple)
    def _crop_current(self, box: Box) -> None:
        self._set_cropping(False)
        if picture := self.picture_list.current_picture:
            self.edit_requested.emit(picture.digest, 0, box)

    @Slot(tuple)
    def _on_region(self, box: Box) -> None:
        if picture := self.picture_list.current_picture:
            self.region_selected.emit(picture.digest, box)

    @Slot(str)
    def _show_region(self, place: str) -> None:
        self.region_label.setText(tr("Pointing: {place}").format(place=place))

    @Slot()
    def _show_current(self) -> None:
        self._set_cropping(False)
        picture = self.picture_list.current_picture
        if picture:
            self.region_selector.show_picture(picture.image, picture.name, (picture.width, picture.height))
            for label, box in picture.marks:
                self.region_selector.add_mark(label, box)
            self.region_label.setText(f"{picture.name}, {picture.width} × {picture.height}")
            self.cost_label.setText(picture.cost)

    def _update_list(self) -> None:
        """Numbers the pictures anew, and shows what acts on them while there are any."""
        self.picture_list.update_labels()
        for widget in (
            self.region_selector, self.region_label, self.cost_label, self.picture_list,
            self.rotate_button, self.crop_button, self.remove_button,
        ):  # fmt: skip
            widget.setVisible(self.picture_list.count() > 0)
