"""The tray of pictures: dropped, pasted or picked, numbered, let go. Opens no picture itself: it shows raw pixels."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QImage, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import QFileDialog, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from assistant.events import Shown, Weighed
from ui import style

_THUMB = QSize(248, 150)
# Encoded pictures as browsers and programs give them; never Qt's own image data, which Qt would have decoded.
_ENCODED = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff")
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
    """`files` are paths to show, `encoded` a picture's bytes, `forgotten` a digest to let go."""

    files, encoded, forgotten = Signal(list), Signal(bytes, str), Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tray")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.list = _List()
        self.list.setAccessibleName("Pictures")
        self.list.setAccessibleDescription("The pictures that questions are about. Delete lets one go.")
        self.list.setIconSize(_THUMB)
        self.list.setVisible(False)
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.dropped.connect(self.forgotten)
        self._title = QLabel("Pictures")
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._title.setFont(style.font(1.0, weight=style.QFont.Weight.DemiBold))
        self._hint = QLabel("Drop a picture here,\npaste it with Ctrl+V\nor capture the screen with F7")
        self._hint.setTextFormat(Qt.TextFormat.PlainText)
        self._hint.setObjectName("drop")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.add = QPushButton("Add a picture …")
        self.add.setToolTip("Choose picture files (Ctrl+O)")
        self.add.clicked.connect(self.pick)
        self.let_go = QPushButton("Let it go")
        self.let_go.setAccessibleName("Let the chosen picture go")
        self.let_go.setVisible(False)
        self.let_go.clicked.connect(self._drop_current)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 20, 18, 18)
        column.setSpacing(style.SPACE)
        for widget in (self._title, self.list, self._hint, self.add, self.let_go):
            column.addWidget(widget)
        column.addStretch(1)

    def shown(self, event: Shown) -> None:
        """A picture lies in the tray now."""
        self.gone(event.digest)
        image = QImage(
            event.thumbnail, event.thumb_width, event.thumb_height, event.thumb_width * 3, QImage.Format.Format_RGB888
        ).copy()
        item = QListWidgetItem()
        item.setData(DIGEST, event.digest)
        item.setData(_FACTS, (event.name, event.width, event.height, image))
        self.list.addItem(item)
        self._number()
        self.list.setCurrentItem(item)

    def weighed(self, event: Weighed) -> None:
        """What a picture costs, before it is asked about."""
        for row in range(self.list.count()):
            if self.list.item(row).data(DIGEST) == event.digest:
                told = f"{event.tokens:,} tokens, ready in about {max(0.1, event.seconds):.1f} s"
                self.list.item(row).setData(_COST, told)
        self._number()

    def gone(self, digest: str) -> None:
        """A picture was let go."""
        for row in reversed(range(self.list.count())):
            if self.list.item(row).data(DIGEST) == digest:
                self.list.takeItem(row)
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
        """Takes what was dropped or pasted; returns why nothing was, or ""."""
        paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        if paths:
            self.files.emit(paths)
            return ""
        for kind in _ENCODED:
            if data.hasFormat(kind):
                self.encoded.emit(bytes(data.data(kind).data()), f"picture.{kind.partition('/')[2]}")
                return ""
        if data.hasUrls():
            return "Hark fetches nothing from the network. Save the picture, then drop the file."
        return "There is no picture in it. Save it as a file, then drop the file."

    @Slot()
    def pick(self) -> None:
        pictures = "*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff"
        kinds = f"Pictures and videos ({pictures} *.mp4 *.mov *.mkv *.webm *.avi);;All files (*)"
        paths, _ = QFileDialog.getOpenFileNames(self, "Add pictures", "", kinds)
        if paths:
            self.files.emit(paths)

    @Slot()
    def _drop_current(self) -> None:
        item = self.list.currentItem()
        if item:
            self.forgotten.emit(item.data(DIGEST))

    def _number(self) -> None:
        count = self.list.count()
        for row in range(count):
            item = self.list.item(row)
            name, width, height, image = item.data(_FACTS)
            framed = _framed(image, row + 1)
            icon = QIcon(framed)
            icon.addPixmap(framed, QIcon.Mode.Selected)  # else Qt tints the chosen one
            item.setIcon(icon)
            item.setText("")
            cost = item.data(_COST) or ""
            item.setToolTip(f"{name}\n{width} × {height} pixels\n{cost}".strip())
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, cost)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"Picture {row + 1}: {name}, {width} by {height} pixels")
        self.list.setVisible(count > 0)
        self.let_go.setVisible(count > 0)
        self.list.setFixedHeight(min(3, count) * (_THUMB.height() + 14) + 8)


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
    painter.drawRoundedRect(8, 8, 24, 22, 6, 6)
    painter.setPen(QColor("#ffffff"))
    painter.drawText(8, 8, 24, 22, Qt.AlignmentFlag.AlignCenter, str(number))
    painter.end()
    return made
