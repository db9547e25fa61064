"""The main window: the views side by side, the order of Tab, the keys. It does nothing by itself."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from ui import texts, theme
from ui.conversation.action_bar import MessageActionBar
from ui.conversation.model import MessageListModel
from ui.conversation.view import ConversationView
from ui.input_bar.input_bar import InputBar
from ui.picture_tray.picture_tray import PictureTray
from ui.responsive_layout import ResponsiveLayout
from ui.sidebar.sidebar import Sidebar

if TYPE_CHECKING:
    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QPaintEvent, QResizeEvent

    from assistant.settings import Settings


class WindowAction(Enum):
    """What has a key in the window, and which."""

    ADD_PICTURES = "Ctrl+O"
    CAPTURE_SCREEN = "F7"
    CAPTURE_PART = "Shift+F7"
    CAPTURE_WINDOW = "Ctrl+Shift+F7"
    TAKE_PHOTO = "Ctrl+F7"
    HELP = "F1"
    NEW_CONVERSATION = "Ctrl+N"
    NEXT_AREA = "F6"
    PREVIOUS_SENTENCE = "Alt+Left"
    NEXT_SENTENCE = "Alt+Right"
    REPEAT_SENTENCE = "Alt+R"
    SPEAK_FASTER = "Alt+Up"
    SPEAK_SLOWER = "Alt+Down"
    SETTINGS = "Ctrl+,"
    HANDS_FREE = "Ctrl+H"
    QUESTION_FIELD = "Ctrl+L"
    SEARCH = "Ctrl+F"
    UNDO_DELETE = "Ctrl+Z"
    EXPORT = "Ctrl+S"
    IMPORT = "Ctrl+I"
    MODELS = "Ctrl+M"
    DOCTOR = "F8"


class MainWindow(QMainWindow):
    """`hides_on_close` says whether the window is only hidden when it is closed.

    Signals:
        painted: the window was painted for the first time; whatever can wait waits for this.
    """

    painted = Signal()

    def __init__(self, settings: Settings, hides_on_close: Callable[[], bool]) -> None:
        super().__init__()
        self._hides_on_close = hides_on_close
        self.setWindowTitle("Hark")
        self.resize(1240, 800)
        self.setMinimumSize(480, 420)
        self.setAcceptDrops(True)
        self.side, self.bar, self.tray = Sidebar(settings), InputBar(), PictureTray()
        self.conversation = ConversationView(MessageListModel())
        self.actions_row = MessageActionBar(self.conversation)
        self._shortcuts = {action: QShortcut(QKeySequence(action.value), self) for action in WindowAction}
        self._is_ending = False
        self._is_painted = False
        QGuiApplication.instance().commitDataRequest.connect(self.end)  # type: ignore[union-attr]
        self._lay_out()
        self._set_tab_order()
        for action, slot in (
            (WindowAction.ADD_PICTURES, self.tray.pick_files),
            (WindowAction.NEXT_AREA, self.focus_next_area),
            (WindowAction.HANDS_FREE, self.side.hands_free_box.toggle),
            (WindowAction.QUESTION_FIELD, self.bar.question_field.setFocus),
            (WindowAction.SEARCH, self.search),
        ):
            self.connect_action(action, slot)
        theme.connect_system_theme(self.apply_theme)
        self.bar.status_label.setText(texts.state_text("loading"))
        self.bar.question_field.setFocus()

    def connect_action(self, action: WindowAction, slot: Callable[[], None]) -> None:
        """Calls `slot` when the action's key is pressed."""
        self._shortcuts[action].activated.connect(slot)

    def _lay_out(self) -> None:
        self.tray.setFixedWidth(max(300, theme.letter_width(36)))
        middle = QHBoxLayout()
        middle.setSpacing(0)
        messages = QWidget()
        messages_column = QVBoxLayout(messages)
        messages_column.setContentsMargins(0, 0, 0, 0)
        messages_column.setSpacing(0)
        messages_column.addWidget(self.conversation, 1)
        messages_column.addWidget(self.actions_row)
        middle.addWidget(self.side)
        middle.addWidget(messages, 1)
        middle.addWidget(self.tray)
        central = QWidget()
        column = QVBoxLayout(central)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(middle, 1)
        column.addWidget(self.bar)
        self.setCentralWidget(central)
        self._columns = ResponsiveLayout(self.bar, self.side, messages, self.tray)

    def _set_tab_order(self) -> None:
        panel = self.side.conversation_panel
        order = (
            self.bar.question_field, self.bar.ask_button, self.bar.talk_button, self.bar.timings_bar,
            self.bar.stop_button, self.conversation, *self.actions_row.buttons,
            self.tray.region_selector, self.tray.rotate_button, self.tray.crop_button, self.tray.remove_button,
            self.tray.picture_list, self.tray.add_button,
            self.side.new_button, panel.search_field, panel.undo_button, panel.conversation_list, self.side.voice_box,
            self.side.hands_free_box, self.side.private_box, self.side.models_button, self.side.settings_button,
        )  # fmt: skip
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)
        self._areas = (
            self.bar.question_field,
            self.conversation,
            self.tray.region_selector,
            self.tray.add_button,
            panel.conversation_list,
        )

    @Slot()
    def bring_to_front(self) -> None:
        """Shows the window in front of others."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    @Slot()
    def end(self) -> None:
        """Makes the next closing the end: the user quits, or leaves the desktop."""
        self._is_ending = True

    @Slot()
    def quit(self) -> None:
        """Ends Hark, wherever the window would stay."""
        self.end()
        QApplication.quit()

    @Slot()
    def show_messages(self) -> None:
        """Shows the messages, where the width has room for one column alone."""
        self._columns.show_middle()

    @Slot()
    def search(self) -> None:
        """Goes to the search of conversations."""
        self._columns.show_column(self.side)
        self.side.conversation_panel.search_field.setFocus()
        self.side.conversation_panel.search_field.selectAll()

    @Slot()
    def focus_next_area(self) -> None:
        """Goes to the next part of the window."""
        areas = [area for area in self._areas if area.isVisible()]
        current = next((index for index, area in enumerate(areas) if area.hasFocus()), -1)
        areas[(current + 1) % len(areas)].setFocus(Qt.FocusReason.TabFocusReason)

    @Slot()
    def apply_theme(self) -> None:
        """Draws everything with the theme that is chosen."""
        theme.apply_theme(QApplication.instance())  # type: ignore[arg-type]
        self.conversation.refresh()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Hides the window, if that is wanted and possible, else ends the program."""
        if not self._is_ending and self._hides_on_close():
            event.ignore()
            self.hide()
        else:
            event.accept()
            QApplication.quit()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._is_painted:
            self._is_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._columns.fit_width(event.size().width())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        event.acceptProposedAction()
        self.tray.show_drop_target(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.tray.show_drop_target(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.tray.show_drop_target(False)
        event.acceptProposedAction()
        self.tray.add_dropped(event.mimeData())
