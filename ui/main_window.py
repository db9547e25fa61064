"""The window: puts the views side by side, connects them, opens the dialogs. Shows no event itself."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QVBoxLayout, QWidget
from shiboken6 import isValid

from assistant.events import AudioDevicesAvailable
from assistant.text.i18n import tr
from ui import texts, theme
from ui.commands import DesktopCommands
from ui.controllers.history import HistoryController
from ui.conversation.action_bar import MessageActionBar
from ui.conversation.model import MessageListModel
from ui.conversation.view import ConversationView
from ui.doing import Doing
from ui.engine_bridge import EngineBridge
from ui.input_bar.input_bar import InputBar
from ui.key_filter import KeyFilter
from ui.picture_tray.picture_tray import PictureTray
from ui.presenter import Presenter
from ui.responsive_layout import ResponsiveLayout
from ui.sidebar.sidebar import Sidebar
from ui.widgets.labels import message_box

if TYPE_CHECKING:
    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QPaintEvent, QResizeEvent

    from ui.desktop.tray_icon import TrayIcon


class MainWindow(QMainWindow):
    """Everything that a person sees. Events come in through the bridge, one slot takes them. `painted` is told once:
    whatever can wait waits for it."""

    painted = Signal()

    def __init__(self, bridge: EngineBridge) -> None:
        super().__init__()
        self.bridge, self.engine = bridge, bridge.engine
        self.setWindowTitle("Hark")
        self.resize(1240, 800)
        self.setMinimumSize(480, 420)
        self.setAcceptDrops(True)
        self.side, self.bar, self.tray = Sidebar(bridge.settings), InputBar(), PictureTray()
        self.conversation = ConversationView(MessageListModel())
        self.actions_row = MessageActionBar(self.conversation)
        self.presenter, self.keeper = Presenter(self), HistoryController(self)
        self.keys, self.do = KeyFilter(QApplication.instance()), Doing(self)
        self.commands = DesktopCommands(self)
        self._devices, self._options = AudioDevicesAvailable((), ()), None
        self.presence: TrayIcon | None = None
        self.ending = False  # whether closing is the end, wherever the window would stay
        QGuiApplication.instance().commitDataRequest.connect(self.end)
        self._lay_out()
        self._connect()
        self.bar.status_label.setText(texts.state_text("loading"))
        self.bar.question_field.setFocus()
        self._unpainted = True

    def _lay_out(self) -> None:
        self.tray.setFixedWidth(max(300, theme.letter_width(36)))
        middle = QHBoxLayout()
        middle.setSpacing(0)
        inside = QWidget()
        talk = QVBoxLayout(inside)
        talk.setContentsMargins(0, 0, 0, 0)
        talk.setSpacing(0)
        talk.addWidget(self.conversation, 1)
        talk.addWidget(self.actions_row)
        middle.addWidget(self.side)
        middle.addWidget(inside, 1)
        middle.addWidget(self.tray)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(middle, 1)
        column.addWidget(self.bar)
        self.setCentralWidget(whole)
        self.folding = ResponsiveLayout(self.bar, self.side, inside, self.tray)
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
        self._places = (
            self.bar.question_field,
            self.conversation,
            self.tray.region_selector,
            self.tray.add_button,
            panel.conversation_list,
        )

    def _connect(self) -> None:
        self.bridge.event_received.connect(self.presenter.on_event)
        self.painted.connect(self.tell_notes, Qt.ConnectionType.SingleShotConnection)
        self.presenter.ready.connect(self.do.welcome)
        self.presenter.ready.connect(self.commands.on_ready)
        for signal, slot in (
            (self.keys.talk_key_pressed, self.talk_down),
            (self.keys.talk_key_released, self.talk_up),
            (self.keys.stop_key_pressed, self.do.stop),
            (self.keys.escape_pressed, self.do.leave_editing),
            (self.keys.paste_pressed, self.paste),
        ):
            signal.connect(slot)
        self.bar.question_submitted.connect(self.do.ask)
        self.bar.text_rejected.connect(self.presenter.tell)
        self.bar.stop_requested.connect(self.do.stop)
        self.bar.talk_button.talk_pressed.connect(self.do.on_talk)
        self.bar.talk_button.talk_released.connect(self.do.on_talk_end)
        self.conversation.read_requested.connect(self.do.on_read)
        self.conversation.ask_again_requested.connect(self.do.on_again)
        self.conversation.edit_requested.connect(self.do.on_edit)
        self.conversation.announced.connect(self.presenter.announce)
        self.tray.files_added.connect(self.do.on_files)
        self.tray.picture_data_added.connect(self.do.on_encoded)
        self.tray.removal_requested.connect(self.do.on_forget)
        self.tray.region_selected.connect(self.do.on_pointed)
        self.tray.edit_requested.connect(self.do.on_rework)
        self.tray.drop_rejected.connect(self.presenter.note)
        self.tray.region_selector.announced.connect(self.presenter.announce)
        self.side.setting_changed.connect(self.do.on_choice)
        self.side.hands_free_toggled.connect(self.do.on_hands_free)
        self.side.new_conversation_requested.connect(self.do.new_conversation)
        self.side.private_toggled.connect(self.do.on_private)
        self.side.settings_button.clicked.connect(self.options)
        self.side.models_button.clicked.connect(self.models)
        theme.connect_system_theme(self.on_scheme)
        for keys, slot in (
            ("Ctrl+O", self.tray.pick_files),
            ("F7", self.do.looking.capture_screen),
            ("Shift+F7", self.do.looking.capture_part),
            ("Ctrl+F7", self.do.looking.take_photo),
            ("Ctrl+Shift+F7", self.do.looking.capture_window),
            ("F1", self.help),
            ("Ctrl+N", self.do.new_conversation),
            ("F6", self.next_place),
            ("Alt+Left", self.do.sentence_before),
            ("Alt+Right", self.do.sentence_after),
            ("Alt+R", self.do.sentence_again),
            ("Alt+Up", self.do.faster),
            ("Alt+Down", self.do.slower),
            ("Ctrl+,", self.options),
            ("Ctrl+H", self.side.hands_free_box.toggle),
            ("Ctrl+L", self.bar.question_field.setFocus),
            ("Ctrl+F", self.search),
            ("Ctrl+Z", self.keeper.undo_delete),
            ("Ctrl+S", self.export),
            ("Ctrl+I", self.keeper.import_conversation),
            ("Ctrl+M", self.models),
            ("F8", self.checkup),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(slot)

    @Slot()
    def options(self) -> None:
        """All settings; there is one such dialog at a time."""
        from ui.dialogs.settings_dialog import (
            SettingsDialog,  # dialogs are imported when they are opened: the window is there sooner
        )

        made = self._options = SettingsDialog(self, lambda: self.bridge.settings)
        self.offer_devices(self._devices)
        made.setting_changed.connect(self.do.on_choice)
        made.settings_reset.connect(self.do.on_settings)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        made.open()

    @Slot()
    def models(self) -> None:
        """What hears, looks and speaks, got from a hub; what is fetched is fetched on when this is closed."""
        from ui.dialogs import models_dialog

        models_dialog.show_models_dialog(self)

    @Slot()
    def checkup(self) -> None:
        """What works here; the meter in it shows what the microphone hears."""
        from ui.dialogs.doctor_dialog import DoctorDialog

        made = DoctorDialog(self)
        made.speech_requested.connect(self.do.on_read)
        made.microphone_test_requested.connect(self.do.try_microphone)
        self.presenter.tried.connect(made.show_test_result)
        made.announced.connect(self.presenter.announce)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.presenter.meters.append(made.level_meter)
        made.open()

    @Slot()
    def appear(self) -> None:
        """In the tray, where there is one."""
        from ui.desktop.tray_icon import TrayIcon, app_icon

        self.presence = TrayIcon(self)
        self.presence.command_requested.connect(self.commands.run_command)
        QApplication.setWindowIcon(app_icon())
        if self.bridge.settings.window.hotkeys:
            self.do.take_keys(True)
        if not self.isVisible() and not self.presence.is_available:
            self.show()

    @Slot()
    def tell_notes(self) -> None:
        """What was wrong with the settings' file."""
        for note in self.bridge.settings.notes:
            self.presenter.note(note)

    @Slot()
    def end(self) -> None:
        """The next closing is the end: the user quits, or leaves the desktop."""
        self.ending = True

    def closeEvent(self, event: QCloseEvent) -> None:
        """Away in the tray, if that is wanted and possible; else the end."""
        if (
            self.bridge.settings.window.close_to_tray
            and not self.ending
            and self.presence
            and self.presence.is_available
        ):
            event.ignore()
            self.hide()
        else:
            event.accept()
            QApplication.quit()

    def offer_devices(self, found: AudioDevicesAvailable) -> None:
        """What microphones and speakers there are now."""
        self._devices = found
        if self._options and isValid(self._options):
            self._options.offer_choices("input", found.inputs, self.bridge.settings.audio.input)
            self._options.offer_choices("output", found.outputs, self.bridge.settings.audio.output)

    @Slot()
    def search(self) -> None:
        self.folding.show_column(self.side)
        self.side.conversation_panel.search_field.setFocus()
        self.side.conversation_panel.search_field.selectAll()

    @Slot()
    def export(self) -> None:
        if self.keeper.current is None:
            self.presenter.tell(tr("There is nothing to export yet."))
        else:
            self.keeper.export_conversation(self.keeper.current)

    @Slot()
    def next_place(self) -> None:
        places = [one for one in self._places if one.isVisible()]
        now = next((at for at, place in enumerate(places) if place.hasFocus()), -1)
        places[(now + 1) % len(places)].setFocus(Qt.FocusReason.TabFocusReason)

    @Slot()
    def help(self) -> None:
        keys = "\n".join(f"{keys}: {what}" for keys, what in texts.list_shortcuts())
        message_box(self, tr("Keys"), keys).open()

    @Slot()
    def on_scheme(self) -> None:
        theme.apply_theme(QApplication.instance())
        self.conversation.refresh()

    @Slot()
    def talk_down(self) -> None:
        if self.do.can_talk():
            self.bar.talk_button.press_down()

    @Slot()
    def talk_up(self) -> None:
        if self.bar.talk_button.isEnabled():
            self.bar.talk_button.release()

    @Slot()
    def paste(self) -> None:
        """A picture goes to the tray; text goes where it always goes."""
        data = QGuiApplication.clipboard().mimeData()
        self.keys.is_paste_handled = bool(data) and self.tray.accepts_drop(data)
        if self.keys.is_paste_handled:
            self.tray.add_dropped(data)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._unpainted:
            self._unpainted = False
            QTimer.singleShot(0, self.painted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.folding.fit_width(event.size().width())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        event.acceptProposedAction()
        self.tray.show_drop_target(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.tray.show_drop_target(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.tray.show_drop_target(False)
        event.acceptProposedAction()
        self.tray.add_dropped(event.mimeData())
