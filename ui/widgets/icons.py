"""Icons that are painted, not loaded from files."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen


def draw_microphone(painter: QPainter, center: QPointF, scale: float, color: QColor) -> None:
    """Paints a microphone that is 32 pixels high at a scale of 1. Moves the painter's origin to `center`."""
    painter.translate(center)
    painter.scale(scale, scale)
    painter.setBrush(color)
    painter.drawRoundedRect(QRectF(-6, -17, 12, 21), 6, 6)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color, 2.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawArc(QRectF(-11, -13, 22, 22), 180 * 16, 180 * 16)
    painter.drawLine(QPointF(0, 10), QPointF(0, 15))
