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
        self.sidebar, self.input_bar, self.picture_tray = Sidebar(settings), InputBar(), PictureTray()
        self.conversation_panel = self.sidebar.conversation_panel
        self.conversation_view = ConversationView(MessageListModel())
        self.action_bar = MessageActionBar(self.conversation_view)
        self._shortcuts = {action: QShortcut(QKeySequence(action.value), self) for action in WindowAction}
        self._is_ending = False
        self._is_painted = False
        QGuiApplication.instance().commitDataRequest.connect(self.end)  # type: ignore[union-attr]
        self._lay_out()
        self._set_tab_order()
        for action, slot in (
            (WindowAction.ADD_PICTURES, self.picture_tray.pick_files),
            (WindowAction.NEXT_AREA, self.focus_next_area),
            (WindowAction.HANDS_FREE, self.sidebar.toggle_hands_free),
            (WindowAction.QUESTION_FIELD, self.input_bar.focus_question),
            (WindowAction.SEARCH, self.search),
        ):
            self.connect_action(action, slot)
        theme.connect_system_theme(self.apply_theme)
        self.input_bar.show_status(texts.state_text("loading"))
        self.input_bar.focus_question()

    def connect_action(self, action: WindowAction, slot: Callable[[], None]) -> None:
        """Calls `slot` when the action's key is pressed."""
        self._shortcuts[action].activated.connect(slot)

    def _lay_out(self) -> None:
        self.picture_tray.setFixedWidth(max(300, theme.letter_width(36)))
        middle = QHBoxLayout()
        middle.setSpacing(0)
        messages = QWidget()
        messages_column = QVBoxLayout(messages)
        messages_column.setContentsMargins(0, 0, 0, 0)
        messages_column.setSpacing(0)
        messages_column.addWidget(self.conversation_view, 1)
        messages_column.addWidget(self.action_bar)
        middle.addWidget(self.sidebar)
        middle.addWidget(messages, 1)
        middle.addWidget(self.picture_tray)
        central = QWidget()
        column = QVBoxLayout(central)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(middle, 1)
        column.addWidget(self.input_bar)
        self.setCentralWidget(central)
        self._columns = ResponsiveLayout(self.input_bar, self.sidebar, messages, self.picture_tray)

    def _set_tab_order(self) -> None:
        order = (
            *self.input_bar.tab_order,
            self.conversation_view,
            *self.action_bar.buttons,
            *self.picture_tray.tab_order,
            *self.sidebar.tab_order,
        )
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)
        self._areas = (
            self.input_bar.main_control,
            self.conversation_view,
            *self.picture_tray.main_controls,
            self.sidebar.main_control,
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
        self._columns.show_column(self.sidebar)
        self.sidebar.focus_search()

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
        self.conversation_view.refresh()

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
        self.picture_tray.show_drop_target(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.picture_tray.show_drop_target(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.picture_tray.show_drop_target(False)
        event.acceptProposedAction()
        self.picture_tray.add_dropped(event.mimeData())
