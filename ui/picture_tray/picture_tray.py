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

MOST = 100  # pictures that are taken at once
# Encoded pictures as browsers and programs give them; never Qt's own image data, which Qt would have decoded.
_ENCODED = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff")
SOUNDS = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aif", ".aiff", ".caf")
DIGEST = Qt.ItemDataRole.UserRole
_FACTS, _COST, _MARKS, _DRAWN = (DIGEST + more for more in (1, 2, 3, 4))


class _PictureListView(QListWidget):
    """Delete lets the current picture go."""

    dropped = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        if item and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.dropped.emit(item.data(DIGEST))
        else:
            super().keyPressEvent(event)


class PictureTray(QWidget):
    """`files` are paths to show, `encoded` a picture's bytes, `forgotten` a digest to let go, `pointed` a digest and a
    box in its pixels to ask about, `reworked` a digest, quarters to turn it by, and a box to cut it to, or ()."""

    files, encoded, forgotten = Signal(list), Signal(bytes, str), Signal(str)
    pointed, reworked = Signal(str, tuple), Signal(str, int, tuple)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tray")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.pointing, self.list = RegionSelector(), _PictureListView()
        self.pointing.pointed.connect(self._on_pointed)
        self.pointing.told.connect(self._on_step)
        self.pointing.turned.connect(self._on_turn)
        self.pointing.cropped.connect(self._on_crop)
        self.list.setAccessibleName(tr("Pictures"))
        self.list.setAccessibleDescription(tr("The pictures that questions are about. Delete lets one go."))
        self.list.setViewMode(QListWidget.ViewMode.IconMode)
        self.list.setMovement(QListWidget.Movement.Static)
        self.list.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.list.setIconSize(THUMB)
        self.list.setSpacing(2)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.dropped.connect(self.forgotten)
        self.list.currentItemChanged.connect(self._show_current)
        self._title = plain_label(tr("Pictures"))
        self._title.setFont(theme.scaled_font(1.0, weight=theme.QFont.Weight.DemiBold))
        self.where, self.cost = plain_label("", "where"), plain_label("", "cost")
        self._hint = plain_label(
            tr("Drop a picture, video or sound here,\npaste it with Ctrl+V\nor capture the screen with F7"), "drop"
        )
        self._hint.setProperty("quiet", False)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.add = QPushButton(tr("Add a picture …"))
        set_tool_tip(self.add, tr("Choose picture, video or sound files (Ctrl+O)"))
        self.add.clicked.connect(self.pick_files)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 20, 18, 18)
        column.setSpacing(theme.SPACE * 2 // 3)
        for widget in (
            self._title, self.pointing, self.where, self.cost, self.list, self._hint, self.add
        ):  # fmt: skip
            column.addWidget(widget)
        column.insertLayout(5, self._make_buttons())
        column.addStretch(1)
        self._number_rows()

    def _make_buttons(self) -> QHBoxLayout:
        """What can be done with the chosen picture."""
        self.turn, self.crop, self.let_go = (
            QPushButton(tr("Turn")),
            QPushButton(tr("Cut")),
            QPushButton(tr("Let it go")),
        )
        for button, told, slot in (
            (self.turn, tr("Turn the chosen picture by a quarter (T on the large picture)"), self._on_turn),
            (self.crop, tr("Cut the chosen picture: drag a box in it (X on the large picture)"), self._on_cropping),
            (self.let_go, tr("Let the chosen picture go (Delete)"), self._drop_current),
        ):
            button.setAccessibleName(told)
            set_tool_tip(button, told)
            button.setProperty("flat", True)
            button.clicked.connect(slot)
        self.crop.setCheckable(True)
        deeds = QHBoxLayout()
        for button in (self.turn, self.crop, self.let_go):
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
        item.setData(DIGEST, event.digest)
        name = shorten_text(event.name, MAX_NAME_LETTERS)
        item.setData(_FACTS, (name, event.width, event.height, image))
        self.list.insertItem(self.list.count() if place is None else place, item)
        self._number_rows()
        self.list.setCurrentItem(item)
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
            self.list.item(row).setData(_COST, told)
            self._row_label(row)
        current = self.list.currentItem()
        if current and current.data(DIGEST) == event.digest:
            self.cost.setText(told)

    def point_out(self, event: RegionPointed) -> str:
        """An answer points at a place: it is drawn; returns where that is, in words."""
        row = self._row_of(event.picture)
        if row is None:
            return ""
        item, box = self.list.item(row), (event.left, event.top, event.right, event.bottom)
        label = shorten_text(event.label, MAX_NAME_LETTERS)
        self.list.setCurrentItem(item)
        item.setData(_MARKS, [*(item.data(_MARKS) or ()), (label, box)])
        self.pointing.point_out(label, box)
        _, width, height, _ = item.data(_FACTS)
        return tr("{label}: {place} of picture {n}").format(
            label=label or tr("here"), place=place_of(box, (width, height)), n=row + 1
        )

    def clear_marks(self) -> None:
        """Another question: the places of the last answer go."""
        for row in range(self.list.count()):
            self.list.item(row).setData(_MARKS, None)
        self.pointing.clear_marks()

    def remove_picture(self, digest: str) -> None:
        """A picture was let go."""
        self._take_out(digest)
        self._number_rows()

    def clear_pictures(self) -> None:
        """Lets all go."""
        for row in range(self.list.count()):
            self.forgotten.emit(self.list.item(row).data(DIGEST))

    def show_drop_target(self, over: bool) -> None:
        """Whether a drag hovers above the window."""
        self._hint.setProperty("over", over)
        self._hint.style().polish(self._hint)

    def accepts_drop(self, data: QMimeData) -> bool:
        """Whether there are files or a picture in it. (A copied file counts as text for Qt.)"""
        return any(url.isLocalFile() for url in data.urls()) or not data.hasText()

    def take_drop(self, data: QMimeData) -> str:
        """Takes what was dropped or pasted; returns why not all of it was, or ""."""
        paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        if paths:
            self.files.emit(paths)
            return ""
        for kind in _ENCODED:
            if data.hasFormat(kind):
                self.encoded.emit(bytes(data.data(kind).data()), f"picture.{kind.partition('/')[2]}")
                return ""
        if data.hasUrls():
            return tr("Hark fetches nothing from the network. Save the picture, then drop the file.")
        return tr("There is no picture in it. Save it as a file, then drop the file.")

    @Slot()
    def pick_files(self) -> None:
        files = "*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff *.mp4 *.mov *.mkv *.webm *.avi"
        files += "".join(f" *{suffix}" for suffix in SOUNDS)
        kinds = "{} ({});;{} (*)".format(tr("Pictures, videos and sounds"), files, tr("All files"))
        if paths := open_files(self, tr("Add pictures"), kinds):
            self.files.emit(paths)

    @Slot()
    def _drop_current(self) -> None:
        item = self.list.currentItem()
        if item:
            self.forgotten.emit(item.data(DIGEST))

    @Slot()
    def _on_turn(self) -> None:
        self.reworked.emit(self.list.currentItem().data(DIGEST), 1, ())

    @Slot(bool)
    def _on_cropping(self, on: bool) -> None:
        self.pointing.cropping = on

    def _end_cropping(self) -> None:
        self.crop.setChecked(False)
        self.pointing.cropping = False

    @Slot(tuple)
    def _on_crop(self, box: Box) -> None:
        self._end_cropping()
        self.reworked.emit(self.list.currentItem().data(DIGEST), 0, box)

    @Slot(tuple)
    def _on_pointed(self, box: Box) -> None:
        self.pointed.emit(self.list.currentItem().data(DIGEST), box)

    @Slot(str)
    def _on_step(self, words: str) -> None:
        self.where.setText(tr("Pointing: {place}").format(place=words))

    @Slot()
    def _show_current(self) -> None:
        self._end_cropping()
        item = self.list.currentItem()
        if item:
            name, width, height, image = item.data(_FACTS)
            self.pointing.show_picture(image, name, (width, height))
            for label, box in item.data(_MARKS) or ():
                self.pointing.point_out(label, box)
            self.where.setText(f"{name}, {width} × {height}")
            self.cost.setText(item.data(_COST) or "")

    def _take_out(self, digest: str) -> int | None:
        """The row that it was in, or None."""
        row = self._row_of(digest)
        if row is not None:
            self.list.takeItem(row)
        return row

    def _row_of(self, digest: str) -> int | None:
        return next((row for row in range(self.list.count()) if self.list.item(row).data(DIGEST) == digest), None)

    def _row_label(self, row: int) -> None:
        """What is told of a picture, and its number."""
        item = self.list.item(row)
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
        count = self.list.count()
        for row in range(count):
            self._row_label(row)
        for widget in (self.pointing, self.where, self.cost, self.list, self.turn, self.crop, self.let_go):
            widget.setVisible(count > 0)
        rows = -(-count // 3)
        self.list.setFixedHeight(min(3, rows) * (THUMB.height() + 16) + 8)
