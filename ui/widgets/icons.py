"""Icons that are drawn, not loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

if TYPE_CHECKING:
    pass


def draw_microphone(painter: QPainter, at: QPointF, scale: float, color: QColor) -> None:
    painter.translate(at)
    painter.scale(scale, scale)
    painter.setBrush(color)
    painter.drawRoundedRect(QRectF(-6, -17, 12, 21), 6, 6)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color, 2.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawArc(QRectF(-11, -13, 22, 22), 180 * 16, 180 * 16)
    painter.drawLine(QPointF(0, 10), QPointF(0, 15))
