"""The tray of pictures: dropped, pasted or picked, numbered, pointed at, let go. Opens no picture itself: it shows raw
pixels. Knows nothing of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QIcon, QImage
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from assistant.events import PictureAdded, PictureCostEstimated, RegionPointed
from assistant.text.i18n import tr
from ui import theme
from ui.picture_tray.region_selector import RegionSelector
from ui.picture_tray.thumbnail import THUMB, framed_thumbnail
from ui.widgets.grid_cursor import Box, place_of
from ui.widgets.labels import MAX_NAME_LETTERS, open_files, plain_label, set_tool_tip, shorten_text

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtGui import QKeyEvent

MAX_PICTURES_AT_ONCE = 100  # pictures that are taken at once
# Encoded pictures as browsers and programs give them; never Qt's own image data, which Qt would have decoded.
_ENCODED = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff")
SOUND_SUFFIXES = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aif", ".aiff", ".caf")
DIGEST_ROLE = Qt.ItemDataRole.UserRole
_FACTS, _COST, _MARKS, _DRAWN = (DIGEST_ROLE + more for more in (1, 2, 3, 4))


class _PictureListView(QListWidget):
    """Delete lets the current picture go."""

    remove_pressed = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        if item and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_pressed.emit(item.data(DIGEST_ROLE))
        else:
            super().keyPressEvent(event)


class PictureTray(QWidget):
    """The column with the pictures of the next question.

    `files_added` carries paths that were dropped, pasted or picked, `picture_data_added` an encoded picture and a name
    for it, `drop_rejected` a sentence on why nothing was added. The others carry the digest of a picture:
    `removal_requested`, `region_selected` with a box in its pixels to ask about, `edit_requested` with the quarter
    turns to rotate it by and a box to crop it to, or ()."""

    files_added, picture_data_added, removal_requested = Signal(list), Signal(bytes, str), Signal(str)
    region_selected, edit_requested = Signal(str, tuple), Signal(str, int, tuple)
    drop_rejected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tray")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.region_selector, self.picture_list = RegionSelector(), _PictureListView()
        self.region_selector.region_selected.connect(self._on_pointed)
        self.region_selector.announced.connect(self._on_step)
        self.region_selector.rotation_requested.connect(self._on_turn)
        self.region_selector.crop_selected.connect(self._on_crop)
        self.picture_list.setAccessibleName(tr("Pictures"))
        self.picture_list.setAccessibleDescription(tr("The pictures that questions are about. Delete lets one go."))
        self.picture_list.setViewMode(QListWidget.ViewMode.IconMode)
        self.picture_list.setMovement(QListWidget.Movement.Static)
        self.picture_list.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.picture_list.setIconSize(THUMB)
        self.picture_list.setSpacing(2)
        self.picture_list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.picture_list.remove_pressed.connect(self.removal_requested)
        self.picture_list.currentItemChanged.connect(self._show_current)
        self._title = plain_label(tr("Pictures"))
        self._title.setFont(theme.scaled_font(1.0, weight=theme.QFont.Weight.DemiBold))
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
        column.setSpacing(theme.SPACE * 2 // 3)
        for widget in (
            self._title, self.region_selector, self.region_label, self.cost_label, self.picture_list, self._drop_hint,
            self.add_button,
        ):  # fmt: skip
            column.addWidget(widget)
        column.insertLayout(5, self._make_buttons())
        column.addStretch(1)
        self._number_rows()

    def _make_buttons(self) -> QHBoxLayout:
        """What can be done with the chosen picture."""
        self.rotate_button, self.crop_button, self.remove_button = (
            QPushButton(tr("Turn")),
            QPushButton(tr("Cut")),
            QPushButton(tr("Let it go")),
        )
        for button, told, slot in (
            (self.rotate_button, tr("Turn the chosen picture by a quarter (T on the large picture)"), self._on_turn),
            (
                self.crop_button,
                tr("Cut the chosen picture: drag a box in it (X on the large picture)"),
                self._on_cropping,
            ),
            (self.remove_button, tr("Let the chosen picture go (Delete)"), self._drop_current),
        ):
            button.setAccessibleName(told)
            set_tool_tip(button, told)
            button.setProperty("flat", True)
            button.clicked.connect(slot)
        self.crop_button.setCheckable(True)
        deeds = QHBoxLayout()
        for button in (self.rotate_button, self.crop_button, self.remove_button):
            deeds.addWidget(button)
        return deeds

    def add_picture(self, event: PictureAdded) -> QImage:
        """A picture lies in the tray now, perhaps in the place of another one; returns it, small."""
        self._take_out(event.digest)
        place = self._take_out(event.replaces)
        image = QImage(
            event.thumbnail, event.thumb_width, event.thumb_height, event.thumb_width * 3, QImage.Format.Format_RGB888
        ).copy()
        item = QListWidgetItem()
        item.setData(DIGEST_ROLE, event.digest)
        name = shorten_text(event.name, MAX_NAME_LETTERS)
        item.setData(_FACTS, (name, event.width, event.height, image))
        self.picture_list.insertItem(self.picture_list.count() if place is None else place, item)
        self._number_rows()
        self.picture_list.setCurrentItem(item)
        return image

    def show_cost(self, event: PictureCostEstimated) -> None:
        """What a picture costs, before it is asked about."""
        told = tr("{tokens} tokens · {megabytes} MB · ready in about {seconds} s").format(
            tokens=f"{event.tokens:,}",
            megabytes=f"{max(1, event.megabytes):.0f}",
            seconds=f"{max(0.1, event.seconds):.1f}",
        )
        row = self._row_of(event.digest)
        if row is not None:
            self.picture_list.item(row).setData(_COST, told)
            self._row_label(row)
        current = self.picture_list.currentItem()
        if current and current.data(DIGEST_ROLE) == event.digest:
            self.cost_label.setText(told)

    def point_out(self, event: RegionPointed) -> str:
        """An answer points at a place: it is drawn; returns where that is, in words."""
        row = self._row_of(event.picture)
        if row is None:
            return ""
        item, box = self.picture_list.item(row), (event.left, event.top, event.right, event.bottom)
        label = shorten_text(event.label, MAX_NAME_LETTERS)
        self.picture_list.setCurrentItem(item)
        item.setData(_MARKS, [*(item.data(_MARKS) or ()), (label, box)])
        self.region_selector.point_out(label, box)
        _, width, height, _ = item.data(_FACTS)
        return tr("{label}: {place} of picture {n}").format(
            label=label or tr("here"), place=place_of(box, (width, height)), n=row + 1
        )

    def clear_marks(self) -> None:
        """Another question: the places of the last answer go."""
        for row in range(self.picture_list.count()):
            self.picture_list.item(row).setData(_MARKS, None)
        self.region_selector.clear_marks()

    def remove_picture(self, digest: str) -> None:
        """A picture was let go."""
        self._take_out(digest)
        self._number_rows()

    def clear_pictures(self) -> None:
        """Lets all go."""
        for row in range(self.picture_list.count()):
            self.removal_requested.emit(self.picture_list.item(row).data(DIGEST_ROLE))

    def show_drop_target(self, over: bool) -> None:
        """Whether a drag hovers above the window."""
        self._drop_hint.setProperty("over", over)
        self._drop_hint.style().polish(self._drop_hint)

    def accepts_drop(self, data: QMimeData) -> bool:
        """Whether there are files or a picture in it. (A copied file counts as text for Qt.)"""
        return any(url.isLocalFile() for url in data.urls()) or not data.hasText()

    def add_dropped(self, data: QMimeData) -> None:
        """Adds the files or the picture that were dropped or pasted; emits `drop_rejected` where there are none."""
        paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        if paths:
            return self.files_added.emit(paths)
        for kind in _ENCODED:
            if data.hasFormat(kind):
                name = f"picture.{kind.partition('/')[2]}"
                return self.picture_data_added.emit(bytes(data.data(kind).data()), name)
        if data.hasUrls():
            self.drop_rejected.emit(tr("Hark fetches nothing from the network. Save the picture, then drop the file."))
        else:
            self.drop_rejected.emit(tr("There is no picture in it. Save it as a file, then drop the file."))

    @Slot()
    def pick_files(self) -> None:
        files = "*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff *.mp4 *.mov *.mkv *.webm *.avi"
        files += "".join(f" *{suffix}" for suffix in SOUND_SUFFIXES)
        kinds = "{} ({});;{} (*)".format(tr("Pictures, videos and sounds"), files, tr("All files"))
        if paths := open_files(self, tr("Add pictures"), kinds):
            self.files_added.emit(paths)

    @Slot()
    def _drop_current(self) -> None:
        item = self.picture_list.currentItem()
        if item:
            self.removal_requested.emit(item.data(DIGEST_ROLE))

    @Slot()
    def _on_turn(self) -> None:
        self.edit_requested.emit(self.picture_list.currentItem().data(DIGEST_ROLE), 1, ())

    @Slot(bool)
    def _on_cropping(self, on: bool) -> None:
        self.region_selector.is_cropping = on

    def _end_cropping(self) -> None:
        self.crop_button.setChecked(False)
        self.region_selector.is_cropping = False

    @Slot(tuple)
    def _on_crop(self, box: Box) -> None:
        self._end_cropping()
        self.edit_requested.emit(self.picture_list.currentItem().data(DIGEST_ROLE), 0, box)

    @Slot(tuple)
    def _on_pointed(self, box: Box) -> None:
        self.region_selected.emit(self.picture_list.currentItem().data(DIGEST_ROLE), box)

    @Slot(str)
    def _on_step(self, words: str) -> None:
        self.region_label.setText(tr("Pointing: {place}").format(place=words))

    @Slot()
    def _show_current(self) -> None:
        self._end_cropping()
        item = self.picture_list.currentItem()
        if item:
            name, width, height, image = item.data(_FACTS)
            self.region_selector.show_picture(image, name, (width, height))
            for label, box in item.data(_MARKS) or ():
                self.region_selector.point_out(label, box)
            self.region_label.setText(f"{name}, {width} × {height}")
            self.cost_label.setText(item.data(_COST) or "")

    def _take_out(self, digest: str) -> int | None:
        """The row that it was in, or None."""
        row = self._row_of(digest)
        if row is not None:
            self.picture_list.takeItem(row)
        return row

    def _row_of(self, digest: str) -> int | None:
        return next(
            (
                row
                for row in range(self.picture_list.count())
                if self.picture_list.item(row).data(DIGEST_ROLE) == digest
            ),
            None,
        )

    def _row_label(self, row: int) -> None:
        """What is told of a picture, and its number."""
        item = self.picture_list.item(row)
        name, width, height, image = item.data(_FACTS)
        if item.data(_DRAWN) != row:
            drawn = framed_thumbnail(image, row + 1)
            icon = QIcon(drawn)
            icon.addPixmap(drawn, QIcon.Mode.Selected)  # else Qt tints the chosen one
            item.setIcon(icon)
            item.setData(_DRAWN, row)
        cost = item.data(_COST) or ""
        lines = (name, f"{width} × {height}", *([cost] if cost else []))
        set_tool_tip(item, "\n".join(lines))
        item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, cost)
        told = tr("Picture {n}: {name}, {width} by {height} pixels")
        item.setData(Qt.ItemDataRole.AccessibleTextRole, told.format(n=row + 1, name=name, width=width, height=height))

    def _number_rows(self) -> None:
        count = self.picture_list.count()
        for row in range(count):
            self._row_label(row)
        for widget in (
            self.region_selector,
            self.region_label,
            self.cost_label,
            self.picture_list,
            self.rotate_button,
            self.crop_button,
            self.remove_button,
        ):
            widget.setVisible(count > 0)
        rows = -(-count // 3)
        self.picture_list.setFixedHeight(min(3, rows) * (THUMB.height() + 16) + 8)
