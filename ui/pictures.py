"""The tray of pictures: dropped, pasted or picked, numbered, pointed at, let go. Opens no picture itself: it shows raw
pixels. Knows nothing of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from assistant.events import Pointed, Shown, Weighed
from assistant.words.tongue import tr
from ui import style
from ui.grid import Box, place_of
from ui.plain import label
from ui.pointing import Pointing

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtGui import QKeyEvent

_THUMB = QSize(76, 60)
MOST = 100  # pictures that are taken at once
# Encoded pictures as browsers and programs give them; never Qt's own image data, which Qt would have decoded.
_ENCODED = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff")
SOUNDS = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aif", ".aiff", ".caf")
DIGEST = Qt.ItemDataRole.UserRole
_FACTS, _COST = DIGEST + 1, DIGEST + 2


class _List(QListWidget):
    """Delete lets the current picture go."""

    dropped = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        if item and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.dropped.emit(item.data(DIGEST))
        else:
            super().keyPressEvent(event)


class Tray(QWidget):
    """`files` are paths to show, `encoded` a picture's bytes, `forgotten` a digest to let go, `pointed` a digest and a
    box in its pixels to ask about, `reworked` a digest, quarters to turn it by, and a box to cut it to, or ()."""

    files, encoded, forgotten = Signal(list), Signal(bytes, str), Signal(str)
    pointed, reworked = Signal(str, tuple), Signal(str, int, tuple)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tray")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.pointing, self.list = Pointing(), _List()
        self.pointing.pointed.connect(self._on_pointed)
        self.pointing.told.connect(self._on_step)
        self.pointing.turned.connect(self._on_turn)
        self.pointing.cropped.connect(self._on_crop)
        self.list.setAccessibleName(tr("Pictures"))
        self.list.setAccessibleDescription(tr("The pictures that questions are about. Delete lets one go."))
        self.list.setViewMode(QListWidget.ViewMode.IconMode)
        self.list.setMovement(QListWidget.Movement.Static)
        self.list.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.list.setIconSize(_THUMB)
        self.list.setSpacing(2)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.dropped.connect(self.forgotten)
        self.list.currentItemChanged.connect(self._show_current)
        self._title = label(tr("Pictures"))
        self._title.setFont(style.font(1.0, weight=style.QFont.Weight.DemiBold))
        self.where, self.cost = label("", "where"), label("", "cost")
        self._hint = label(
            tr("Drop a picture, video or sound here,\npaste it with Ctrl+V\nor capture the screen with F7"), "drop"
        )
        self._hint.setProperty("quiet", False)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.add = QPushButton(tr("Add a picture …"))
        self.add.setToolTip(tr("Choose picture, video or sound files (Ctrl+O)"))
        self.add.clicked.connect(self.pick)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 20, 18, 18)
        column.setSpacing(style.SPACE * 2 // 3)
        for widget in (
            self._title, self.pointing, self.where, self.cost, self.list, self._hint, self.add
        ):  # fmt: skip
            column.addWidget(widget)
        column.insertLayout(5, self._deeds())
        column.addStretch(1)
        self._number()

    def _deeds(self) -> QHBoxLayout:
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
            button.setToolTip(told)
            button.setProperty("flat", True)
            button.clicked.connect(slot)
        self.crop.setCheckable(True)
        deeds = QHBoxLayout()
        for button in (self.turn, self.crop, self.let_go):
            deeds.addWidget(button)
        return deeds

    def shown(self, event: Shown) -> QImage:
        """A picture lies in the tray now, perhaps in the place of another one; returns it, small."""
        self._take_out(event.digest)
        place = self._take_out(event.instead)
        image = QImage(
            event.thumbnail, event.thumb_width, event.thumb_height, event.thumb_width * 3, QImage.Format.Format_RGB888
        ).copy()
        item = QListWidgetItem()
        item.setData(DIGEST, event.digest)
        item.setData(_FACTS, (event.name, event.width, event.height, image))
        self.list.insertItem(self.list.count() if place is None else place, item)
        self._number()
        self.list.setCurrentItem(item)
        return image

    def weighed(self, event: Weighed) -> None:
        """What a picture costs, before it is asked about."""
        told = tr("{tokens} tokens · {megabytes} MB · ready in about {seconds} s").format(
            tokens=f"{event.tokens:,}",
            megabytes=f"{max(1, event.megabytes):.0f}",
            seconds=f"{max(0.1, event.seconds):.1f}",
        )
        for row in range(self.list.count()):
            if self.list.item(row).data(DIGEST) == event.digest:
                self.list.item(row).setData(_COST, told)
        self._number()
        current = self.list.currentItem()
        if current and current.data(DIGEST) == event.digest:
            self.cost.setText(told)

    def point_out(self, event: Pointed) -> str:
        """An answer points at a place: it is drawn; returns where that is, in words."""
        for row in range(self.list.count()):
            item = self.list.item(row)
            if item.data(DIGEST) == event.picture:
                self.list.setCurrentItem(item)
                _, width, height, _ = item.data(_FACTS)
                box = (event.left, event.top, event.right, event.bottom)
                self.pointing.point_out(event.label, box)
                return tr("{label}: {place} of picture {n}").format(
                    label=event.label or tr("here"), place=place_of(box, (width, height)), n=row + 1
                )
        return ""

    def gone(self, digest: str) -> None:
        """A picture was let go."""
        self._take_out(digest)
        self._number()

    def clear(self) -> None:
        """Lets all go."""
        for row in range(self.list.count()):
            self.forgotten.emit(self.list.item(row).data(DIGEST))

    def over(self, over: bool) -> None:
        """Whether a drag hovers above the window."""
        self._hint.setProperty("over", over)
        self._hint.style().polish(self._hint)

    def wants(self, data: QMimeData) -> bool:
        """Whether there are files or a picture in it. (A copied file counts as text for Qt.)"""
        return any(url.isLocalFile() for url in data.urls()) or not data.hasText()

    def take(self, data: QMimeData) -> str:
        """Takes what was dropped or pasted; returns why not all of it was, or ""."""
        paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        if paths:
            self.files.emit(paths[:MOST])
            left = len(paths) - MOST
            return (
                tr("Only the first {most} of {n} files were taken.").format(most=MOST, n=len(paths)) if left > 0 else ""
            )
        for kind in _ENCODED:
            if data.hasFormat(kind):
                self.encoded.emit(bytes(data.data(kind).data()), f"picture.{kind.partition('/')[2]}")
                return ""
        if data.hasUrls():
            return tr("Hark fetches nothing from the network. Save the picture, then drop the file.")
        return tr("There is no picture in it. Save it as a file, then drop the file.")

    @Slot()
    def pick(self) -> None:
        from PySide6.QtWidgets import QFileDialog

        files = "*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff *.mp4 *.mov *.mkv *.webm *.avi"
        files += "".join(f" *{suffix}" for suffix in SOUNDS)
        kinds = "{} ({});;{} (*)".format(tr("Pictures, videos and sounds"), files, tr("All files"))
        paths, _ = QFileDialog.getOpenFileNames(self, tr("Add pictures"), "", kinds)
        if paths:
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

    @Slot(tuple)
    def _on_crop(self, box: Box) -> None:
        self.crop.setChecked(False)
        self.pointing.cropping = False
        self.reworked.emit(self.list.currentItem().data(DIGEST), 0, box)

    @Slot(tuple)
    def _on_pointed(self, box: Box) -> None:
        self.pointed.emit(self.list.currentItem().data(DIGEST), box)

    @Slot(str)
    def _on_step(self, words: str) -> None:
        self.where.setText(tr("Pointing: {place}").format(place=words))

    @Slot()
    def _show_current(self) -> None:
        self.crop.setChecked(False)
        self.pointing.cropping = False
        item = self.list.currentItem()
        if item:
            name, width, height, image = item.data(_FACTS)
            self.pointing.show_picture(image, name, (width, height))
            self.where.setText(f"{name}, {width} × {height}")
            self.cost.setText(item.data(_COST) or "")

    def _take_out(self, digest: str) -> int | None:
        """The row that it was in, or None."""
        for row in reversed(range(self.list.count())):
            if self.list.item(row).data(DIGEST) == digest:
                self.list.takeItem(row)
                return row
        return None

    def _number(self) -> None:
        count = self.list.count()
        for row in range(count):
            item = self.list.item(row)
            name, width, height, image = item.data(_FACTS)
            icon = QIcon(_framed(image, row + 1))
            icon.addPixmap(_framed(image, row + 1), QIcon.Mode.Selected)  # else Qt tints the chosen one
            item.setIcon(icon)
            cost = item.data(_COST) or ""
            item.setToolTip(f"{name}\n{width} × {height}\n{cost}".strip())
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, cost)
            told = tr("Picture {n}: {name}, {width} by {height} pixels")
            item.setData(
                Qt.ItemDataRole.AccessibleTextRole, told.format(n=row + 1, name=name, width=width, height=height)
            )
        for widget in (self.pointing, self.where, self.cost, self.list, self.turn, self.crop, self.let_go):
            widget.setVisible(count > 0)
        rows = -(-count // 3)
        self.list.setFixedHeight(min(3, rows) * (_THUMB.height() + 16) + 8)


def _framed(image: QImage, number: int) -> QPixmap:
    """A thumbnail of one size for all, with its number."""
    now, ratio = style.theme(), 2.0
    made = QPixmap(_THUMB * ratio)
    made.setDevicePixelRatio(ratio)
    made.fill(QColor(now.chosen))
    small = image.scaled(_THUMB * ratio, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
    small.setDevicePixelRatio(ratio)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    at = ((_THUMB.width() - small.width() / ratio) / 2, (_THUMB.height() - small.height() / ratio) / 2)
    painter.drawImage(int(at[0]), int(at[1]), small)
    painter.setBrush(QColor("#1d2023"))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(4, 4, 20, 18, 5, 5)
    painter.setPen(QColor("#ffffff"))
    painter.drawText(4, 4, 20, 18, Qt.AlignmentFlag.AlignCenter, str(number))
    painter.end()
    return made
