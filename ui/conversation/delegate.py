"""Draws a message: the question as text, the answer as a card. Knows nothing of the engine.

Documents are kept for a while, their heights for longer: all of these are asked for whenever one changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyledItemDelegate

from ui import theme
from ui.conversation.model import ChatMessage, Index, MessageListModel

if TYPE_CHECKING:
    from PySide6.QtGui import QImage, QTextDocument
    from PySide6.QtWidgets import QStyleOptionViewItem

_MARGIN, _PAD, _WIDEST = 28, 16, 760
_DOCUMENTS, _HEIGHTS = 200, 4000
THUMB, _SHOWN = QSize(92, 62), 6


class MessageDelegate(QStyledItemDelegate):
    """Draws a message: the question as text, the answer as a card."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[tuple[ChatMessage, int], QTextDocument] = {}
        self._heights: dict[tuple[ChatMessage, int], int] = {}

    def clear_cache(self) -> None:
        """The colours or fonts changed."""
        self._kept.clear()
        self._heights.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        item, width = index.data(Qt.ItemDataRole.UserRole).drawn_part, self._text_width(option)
        height = self._heights.get((item, width))
        if height is None:
            height = self._heights[item, width] = int(self._layout_document(item, width).size().height())
            if len(self._heights) > _HEIGHTS:
                del self._heights[next(iter(self._heights))]
        top = option.fontMetrics.height() + 6 if item.heading_text else 0
        pad = 2 * _PAD if item.sender == "hark" else 0
        shown = THUMB.height() + 8 if self._shown_text(item, index) else 0
        return QSize(width, height + top + pad + shown + 20)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        from PySide6.QtWidgets import QStyle  # after the first paint: of all its names PySide makes objects

        now, item = theme.current_theme(), index.data(Qt.ItemDataRole.UserRole).drawn_part
        width = self._text_width(option)
        left = option.rect.left() + max(_MARGIN, (option.rect.width() - _WIDEST) // 2)
        top = option.rect.top() + 8
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if item.heading_text:
            painter.setFont(theme.scaled_font(0.92))
            painter.setPen(QColor(now.muted))
            where = QRect(left, top, width, option.fontMetrics.height() + 4)
            painter.drawText(
                where, QStyle.visualAlignment(option.direction, Qt.AlignmentFlag.AlignLeft), item.heading_text
            )
            top += option.fontMetrics.height() + 6
        made = self._layout_document(item, width)
        if item.sender == "hark":
            card = QRectF(left, top, width, made.size().height() + 2 * _PAD - 10)
            painter.setPen(QPen(QColor(now.line), 1))
            painter.setBrush(QColor(now.raised))
            painter.drawRoundedRect(card, 12, 12)
        pad = _PAD if item.sender == "hark" else 0
        painter.translate(left + pad, top + max(0, pad - 2))
        made.drawContents(painter)
        self._paint_thumbnails(painter, self._shown_text(item, index), int(made.size().height()) + 8)
        painter.restore()
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(now.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRect(option.rect).adjusted(left - 12, 3, -left + 12, -3), 10, 10)

    def _shown_text(self, item: ChatMessage, index: Index) -> list[QImage]:
        """The pictures of a question, as far as they are known."""
        thumbs = cast(MessageListModel, index.model()).thumbnails
        return [thumbs[digest] for digest in item.picture_digests[:_SHOWN] if digest in thumbs]

    def _paint_thumbnails(self, painter: QPainter, images: list[QImage], top: int) -> None:
        for place, image in enumerate(images):
            box = QRect(place * (THUMB.width() + 8), top, THUMB.width(), THUMB.height())
            painter.setPen(QPen(QColor(theme.current_theme().line), 1))
            painter.setBrush(QColor(theme.current_theme().chosen))
            painter.drawRoundedRect(box, 6, 6)
            size = image.size().scaled(box.size() - QSize(4, 4), Qt.AspectRatioMode.KeepAspectRatio)
            where = QRect(QPoint(0, 0), size)
            where.moveCenter(box.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(where, image)

    def _text_width(self, option: QStyleOptionViewItem) -> int:
        view = option.widget
        whole = view.viewport().width() if isinstance(view, QListView) else option.rect.width()
        return max(120, min(_WIDEST, whole - 2 * _MARGIN))

    def _layout_document(self, item: ChatMessage, width: int) -> QTextDocument:
        key = (item, width)
        if key not in self._kept:
            for past in [one for one in self._kept if _has_grown(one[0], item)]:
                del self._kept[past]
                self._heights.pop(past, None)
            if len(self._kept) > _DOCUMENTS:
                del self._kept[next(iter(self._kept))]  # the oldest
            from ui.conversation import markdown_document  # after the first paint

            now = theme.current_theme()
            made = (
                markdown_document.render_markdown(item.text, item.heard_letters, now)
                if item.sender == "hark"
                else markdown_document.to_plain_text(item.text, now, item.sender == "note")
            )
            made.setTextWidth(width - (2 * _PAD if item.sender == "hark" else 0))
            self._kept[key] = made
        return self._kept[key]


def _has_grown(past: ChatMessage, item: ChatMessage) -> bool:
    """Whether `past` is what a message was before more of it came."""
    longer = len(past.text) < len(item.text) and (past.sender, past.turn_id) == (item.sender, item.turn_id)
    return longer and item.text.startswith(past.text)
