"""Shows what happens: every event of the engine in its place, and in words for a screen reader. Asks nothing of the
engine."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QObject, QTimer, Signal, Slot
from shiboken6 import isValid

from assistant import events
from assistant.events import Event
from assistant.text.i18n import tr
from assistant.text.sanitize import sanitize
from ui import texts
from ui.accessibility.announcer import Announcer
from ui.conversation.model import ChatMessage

if TYPE_CHECKING:
    from ui.accessibility.answer_reader import AnswerReader
    from ui.main_window import MainWindow


_TAKEN_MS = 250  # in which an engine that is well takes a question
_LONGEST = 300  # letters that are announced of what was heard


class Presenter(QObject):
    """Takes the events of one window's engine, one after another. `ready`: so it is, whenever it was not; `tried`: what
    came of trying the microphone."""

    ready, tried = Signal(), Signal(str)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._messages = window, window.conversation.messages
        self._announcer = Announcer(window, lambda: window.bridge.settings.window.announcement_level)
        self._row = -1  # of the answer that still grows
        self.live = self._hears = False  # whether a turn is under way, and whether a person speaks
        self._messages.rowsInserted.connect(self._on_inserted)
        self._messages.modelReset.connect(self._on_reset)
        self._opening = 0  # conversations that were asked for and are not open yet
        self._ended = False  # whether the status line tells of a turn's end
        self._turn: events.TurnStarted | None = None
        self._asked = False  # whether its question is among the messages
        self._pointed: list[str] = []
        self._typed: list[str] = []  # questions that the engine has not taken yet
        self._shown: list[str] = []  # those of them that are among the messages already
        self._untaken = QTimer(self, singleShot=True, interval=_TAKEN_MS)
        self._untaken.timeout.connect(self._show_typed)
        self.meters = [window.bar.level_meter]

    @cached_property
    def _reading(self) -> AnswerReader:
        from ui.accessibility.answer_reader import AnswerReader  # after the first paint

        return AnswerReader(self._announcer, self._window.bridge)

    def begin(self) -> None:
        """Another conversation is asked for: what still comes until it is open belongs to none of its messages."""
        self._turn, self._row, self._pointed, self.live = None, -1, [], False
        self._typed, self._shown = [], []
        self._opening += 1

    def await_question(self, text: str) -> None:
        """What was typed is seen at once: also where the engine is frozen, or busy, and does not take it yet."""
        if text := sanitize(text).strip():
            self._typed.append(text)
            self._untaken.start()

    @Slot()
    def _show_typed(self) -> None:
        for text in self._typed:
            self._window.keeper.pages.append_message(ChatMessage("you", text))
        self._shown, self._typed = [*self._shown, *self._typed], []

    @Slot(object)
    def on_event(self, event: Event) -> None:
        """Shows one event."""
        if self._is_late(event):
            return
        match event:
            case events.StateChanged(state):
                self._on_state(state)
            case events.ModelLoading(what, done) if not done:
                self._window.bar.status_label.setText(texts.loading_text(what))
            case events.TurnStarted():
                self._window.folding.show_middle()
                self._window.keeper.pages.begin_turn(event.id)
                self._turn, self.live, self._asked = event, True, False
                self._reading.begin_answer()
                self._window.keeper.on_turn(event.conversation, event.id)
            case events.Heard(text) if text:
                self._on_heard(text)
            case events.Wrote(text):
                self._on_wrote(text)
            case events.TurnEnded():
                self._on_end(event)
            case events.Notice(message):
                self.note(message)
            case events.ErrorOccurred(_, message, hint):
                self.note(f"{message} {hint}")
            case _:
                self._on_things(event)

    @Slot(QModelIndex, int, int)
    def _on_inserted(self, _parent: QModelIndex, first: int, last: int) -> None:
        """Others came above the answer."""
        if 0 <= first <= self._row:
            self._row += last - first + 1

    @Slot()
    def _on_reset(self) -> None:
        """Whatever comes now belongs to none of the messages."""
        self._row = -1

    def _is_late(self, event: Event) -> bool:
        """Whether it belongs to a conversation that was left."""
        match event:
            case events.ConversationOpened():
                self._opening = max(0, self._opening - 1)
            case events.StateChanged("restarting"):
                self._opening = 1  # a new engine opens the conversation anew
            case events.ErrorOccurred():
                self._opening = 0
        late = (
            events.TurnStarted,
            events.Heard,
            events.PartialTranscript,
            events.Wrote,
            events.RegionPointed,
            events.TurnEnded,
        )
        return self._opening > 0 and isinstance(event, late)

    def _on_things(self, event: Event) -> None:
        """Sound and pictures."""
        match event:
            case events.InputLevel(value):
                self.meters = [one for one in self.meters if isValid(one)]
                for meter in self.meters:
                    meter.add_level(value)
            case events.PartialTranscript(text):
                self._window.bar.caption_label.setText(text)
            case events.PictureAdded():
                self._messages.thumbnails[event.digest] = self._window.tray.add_picture(event)
                number = self._window.tray.picture_list.currentRow() + 1
                said = tr("Picture {n} was changed") if event.replaces else tr("Picture {n}: {name}")
                self._announcer.announce(said.format(n=number, name=event.name), detail=not event.replaces)
                self._window.conversation.refresh()
            case events.RegionPointed():
                self._pointed.append(self._window.tray.mark_region(event))
            case events.PictureCostEstimated():
                self._window.tray.show_cost(event)
            case events.PictureRemoved(digest):
                self._window.tray.remove_picture(digest)
            case _:
                self._on_devices(event)

    def _on_devices(self, event: Event) -> None:
        side, settings = self._window.side, self._window.bridge.settings
        match event:
            case events.VoicesAvailable(ids, names):
                side.voice_box.offer_entries(list(zip(ids, names, strict=True)), settings.voice.id)
            case events.AudioDevicesAvailable():
                self._window.offer_devices(event)
            case events.MicrophoneTestResult():
                self.tried.emit(texts.test_result_text(event))
            case events.MicrophoneState(microphone, _, why_not):
                self._window.bar.talk_button.set_available(microphone, why_not)
                if why_not:
                    self.note(why_not)

    def _on_state(self, state: str) -> None:
        self._hears = state == "hearing"
        stop = self._window.bar.stop_button
        stop.setEnabled(
            state in ("thinking", "speaking", "working", "frozen") or stop.hasFocus()
        )  # who is at it is not sent elsewhere
        if not (state == "ready" and self._ended):
            self._window.bar.status_label.setText(texts.state_text(state))
        self._ended = False
        if state == "ready":
            self.ready.emit()
        if state != "loading":
            self._window.bar.talk_button.show_listening(self._hears)
        if state in ("thinking", "speaking", "ready"):
            self._window.bar.caption_label.setText("")
        self._announcer.announce(texts.announced_text(state))

    def _on_heard(self, text: str) -> None:
        self._window.bar.caption_label.setText("")
        turn, self._asked = self._turn, True
        self._add_question(
            ChatMessage("you", text, turn_id=turn and turn.id, picture_digests=turn.pictures if turn else ())
        )
        self._window.tray.clear_marks()
        self._window.conversation.scrollToBottom()
        said = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
        if said:
            self._announcer.announce(tr("Heard: {text}").format(text=said), detail=True)

    def _add_question(self, question: ChatMessage) -> None:
        """Unless it is shown already, because the engine was slow to take it."""
        rows = range(self._messages.rowCount() - 1, -1, -1)
        row = next((row for row in rows if self._messages.message_at(row) == ChatMessage("you", question.text)), -1)
        if question.text in self._typed:
            self._typed.remove(question.text)
        elif question.text in self._shown:
            self._shown.remove(question.text)
            if row >= 0:
                return self._messages.update_row(
                    row, turn_id=question.turn_id, picture_digests=question.picture_digests
                )
        self._messages.append_message(question)

    def _on_wrote(self, text: str) -> None:
        if self.live and not self._asked:
            self._on_heard("")  # a picture is described: the question has no words
        if self._row < 0:
            if self._window.presence:
                self._window.presence.notify_answer_ready()  # now: at the turn's end it has been spoken
            with self._window.conversation.keeping_place():
                self._messages.append_message(ChatMessage("hark", text, turn_id=self._turn and self._turn.id))
            self._row = self._messages.rowCount() - 1
        else:
            self._messages.append_text(self._row, text)
            self._window.conversation.row_grew(self._row)
        self._reading.add_text(text)

    def _on_end(self, event: events.TurnEnded) -> None:
        if event.reason == "answered" and not self.live:
            return  # something was read aloud: no answer has come
        if self._row >= 0:
            heard = event.heard_until if event.heard_until < len(event.answer) else None
            detail = tr("stopped") if heard is not None else texts.speaker_text(event.model_name)
            with self._window.conversation.keeping_place():
                self._messages.update_row(self._row, heard_letters=heard, detail=detail)
                self._window.conversation.row_grew(self._row)
        self._row, self.live = -1, False
        self._window.keeper.pages.trim_rows()
        self._window.keeper.on_end()
        self._tell_places()
        if event.reason == "interrupted":
            self._reading.begin_answer()
        else:
            self._reading.end_answer()
        said = texts.turn_ended_text(event)
        if said:
            self._ended = True  # and stays readable when Hark is ready again
            self._window.bar.status_label.setText(texts.state_text("hearing") if self._hears else said)
            self._window.bar.timings_bar.show_turn(event.timings)
            # One speaks: the answer itself is in Hark's voice.
            self._announcer.announce(tr("Done") if event.reason == "answered" else said)

    def _tell_places(self) -> None:
        """Where the answer points: written below it, and told."""
        places, self._pointed = "\n".join(filter(None, self._pointed)), []
        if places:
            self._window.keeper.pages.append_message(ChatMessage("note", places))
            self._announcer.announce(places)

    def read(self, text: str) -> None:
        """Has the screen reader read it."""
        self._announcer.read_text(text)

    @Slot(str)
    def announce(self, text: str) -> None:
        """Tells a screen reader."""
        self._announcer.announce(text)

    @Slot(str)
    def tell(self, text: str) -> None:
        """Tells the status line and a screen reader, if there is something to tell."""
        if not text:
            return
        self._window.bar.status_label.setText(text)
        self._announcer.announce(text)

    @Slot(str)
    def note(self, message: str) -> None:
        self._window.keeper.pages.append_message(ChatMessage("note", message))
        self._window.bar.status_label.setText(message)
        self._announcer.announce(message)
