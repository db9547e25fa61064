"""Makes the window with all that belongs to it, and connects it. Controllers meet nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QApplication

from assistant.events import Event
from ui.commands import DesktopCommands
from ui.controllers.capture import CaptureController
from ui.controllers.conversation import ConversationController
from ui.controllers.dialogs import DialogController
from ui.controllers.history import HistoryController
from ui.controllers.pictures import PictureController
from ui.controllers.settings import SettingsController
from ui.controllers.voice import VoiceController
from ui.engine_bridge import EngineBridge
from ui.history_access import HistoryAccess
from ui.key_filter import KeyFilter
from ui.main_window import MainWindow, WindowAction
from ui.notifier import Notifier
from ui.settings_store import SettingsStore

if TYPE_CHECKING:
    from assistant.engine_api import EngineApi
    from assistant.paths import AppPaths
    from assistant.settings import Settings
    from ui.desktop.tray_icon import TrayIcon


class DesktopApp:
    """The window, its controllers and what they share. `make_engine` makes the engine, given the function that it
    reports events to."""

    def __init__(
        self, settings: Settings, paths: AppPaths, make_engine: Callable[[Callable[[Event], None]], EngineApi]
    ) -> None:
        self.settings_store = SettingsStore(settings, paths)
        self.bridge = EngineBridge(make_engine)
        self.window = window = MainWindow(settings, self._hides_on_close)
        self.notifier = Notifier(window, lambda: self.settings_store.current.window.announcement_level)
        self.history_access = HistoryAccess(self.settings_store, self.notifier)
        shared = (self.bridge, self.settings_store, self.notifier)
        self.settings_store.changed.connect(self.bridge.apply_settings)  # before anything else follows from a setting
        self.voice = VoiceController(window.input_bar, *shared)
        self.conversation = ConversationController(
            window.conversation_view, window.input_bar, *shared, self.history_access
        )
        self.history = HistoryController(
            window.conversation_panel,
            self.history_access,
            self.notifier,
            lambda: self.conversation.conversation_id,
        )
        self.pictures = PictureController(window.picture_tray, window.conversation_view, self.bridge, self.notifier)
        self.settings = SettingsController(window.sidebar, *shared)
        self.capture = CaptureController(window, *shared)
        self.dialogs = DialogController(window, *shared)
        self.commands = DesktopCommands()
        self.key_filter = KeyFilter(_application())
        for owned in (self.settings_store, self.bridge, self.commands, self.key_filter):
            owned.setParent(window)  # they end with it
        self.tray_icon: TrayIcon | None = None
        self._connect_controllers()
        self._connect_window()
        self._connect_keys()
        self._connect_commands()

    def show_tray_icon(self) -> None:
        """Puts Hark into the desktop's tray, where there is one, and takes the keys that work everywhere."""
        from ui.desktop.tray_icon import TrayIcon, app_icon  # after the first paint

        self.tray_icon = TrayIcon(self.window)
        self.tray_icon.command_requested.connect(self.commands.run_command)
        self.conversation.answer_started.connect(self.tray_icon.notify_answer_ready)
        QApplication.setWindowIcon(app_icon())
        if self.settings_store.current.window.hotkeys:
            self.settings.enable_hotkeys(True)
        if not self.window.isVisible() and not self.tray_icon.is_available:
            self.window.show()

    def _hides_on_close(self) -> bool:
        return self.settings_store.current.window.close_to_tray and bool(self.tray_icon and self.tray_icon.is_available)

    def _connect_controllers(self) -> None:
        """Connects what one controller reports with what another one does about it."""
        conversation, history, pictures = self.conversation, self.history, self.pictures
        conversation.conversation_left.connect(pictures.clear_pictures)
        conversation.conversation_changed.connect(history.refresh_list)
        conversation.conversation_saved.connect(history.refresh_soon)
        conversation.turn_left.connect(pictures.clear_places)
        conversation.turn_ended.connect(history.on_turn_ended)
        conversation.turn_ended.connect(pictures.report_places)
        conversation.question_shown.connect(self.voice.clear_caption)
        history.open_requested.connect(conversation.open_conversation)
        history.current_deleted.connect(conversation.start_conversation)
        pictures.places_named.connect(conversation.append_note)
        self.notifier.noticed.connect(conversation.append_note)
        self.voice.talk_started.connect(conversation.leave_editing)
        self.voice.engine_ready.connect(self.settings.welcome_user)
        self.settings.welcomed.connect(conversation.show_welcome)
        self.dialogs.read_requested.connect(self.voice.read_aloud)
        self.dialogs.microphone_test_requested.connect(self.voice.test_microphone)

    def _connect_window(self) -> None:
        """What is done in the views, and what the controllers show in them."""
        window, conversation = self.window, self.conversation
        view, bar, sidebar, tray = window.conversation_view, window.input_bar, window.sidebar, window.picture_tray
        self.notifier.status_changed.connect(bar.show_status)
        conversation.messages_needed.connect(window.show_messages)
        conversation.question_shown.connect(tray.clear_marks)
        conversation.privacy_changed.connect(sidebar.set_private)
        self.settings.theme_changed.connect(window.apply_theme)
        window.painted.connect(self.settings.show_file_notes, Qt.ConnectionType.SingleShotConnection)
        view.read_requested.connect(self.voice.read_aloud)
        view.announced.connect(self.notifier.announce)
        bar.text_rejected.connect(self.notifier.show_status)
        tray.region_selected.connect(conversation.ask_about_region)
        tray.announced.connect(self.notifier.announce)
        sidebar.new_conversation_requested.connect(conversation.start_conversation)
        sidebar.private_toggled.connect(conversation.set_private)
        sidebar.hands_free_toggled.connect(self.voice.set_hands_free)
        sidebar.settings_requested.connect(self.dialogs.open_settings)
        sidebar.models_requested.connect(self.dialogs.open_models)

    def _connect_keys(self) -> None:
        """The keys of the window, and those that mean the same in all its widgets."""
        for action, slot in (
            (WindowAction.CAPTURE_SCREEN, self.capture.capture_screen),
            (WindowAction.CAPTURE_PART, self.capture.capture_part),
            (WindowAction.CAPTURE_WINDOW, self.capture.capture_window),
            (WindowAction.TAKE_PHOTO, self.capture.take_photo),
            (WindowAction.HELP, self.dialogs.open_help),
            (WindowAction.SETTINGS, self.dialogs.open_settings),
            (WindowAction.MODELS, self.dialogs.open_models),
            (WindowAction.DOCTOR, self.dialogs.open_doctor),
            (WindowAction.NEW_CONVERSATION, self.conversation.start_conversation),
            (WindowAction.UNDO_DELETE, self.history.undo_delete),
            (WindowAction.EXPORT, self.history.export_current),
            (WindowAction.IMPORT, self.history.import_conversation),
            (WindowAction.PREVIOUS_SENTENCE, self.voice.previous_sentence),
            (WindowAction.NEXT_SENTENCE, self.voice.next_sentence),
            (WindowAction.REPEAT_SENTENCE, self.voice.repeat_sentence),
            (WindowAction.SPEAK_FASTER, self.settings.speak_faster),
            (WindowAction.SPEAK_SLOWER, self.settings.speak_slower),
        ):
            self.window.connect_action(action, slot)
        self.key_filter.talk_key_pressed.connect(self.voice.press_talk)
        self.key_filter.talk_key_released.connect(self.voice.release_talk)
        self.key_filter.stop_key_pressed.connect(self.voice.stop)
        self.key_filter.escape_pressed.connect(self.conversation.leave_editing)
        self.key_filter.paste_pressed.connect(self.pictures.take_paste)
        self.pictures.paste_handled.connect(self.key_filter.set_paste_handled)

    def _connect_commands(self) -> None:
        """What is asked from outside the window."""
        self.voice.engine_ready.connect(self.commands.on_engine_ready)
        self.settings.hotkey_pressed.connect(self.commands.run_command)
        self.commands.show_requested.connect(self.window.bring_to_front)
        self.commands.quit_requested.connect(self.window.quit)
        self.commands.talk_requested.connect(self.voice.listen_once)
        self.commands.stop_requested.connect(self.voice.stop)
        self.commands.describe_requested.connect(self.capture.describe_screen)


def _application() -> QApplication:
    application = QCoreApplication.instance()
    assert isinstance(application, QApplication)
    return application
