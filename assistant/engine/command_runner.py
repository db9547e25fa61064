"""Carries out the engine's calls, one at a time, in the worker's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from assistant.conversation.session import Conversation
from assistant.conversation.turn_manager import TurnManager
from assistant.conversation.turn_runner import TurnRequest
from assistant.engine.audio_devices import AudioDevices
from assistant.error_boundary import reporting_errors
from assistant.errors import AssistantError
from assistant.events import ConversationOpened, ErrorOccurred, Event, Notice, VoicesAvailable
from assistant.history import turn_recorder
from assistant.models import voices
from assistant.pictures import open_encoded
from assistant.settings import Settings
from assistant.text.i18n import tr


class CommandRunner:
    """Opens conversations, asks questions, attaches pictures and applies settings.

    `turns`: runs the turns; its session and conversation are replaced here.
    `devices`: are told of other audio settings.
    `emit`: receives the events."""

    def __init__(self, turns: TurnManager, devices: AudioDevices, emit: Callable[[Event], None]) -> None:
        self._turns, self._devices, self._emit = turns, devices, emit

    def begin_session(self, conversation_id: int | None, is_private: bool, opening_id: int) -> None:
        """Opens the history and a conversation, then loads the models."""
        if self._turns.session.settings.history.save_conversations:
            history, sentence = turn_recorder.open_recorder(self._turns.session.paths.data)
            self._turns.session = replace(self._turns.session, history=history)
            if sentence:
                self._emit(Notice(sentence))
        self.open_conversation(conversation_id, is_private, opening_id)
        self._load_models()
        self._emit_voices()

    def end_session(self) -> None:
        """Interrupts the turn under way, closes models and history."""
        self._turns.interrupt_turn()
        self._turns.session.models.close()
        if self._turns.session.history:
            self._turns.session.history.close()

    def open_conversation(
        self, conversation_id: int | None, is_private: bool, opening_id: int, keep_attachments: bool = False
    ) -> None:
        """Goes on with a conversation of the history, or begins a new one; attaches its pictures. Other pictures are
        removed, unless `keep_attachments`."""
        history, attachments = self._turns.session.history, self._turns.attachments
        self._turns.interrupt_turn()
        # At once: if the history cannot be read, the conversation before goes on under the new number.
        self._turns.conversation = replace(self._turns.conversation, opening_id=opening_id)
        past_messages = turn_recorder.load_messages(history, conversation_id) if history and conversation_id else ()
        conversation = Conversation(conversation_id, is_private, opening_id, tuple(past_messages))
        if not keep_attachments:
            past_digests = {picture.digest for picture in conversation.pictures}
            for picture in attachments.pictures:
                if picture.digest not in past_digests:
                    self._turns.remove_picture(picture.digest)
        self._turns.continue_conversation(conversation)
        self._emit(ConversationOpened(conversation_id, opening_id=opening_id))
        attachments.restore_missing(conversation.pictures)

    def ask_typed(self, text: str, picture_digest: str, box: tuple[int, ...], request_id: str) -> None:
        """Asks a typed question, about a box in an attached picture if there is one. Without text the attached pictures
        are described; raises `AssistantError` when there are none."""
        attachments = self._turns.attachments
        has_text = bool(text.strip())
        if not has_text and not attachments.pictures:
            raise AssistantError(
                "ask", tr("There is nothing to ask yet."), tr("Type or say a question, or drop a picture.")
            )
        request = TurnRequest(text, request_id=request_id, describes_pictures=not has_text)
        picture = attachments.find(picture_digest)
        if picture and len(box) == 4:
            # The picture is sent once more, as the last one: regions belong to the last picture.
            request = replace(request, pictures=(picture,), regions=(box,))
        self._turns.start_turn(request)

    def ask_turn_again(self, turn_id: int, text: str, opening_id: int, request_id: str) -> None:
        """Asks a question of the history again, or another text in its place, in a branch that ends before it, with the
        pictures that it had. Raises `AssistantError` when the turn is not in the history."""
        history = self._turns.session.history
        turn = history.find_turn(turn_id) if history else None
        if not history or not turn:
            # The window waits for events with this number.
            self._turns.conversation = replace(self._turns.conversation, opening_id=opening_id)
            raise AssistantError("ask", tr("This turn is not saved; it cannot be asked again."), tr("Ask it anew."))
        pictures = tuple(history.load_pictures(turn))
        branch_id = history.store.branch_before(turn_id)
        self.open_conversation(branch_id, is_private=False, opening_id=opening_id, keep_attachments=True)
        self._turns.attachments.restore_missing(pictures)
        question = text or turn.question
        self._turns.start_turn(
            TurnRequest(
                question,
                pictures=pictures,
                regions=turn.regions if len(pictures) == len(turn.pictures) else (),
                request_id=request_id,
                describes_pictures=not question.strip(),
                exclude_attachments=True,
            )
        )

    def interrupt_turn(self) -> None:
        """Ends the turn under way; new pictures are not described either."""
        self._turns.attachments.has_new = False
        self._turns.interrupt_turn()

    def attach_file(self, path: Path, request_id: str, is_restored: bool) -> None:
        """Raises `InvalidInputError` for a file that is no picture, and when there are too many."""
        attachments = self._turns.attachments
        attach = attachments.restore if is_restored else attachments.add
        attach(self._turns.session.open_picture(path), request_id)

    def attach_encoded_picture(self, data: bytes, name: str, request_id: str, is_restored: bool) -> None:
        """Raises `InvalidInputError` for data that is no picture, and when there are too many."""
        attachments = self._turns.attachments
        attach = attachments.restore if is_restored else attachments.add
        attach(open_encoded(data, name), request_id)

    def describe_new_pictures(self) -> None:
        """Describes pictures as they come, if the settings say so and nobody speaks or is answered."""
        if self._turns.attachments.has_new and not self._turns.is_busy and not self._turns.is_hearing:
            self._turns.attachments.has_new = False
            if self._turns.session.settings.responder.auto_describe and self._turns.attachments.unsent_pictures:
                self._turns.start_turn(TurnRequest(describes_pictures=True))

    def apply_settings(self, settings: Settings) -> None:
        """Uses other settings from the next turn on, for audio devices at once."""
        previous_settings = self._turns.session.settings
        self._turns.session = replace(self._turns.session, settings=settings)
        if replace(settings.audio, earcons=True) != replace(previous_settings.audio, earcons=True):
            self._turns.interrupt_turn()
            self._devices.change_devices(settings.audio)
        if not settings.audio.earcons:
            self._devices.play_earcons()
        self._reload_models()
        if settings.voice.id != previous_settings.voice.id:
            self._emit_voices()

    def rescan_models(self) -> None:
        """Loads the models that the settings name if they have come meanwhile, and lists the voices."""
        self._reload_models()
        self._emit_voices()

    def _reload_models(self) -> None:
        self._turns.session.models.unload_fallbacks()
        self._load_models()
        self._turns.start_prefill()
        with reporting_errors(self._emit_error, self._turns.session.paths.logs):
            self._turns.attachments.emit_costs()

    def _load_models(self) -> None:
        session = self._turns.session
        if session.settings.memory.preload:
            self._turns.set_state("loading")
            with reporting_errors(self._emit_error, session.paths.logs):
                for event in session.models.warm_up(session.settings):
                    self._emit(event)
        self._turns.emit_idle_state()

    def _emit_voices(self) -> None:
        paths = self._turns.session.paths
        with reporting_errors(self._emit_error, paths.logs):
            available = voices.list_voices(paths.data)
            ids, names = tuple(voice.id for voice in available), tuple(voice.name for voice in available)
            self._emit(VoicesAvailable(ids, names))

    def _emit_error(self, error: AssistantError) -> None:
        self._emit(ErrorOccurred.from_error(error))
