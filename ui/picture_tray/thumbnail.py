"""A picture of the tray as a thumbnail with its number. Knows nothing of trays."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap

from ui import theme

THUMB = QSize(76, 60)


def framed_thumbnail(image: QImage, number: int) -> QPixmap:
    """A thumbnail of one size for all, with its number."""
    now, ratio = theme.current_theme(), 2.0
    made = QPixmap(THUMB * ratio)
    made.setDevicePixelRatio(ratio)
    made.fill(QColor(now.chosen))
    small = image.scaled(THUMB * ratio, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
    small.setDevicePixelRatio(ratio)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    at = ((THUMB.width() - small.width() / ratio) / 2, (THUMB.height() - small.height() / ratio) / 2)
    painter.drawImage(int(at[0]), int(at[1]), small)
    painter.setBrush(QColor("#1d2023"))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(4, 4, 20, 18, 5, 5)
    painter.setPen(QColor("#ffffff"))
    painter.drawText(4, 4, 20, 18, Qt.AlignmentFlag.AlignCenter, str(number))
    painter.end()
    return made
