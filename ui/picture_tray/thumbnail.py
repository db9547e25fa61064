"""Paints the thumbnail of a picture in the tray, with its number."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap

from ui import theme

TRAY_THUMBNAIL_SIZE = QSize(76, 60)  # device-independent pixels
_PIXEL_RATIO = 2.0  # sharp on screens with two pixels a point


def framed_thumbnail(picture: QImage, number: int) -> QPixmap:
    """Fits `picture` into a frame that has the same size for all pictures, and writes `number` into its corner."""
    thumbnail = QPixmap(TRAY_THUMBNAIL_SIZE * _PIXEL_RATIO)
    thumbnail.setDevicePixelRatio(_PIXEL_RATIO)
    thumbnail.fill(QColor(theme.current_theme().selection))
    scaled = picture.scaled(
        thumbnail.size(), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    scaled.setDevicePixelRatio(_PIXEL_RATIO)
    painter = QPainter(thumbnail)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    left = (TRAY_THUMBNAIL_SIZE.width() - scaled.width() / _PIXEL_RATIO) / 2
    top = (TRAY_THUMBNAIL_SIZE.height() - scaled.height() / _PIXEL_RATIO) / 2
    painter.drawImage(int(left), int(top), scaled)
    painter.setBrush(QColor("#1d2023"))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(4, 4, 20, 18, 5, 5)
    painter.setPen(QColor("#ffffff"))
    painter.drawText(4, 4, 20, 18, Qt.AlignmentFlag.AlignCenter, str(number))
    painter.end()
    return thumbnail
