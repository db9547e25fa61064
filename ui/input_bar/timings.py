"""How long each stage of the last turn took: a small bar that opens a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QDialog,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from assistant.text.i18n import tr, tr_noop
from ui import texts, theme
from ui.widgets.labels import set_tool_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from assistant.events import TurnTimings

_STAGE_TEXTS = {
    "load": tr_noop("Loading"), "open_pictures": tr_noop("Opening pictures"), "transcribe": tr_noop("Hearing"),
    "think": tr_noop("Until the first word"), "write": tr_noop("Writing the rest"), "sound": tr_noop("First sound at"),
    "total": tr_noop("Until the last sound"),
}  # fmt: skip


def stage_spans(timings: TurnTimings) -> list[tuple[str, float]]:
    """The stages of a turn in their order, each with its seconds; stages that did not happen are left out."""
    heard_at = timings.transcribe or 0.0
    first_word_at = max(heard_at, timings.first_word or heard_at)
    spans = (
        ("load", timings.load), ("open_pictures", timings.open_pictures), ("transcribe", timings.transcribe),
        ("think", first_word_at - heard_at),
        ("write", max(0.0, (timings.answer or first_word_at) - first_word_at)),
    )  # fmt: skip
    return [(name, seconds) for name, seconds in spans if seconds and seconds >= 0.001]


class TimingsBar(QAbstractButton):
    """The stages of the last turn side by side; pressed, it opens the table. Hidden until a turn has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(16)
        self.setMaximumWidth(220)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.clicked.connect(self.show_table)
        self._timings: TurnTimings | None = None
        self.hide()

    def show_turn(self, timings: TurnTimings) -> None:
        """Shows the stages of a turn that has ended."""
        self._timings = timings
        self.setAccessibleName(tr("Times of the last answer"))
        self.setAccessibleDescription(texts.timings_text(timings))
        set_tool_tip(self, texts.timings_text(timings))
        self.setVisible(bool(stage_spans(timings)))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(220, 16)

    @Slot()
    def show_table(self) -> None:
        """Opens the table with the seconds of each stage."""
        if self._timings:
            table = TimingsTable(self, self._timings)
            table.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            table.open()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._timings:
            return
        colors, spans = theme.current_theme(), stage_spans(self._timings)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        total_seconds, left = sum(seconds for _, seconds in spans), 2.0
        room = self.width() - 4 - 2 * (len(spans) - 1)
        for number, (_, seconds) in enumerate(spans):
            width = max(2.0, room * seconds / total_seconds)
            painter.setBrush(QColor((colors.accent, colors.muted, colors.warning)[number % 3]))
            painter.drawRoundedRect(QRectF(left, 5, width, 6), 2, 2)
            left += width + 2
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colors.accent), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 5, 5)


class TimingsTable(QDialog):
    """The dialog with the stages of a turn and their seconds."""

    def __init__(self, parent: TimingsBar, timings: TurnTimings) -> None:
        super().__init__(parent.window())
        self.setWindowTitle(tr("Times of the last answer"))
        rows = [*stage_spans(timings), ("sound", timings.first_sound), ("total", timings.total)]
        rows = [(name, seconds) for name, seconds in rows if seconds is not None]
        self.table = QTableWidget(len(rows), 2)
        self.table.setAccessibleName(tr("Times of the last answer"))
        self.table.setHorizontalHeaderLabels([tr("Stage"), tr("Seconds")])
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for row, (name, seconds) in enumerate(rows):
            self.table.setItem(row, 0, _table_cell(tr(_STAGE_TEXTS[name])))
            self.table.setItem(row, 1, _table_cell(f"{seconds:.2f}", Qt.AlignmentFlag.AlignRight))
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        column = QVBoxLayout(self)
        column.addWidget(self.table)
        column.addWidget(close)
        theme.fit_dialog(self, 380, 330)


def _table_cell(text: str, side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeading) -> QTableWidgetItem:
    cell = QTableWidgetItem(text)
    cell.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return cell
