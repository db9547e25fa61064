"""What a person does becomes a call of the engine. Knows nothing of events and lays nothing out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAccessible

from assistant.errors import NotAvailableError
from assistant.setting_change import SettingChange
from assistant.settings import MAX_SPEED, MIN_SPEED
from assistant.text.i18n import tr
from ui import theme
from ui.controllers.capture import CaptureController
from ui.conversation.model import ChatMessage
from ui.picture_tray.picture_tray import MAX_PICTURES_AT_ONCE, SOUND_SUFFIXES

if TYPE_CHECKING:
    from assistant.settings import Settings
    from ui.desktop.global_hotkeys import GlobalHotkeys
    from ui.main_window import MainWindow


class Doing(QObject):
    """For one window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._bridge, self._engine = window, window.bridge, window.bridge.engine
        self.looking = CaptureController(window)
        self._hotkeys: GlobalHotkeys | None = None
        self._editing: int | None = None  # the turn whose question is being changed

    @Slot()
    def welcome(self) -> None:
        """At the first start alone: in the conversation, and aloud, by whoever speaks here."""
        if self._bridge.settings.window.first_run_done:
            return
        from ui.dialogs import welcome

        self.on_choice(SettingChange("window", "first_run_done", True))
        text = welcome.welcome_text()
        self._window.conversation.messages.append_message(ChatMessage("note", text))
        self._window.presenter.announce(text)
        # One speaks: a screen reader has been told. And nobody's question is cut off.
        if not QAccessible.isActive() and not self._window.presenter.live:
            self._engine.read_aloud(text)

    def can_talk(self) -> bool:
        """Whether there is a microphone; why not is told."""
        talk = self._window.bar.talk_button
        if not talk.isEnabled():
            self._window.presenter.tell(talk.unavailable_reason)
        return talk.isEnabled()

    @Slot()
    def try_microphone(self) -> None:
        if self.can_talk():
            self._engine.test_microphone()

    @Slot(str)
    def ask(self, text: str) -> None:
        """Asks what was typed, or a question again that was changed."""
        turn, self._editing = self._editing, None
        self._again(turn if text else None, text)

    @Slot()
    def stop(self) -> None:
        self._engine.interrupt()

    @Slot()
    def leave_editing(self) -> None:
        """The question that was being changed is a new one now."""
        if self._editing is not None:
            self._editing = None
            self._window.presenter.tell(tr("Not changed. Enter asks what is typed as a new question."))

    @Slot()
    def on_talk(self) -> None:
        self.leave_editing()
        self._engine.press_talk_key()

    @Slot(bool)
    def on_talk_end(self, tapped: bool) -> None:
        if tapped:
            self._engine.tap_talk_key()
        else:
            self._engine.release_talk_key()

    @Slot(str)
    def on_read(self, text: str) -> None:
        """Aloud, by whoever speaks."""
        if self._bridge.settings.voice.speaker == "reader":
            from assistant.text.speech_text import to_speech_text

            self._window.presenter.read(to_speech_text(text))
        else:
            self._engine.read_aloud(text)

    @Slot(int)
    def on_again(self, row: int) -> None:
        message = self._window.conversation.messages.message_at(row)
        self._again(message.turn_id, message.text)

    @Slot(int)
    def on_edit(self, row: int) -> None:
        """The question comes into the field; the next Enter asks it from there."""
        question = self._window.conversation.messages.message_at(row)
        self._editing = question.turn_id
        self._window.bar.question_field.replace_text(question.text)
        self._window.bar.question_field.selectAll()
        self._window.bar.question_field.setFocus()
        if question.turn_id is None or not self._window.keeper.is_saving:
            return self._window.presenter.tell(tr("Change the question; Enter asks it as a new one."))
        self._window.presenter.tell(
            tr(
                "Change the question; Enter asks it from there, Esc leaves it. "
                "The conversation as it was stays in the list."
            )
        )

    def _again(self, turn: int | None, text: str) -> None:
        if turn is None or not self._window.keeper.is_saving:
            self._window.presenter.await_question(text)
            return self._engine.ask(text)
        self._window.keeper.pages.cut_turn(turn)
        self._window.presenter.begin()
        self._window.presenter.await_question(text)
        self._window.keeper.current = None
        self._engine.ask_again(turn, text)

    @Slot(str, tuple)
    def on_pointed(self, digest: str, box: tuple[int, ...]) -> None:
        """Asks about a place of a picture, with what is typed, or for a description."""
        self.leave_editing()
        self._window.bar.submit_text(lambda text: self._ask_about(text or tr("What is here?"), digest, box))

    def _ask_about(self, text: str, digest: str, box: tuple[int, ...]) -> None:
        self._window.presenter.await_question(text)
        self._engine.ask(text, digest, box)

    @Slot(list)
    def on_files(self, paths: list[str]) -> None:
        """What is said in a sound file is a question; anything else goes to the tray."""
        if len(paths) > MAX_PICTURES_AT_ONCE:
            self._window.presenter.note(
                tr("Only the first {most} of {n} files were taken.").format(most=MAX_PICTURES_AT_ONCE, n=len(paths))
            )
        paths = paths[:MAX_PICTURES_AT_ONCE]
        sounds = [path for path in paths if path.lower().endswith(SOUND_SUFFIXES)]
        for path in paths:
            if path not in sounds:
                self._engine.attach_file(path)
        if sounds:
            self._engine.ask_audio_file(sounds[0])
        if len(sounds) > 1:
            self._window.presenter.note(tr("One sound file is a question; the others were not taken."))

    @Slot(str, int, tuple)
    def on_rework(self, digest: str, quarters: int, box: tuple[int, ...]) -> None:
        self._engine.edit_picture(digest, quarters, box)

    @Slot(bytes, str)
    def on_encoded(self, data: bytes, name: str) -> None:
        self._engine.attach_image(data, name)

    @Slot(str)
    def on_forget(self, digest: str) -> None:
        self._engine.remove_picture(digest)

    @Slot(object)
    def on_choice(self, change: SettingChange) -> None:
        self.on_settings(change.apply_to(self._bridge.settings))

    @Slot(object)
    def on_settings(self, settings: Settings) -> None:
        """Takes other settings, at once."""
        before, now = self._bridge.settings.window, settings.window
        why_not = self._bridge.change_settings(settings)
        self._window.side.show_settings(settings)
        if now.theme != before.theme:
            theme.choose_theme(now.theme)
            self._window.on_scheme()
        if now.reduce_motion != before.reduce_motion:
            theme.set_reduced_motion(now.reduce_motion)
        if now.autostart != before.autostart:
            from ui.desktop import desktop_entry

            try:
                desktop_entry.set_autostart(now.autostart)
            except NotAvailableError as error:
                self._window.presenter.tell(error.message)
        if now.hotkeys != before.hotkeys:
            self.take_keys(now.hotkeys)
        if why_not:
            self._window.presenter.note(why_not)

    def take_keys(self, wanted: bool) -> None:
        """Keys that work everywhere on the desktop, or none."""
        if self._hotkeys is None:
            from ui.desktop.global_hotkeys import GlobalHotkeys

            self._hotkeys = GlobalHotkeys(self)
            self._hotkeys.hotkey_pressed.connect(self._window.commands.run_command)
            self._hotkeys.registration_reported.connect(self._on_keys)
        self._window.presenter.tell(self._hotkeys.set_enabled(wanted))

    @Slot(str, bool)
    def _on_keys(self, told: str, taken: bool) -> None:
        """The desktop has answered; it is not asked again at every start if it gave nothing."""
        settings = self._bridge.settings
        if not taken:
            self._bridge.change_settings(replace(settings, window=replace(settings.window, hotkeys=False)))
        self._window.presenter.tell(told)

    @Slot(bool)
    def on_hands_free(self, on: bool) -> None:
        self._engine.set_hands_free(on)

    @Slot()
    def new_conversation(self) -> None:
        self._window.side.private_box.setChecked(False)
        self._begin(None)
        self._window.presenter.announce(tr("New conversation"))

    @Slot(bool)
    def on_private(self, on: bool) -> None:
        """A conversation that is not saved, or one that is."""
        self._begin(None, private=on)
        self._window.presenter.tell(tr("Private: this conversation is not saved.") if on else tr("New conversation"))

    def open_conversation(self, conversation: int) -> None:
        """Goes on with one of the history; its messages are shown by whoever reads them there."""
        self._window.side.private_box.setChecked(False)
        self._begin(conversation)

    def _begin(self, conversation: int | None, private: bool = False) -> None:
        self._window.keeper.current, self._editing = conversation, None
        self._window.conversation.messages.reset_messages()
        self._window.conversation.messages.thumbnails.clear()
        self._window.presenter.begin()
        self._window.tray.clear_pictures()
        self._engine.open_conversation(conversation, private)
        self._window.keeper.refresh_list()

    @Slot()
    def sentence_before(self) -> None:
        self._engine.skip_sentences(-1)

    @Slot()
    def sentence_again(self) -> None:
        self._engine.skip_sentences(0)

    @Slot()
    def sentence_after(self) -> None:
        self._engine.skip_sentences(1)

    @Slot()
    def faster(self) -> None:
        self._speed(0.1)

    @Slot()
    def slower(self) -> None:
        self._speed(-0.1)

    def _speed(self, by: float) -> None:
        speed = round(min(max(self._bridge.settings.voice.speed + by, MIN_SPEED), MAX_SPEED), 1)
        self.on_choice(SettingChange("voice", "speed", speed))
        self._window.presenter.announce(tr("Speed {percent}").format(percent=f"{speed:.0%}"))
