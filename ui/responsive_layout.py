"""Which columns of the window are visible at its width: all three, or the middle and at most one side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from ui import theme

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from ui.input_bar.input_bar import InputBar

_THREE_COLUMNS_LETTERS = 110  # the window's width from which on both sides stand beside the middle
_THREE_COLUMNS_PX = 900  # the same in pixels, where letters are small
_MIDDLE_LETTERS = 40  # the least width of the middle beside an open side
_BUTTONS_BESIDE_LETTERS = 46  # the window's width from which on the buttons stand beside the question field


class ResponsiveLayout(QObject):
    """Shows `left` and `right` beside `middle` where the width allows it; in a narrower window they are folded, and the
    buttons of the input bar open one of them at a time."""

    def __init__(self, bar: InputBar, left: QWidget, middle: QWidget, right: QWidget) -> None:
        super().__init__(bar)
        self._bar, self._left, self._middle, self._right = bar, left, middle, right
        self._is_folded: bool | None = None  # None: the width is not known yet
        self._open_side: QWidget | None = None
        self._width_px = 0
        bar.conversations_toggled.connect(self._toggle_left)
        bar.pictures_toggled.connect(self._toggle_right)

    def fit_width(self, width_px: int) -> None:
        """Arranges the columns for a width of the window."""
        self._width_px = width_px
        is_folded = width_px < max(_THREE_COLUMNS_PX, theme.letter_width(_THREE_COLUMNS_LETTERS))
        if is_folded != self._is_folded:
            self._is_folded, self._open_side = is_folded, None
        self.show_column(self._open_side)

    def show_column(self, side: QWidget | None) -> None:
        """Opens `side` (None: neither) where the sides are folded. It hides the middle if there is no room for both."""
        self._open_side = side
        is_folded = bool(self._is_folded)
        for column, show_button in (
            (self._left, self._bar.show_conversations_button),
            (self._right, self._bar.show_pictures_button),
        ):
            column.setVisible(not is_folded or column is side)
            show_button(is_folded, column is side)
        middle_px = self._width_px - (side.width() if side else 0)
        self._middle.setVisible(not is_folded or side is None or middle_px >= theme.letter_width(_MIDDLE_LETTERS))
        self._bar.fit_width(is_folded, self._width_px < theme.letter_width(_BUTTONS_BESIDE_LETTERS))

    def show_middle(self) -> None:
        """Makes the middle visible if a side hides it."""
        if self._middle.isHidden():
            self.show_column(None)

    @Slot(bool)
    def _toggle_left(self, is_open: bool) -> None:
        self.show_column(self._left if is_open else None)

    @Slot(bool)
    def _toggle_right(self, is_open: bool) -> None:
        self.show_column(self._right if is_open else None)
