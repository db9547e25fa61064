"""Paints a message: a question as text, an answer as a card.

Laid-out documents are cached, and the heights of many more: Qt asks for the heights of all rows when one changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyledItemDelegate

from ui import theme
from ui.conversation.model import ChatMessage, MessageListModel
from ui.widgets.list_model import Index

if TYPE_CHECKING:
    from PySide6.QtGui import QImage, QTextDocument
    from PySide6.QtWidgets import QStyleOptionViewItem

_MARGIN_PX, _PADDING_PX, _MAX_TEXT_WIDTH_PX = 28, 16, 760
_MAX_DOCUMENTS, _MAX_HEIGHTS = 200, 4000
MESSAGE_THUMBNAIL_SIZE = QSize(92, 62)  # device-independent pixels
_MAX_THUMBNAILS = 6


class MessageDelegate(QStyledItemDelegate):
    """Paints messages and knows how high they are.

    `documents` and `heights` are its caches, keyed by a message and the width of its text in pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.documents: dict[tuple[ChatMessage, int], QTextDocument] = {}
        self.heights: dict[tuple[ChatMessage, int], int] = {}

    def clear_cache(self) -> None:
        """Forgets all layouts, because the colours or fonts have changed."""
        self.documents.clear()
        self.heights.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        message, width = index.data(Qt.ItemDataRole.UserRole).drawn_part, self._text_width(option)
        height = self.heights.get((message, width))
        if height is None:
            height = self.heights[message, width] = int(self._layout_document(message, width).size().height())
            if len(self.heights) > _MAX_HEIGHTS:
                del self.heights[next(iter(self.heights))]
        heading_height = option.fontMetrics.height() + 6 if message.heading_text else 0
        padding = 2 * _PADDING_PX if message.sender == "hark" else 0
        thumbnails_height = MESSAGE_THUMBNAIL_SIZE.height() + 8 if self._thumbnails_of(message, index) else 0
        return QSize(width, height + heading_height + padding + thumbnails_height + 20)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        from PySide6.QtWidgets import QStyle  # after the first paint: slow to import

        colors, message = theme.current_theme(), index.data(Qt.ItemDataRole.UserRole).drawn_part
        width = self._text_width(option)
        left = option.rect.left() + max(_MARGIN_PX, (option.rect.width() - _MAX_TEXT_WIDTH_PX) // 2)
        top = option.rect.top() + 8
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if message.heading_text:
            painter.setFont(theme.scaled_font(0.92))
            painter.setPen(QColor(colors.muted))
            heading_box = QRect(left, top, width, option.fontMetrics.height() + 4)
            painter.drawText(
                heading_box, QStyle.visualAlignment(option.direction, Qt.AlignmentFlag.AlignLeft), message.heading_text
            )
            top += option.fontMetrics.height() + 6
        document = self._layout_document(message, width)
        if message.sender == "hark":
            card = QRectF(left, top, width, document.size().height() + 2 * _PADDING_PX - 10)
            painter.setPen(QPen(QColor(colors.border), 1))
            painter.setBrush(QColor(colors.surface))
            painter.drawRoundedRect(card, 12, 12)
        padding = _PADDING_PX if message.sender == "hark" else 0
        painter.translate(left + padding, top + max(0, padding - 2))
        document.drawContents(painter)
        self._paint_thumbnails(painter, self._thumbnails_of(message, index), int(document.size().height()) + 8)
        painter.restore()
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(colors.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRect(option.rect).adjusted(left - 12, 3, -left + 12, -3), 10, 10)

    def _thumbnails_of(self, message: ChatMessage, index: Index) -> list[QImage]:
        """The thumbnails of a question's pictures, as far as they are known."""
        model = index.model()
        thumbnails = model.thumbnails if isinstance(model, MessageListModel) else {}
        return [thumbnails[digest] for digest in message.picture_digests[:_MAX_THUMBNAILS] if digest in thumbnails]

    def _paint_thumbnails(self, painter: QPainter, images: list[QImage], top: int) -> None:
        for position, image in enumerate(images):
            box = QRect(QPoint(position * (MESSAGE_THUMBNAIL_SIZE.width() + 8), top), MESSAGE_THUMBNAIL_SIZE)
            painter.setPen(QPen(QColor(theme.current_theme().border), 1))
            painter.setBrush(QColor(theme.current_theme().selection))
            painter.drawRoundedRect(box, 6, 6)
            size = image.size().scaled(box.size() - QSize(4, 4), Qt.AspectRatioMode.KeepAspectRatio)
            image_box = QRect(QPoint(0, 0), size)
            image_box.moveCenter(box.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(image_box, image)

    def _text_width(self, option: QStyleOptionViewItem) -> int:
        view = option.widget
        view_width = view.viewport().width() if isinstance(view, QListView) else option.rect.width()
        return max(120, min(_MAX_TEXT_WIDTH_PX, view_width - 2 * _MARGIN_PX))

    def _layout_document(self, message: ChatMessage, width: int) -> QTextDocument:
        key = (message, width)
        if key not in self.documents:
            for outdated in [key for key in self.documents if _is_earlier_version(key[0], message)]:
                del self.documents[outdated]
                self.heights.pop(outdated, None)
            if len(self.documents) > _MAX_DOCUMENTS:
                del self.documents[next(iter(self.documents))]  # the oldest
            from ui.conversation import markdown_document  # after the first paint

            colors = theme.current_theme()
            document = (
                markdown_document.render_markdown(message.text, message.heard_letters, colors)
                if message.sender == "hark"
                else markdown_document.render_plain_text(message.text, colors, message.sender == "note")
            )
            document.setTextWidth(width - (2 * _PADDING_PX if message.sender == "hark" else 0))
            self.documents[key] = document
        return self.documents[key]


def _is_earlier_version(earlier: ChatMessage, message: ChatMessage) -> bool:
    """Whether `message` is `earlier` with more text."""
    is_same = (earlier.sender, earlier.turn_id) == (message.sender, message.turn_id)
    return is_same and len(earlier.text) < len(message.text) and message.text.startswith(earlier.text)
