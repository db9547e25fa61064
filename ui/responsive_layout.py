"""Which parts of the window are seen at its width: all, or one side at a time. Knows nothing of what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from ui import theme

if TYPE_CHECKING:
    from PySide6.QtWidgets import QPushButton, QWidget

    from ui.input_bar.input_bar import InputBar

_ALL, _BESIDE, _TIGHT = 110, 40, 46  # letters: for both sides, for the middle beside one, for field and buttons
_LEAST = 900  # points


class ResponsiveLayout(QObject):
    """`left` and `right` stand beside `middle` where there is room; else the bar's buttons bring one of them."""

    def __init__(self, bar: InputBar, left: QWidget, middle: QWidget, right: QWidget) -> None:
        super().__init__(bar)
        self._bar, self._middle = bar, middle
        self._sides: tuple[tuple[QWidget, QPushButton], ...] = (
            (left, bar.conversations_button),
            (right, bar.pictures_button),
        )
        self._folded: bool | None = None
        self._wanted: QWidget | None = None
        self._width = 0
        for _, button in self._sides:
            button.clicked.connect(self._on_button)

    def fit_width(self, width: int) -> None:
        """The window is so wide now."""
        self._width = width
        folded = width < max(_LEAST, theme.letter_width(_ALL))
        if folded != self._folded:
            self._folded, self._wanted = folded, None
        self.show_column(self._wanted)

    def show_column(self, wanted: QWidget | None) -> None:
        """Both sides where there is room, else at most the one that is asked for, in the place of the middle if need
        be."""
        self._wanted = wanted
        for side, button in self._sides:
            side.setVisible(not self._folded or side is wanted)
            button.setVisible(bool(self._folded))
            button.setChecked(side is wanted)
        room = self._width - (wanted.width() if wanted else 0)
        self._middle.setVisible(not self._folded or wanted is None or room >= theme.letter_width(_BESIDE))
        self._bar.fit_width(bool(self._folded), self._width < theme.letter_width(_TIGHT))

    def show_middle(self) -> None:
        """Something is to be seen there."""
        if self._middle.isHidden():
            self.show_column(None)

    @Slot(bool)
    def _on_button(self, on: bool) -> None:
        self.show_column(next(side for side, button in self._sides if button is self.sender()) if on else None)
