"""Decides who speaks, the user or Hark: begins turns, holds, interrupts and ends them.

It has no thread, clock or device of its own. Speech comes as the segmenter's events; time passes as audio is played."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace

from assistant.audio.clip import AudioClip
from assistant.audio.playback import AudioPlayback
from assistant.audio.segmenter import (
    SpeechContinues,
    SpeechDiscarded,
    SpeechEnded,
    SpeechEvent,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
)
from assistant.conversation.answer_playback import AnswerPlayback
from assistant.conversation.attachments import Attachments
from assistant.conversation.prefill import PromptPrefiller
from assistant.conversation.session import Conversation, Session
from assistant.conversation.turn import EmptyStep
from assistant.conversation.turn_runner import TurnRequest, TurnRunner
from assistant.error_boundary import reporting_errors
from assistant.errors import AssistantError
from assistant.events import (
    AudioProduced,
    ConversationEvent,
    ErrorOccurred,
    Event,
    Heard,
    PartialTranscript,
    Said,
    StateChanged,
)
from assistant.messages import Message
from assistant.pictures import Picture
from assistant.text.i18n import tr


class TurnManager:
    """Runs the turns of one conversation at a time. All methods are called from the worker's thread; `audible_playback`
    and `sentence_start` may be read from others.

    `session`: what the next turn uses; replaced when the settings change.
    `conversation`: replaced when another is opened, and at the end of every turn.
    `attachments`: the pictures of the next question.
    `false_interruptions`: sounds over this answer that held it and turned out to be no words.
    `open_playback`: gives what an answer is played with, None where there is no speaker.
    `on_event`: receives every event of the turns."""

    def __init__(
        self, session: Session, open_playback: Callable[[], AudioPlayback | None], on_event: Callable[[Event], None]
    ) -> None:
        self.session, self.conversation, self._open_playback = session, Conversation(), open_playback
        self._on_event = on_event
        self.attachments = Attachments(session.models, on_event, self.start_prefill)
        self.false_interruptions = 0
        self._runner: TurnRunner | None = None
        self._steps: Generator[Event | EmptyStep, None, None] | None = None
        self._playback = AnswerPlayback(None)
        self._prefiller = PromptPrefiller(session.models, self._emit_error, session.paths.logs)
        self._deferred_events: list[Event] = []  # of a speculative turn
        self._interruption_pending = False  # whether a sound holds the answer, and no words were recognized yet
        self._state = ""

    @property
    def is_busy(self) -> bool:
        """Whether a turn is under way: until the last of its answer was played."""
        return self._runner is not None

    @property
    def is_hearing(self) -> bool:
        """Whether the user speaks."""
        return self._state == "hearing"

    @property
    def is_ready(self) -> bool:
        """Whether `run_step` has something to compute."""
        return self._is_turn_ready or self._prefiller.is_ready

    @property
    def _is_turn_ready(self) -> bool:
        return self._steps is not None and not self._interruption_pending and not self._playback.is_full

    @property
    def sentence_start(self) -> int:
        """The first sample of the sentence that is being played."""
        return self._playback.sentence_start

    @property
    def audible_playback(self) -> AudioPlayback | None:
        """The audio of the turn under way, None while it may not be heard yet."""
        return None if self._runner is None or self._runner.is_speculative else self._playback.playback

    def set_state(self, state: str) -> None:
        """Emits the state if it is another than before."""
        if state != self._state:
            self._state = state
            self._emit(StateChanged(state))

    def emit_idle_state(self) -> None:
        """Emits the state that holds while the user does not speak."""
        playback = self.audible_playback
        is_speaking = playback and playback.written_samples
        self.set_state(("speaking" if is_speaking else "thinking") if self.is_busy else "ready")

    def continue_conversation(self, conversation: Conversation) -> None:
        """Goes on with another conversation. The turn under way must have been interrupted."""
        self.conversation = conversation
        self.attachments.reset_sent(picture.digest for picture in conversation.pictures)

    def remove_picture(self, digest: str) -> None:
        """Removes a picture from the attachments, the conversation and the responder's memory."""
        self.conversation = self.conversation.without_picture(digest)
        if self._runner:
            self._runner.pictures = tuple(picture for picture in self._runner.pictures if picture.digest != digest)
        self._prefiller.forget_picture(digest)
        self.attachments.remove(digest)

    def start_prefill(self) -> None:
        """Prepares the next question anew; the steps are run while there is nothing else to do."""
        past_messages = self.conversation.prompt_messages(self.session.settings.responder.system_prompt)
        self._prefiller.start_prefill([*past_messages, Message("user", "", self.attachments.unsent_pictures)])

    def start_turn(self, request: TurnRequest, is_speculative: bool = False) -> None:
        """Interrupts the turn under way and begins another. Attached pictures that were not sent go with it.

        The user may go on speaking after a speculative question: its turn is computed, but neither shown, played nor
        saved before it is complete."""
        self._cancel_turn()
        self._prefiller.stop_prefill()
        if not request.exclude_attachments:
            own_digests = [picture.digest for picture in request.pictures if isinstance(picture, Picture)]
            unsent = (picture for picture in self.attachments.unsent_pictures if picture.digest not in own_digests)
            request = replace(request, pictures=(*unsent, *request.pictures))
        self._runner = TurnRunner(request, self.session, self.conversation, is_speculative)
        self._steps = self._runner.run()
        self._playback, self.false_interruptions = AnswerPlayback(self._open_playback()), 0
        if is_speculative:
            self._playback.hold_audio()
        else:
            self._state = ""  # so that "thinking" is emitted once more after a turn that was interrupted
            self.set_state("thinking")

    def skip_sentences(self, sentences: int) -> None:
        """Moves so many sentences on or back in what is being played."""
        if self.audible_playback:
            self._playback.seek_sentence(sentences)

    def interrupt_turn(self) -> None:
        """Ends the turn under way; the conversation keeps what was heard of its answer."""
        was_visible = self.is_busy and not self._is_speculative
        self._cancel_turn()
        if was_visible:
            self.emit_idle_state()

    def handle_speech(self, event: SpeechEvent) -> None:
        """Reacts to what the segmenter found."""
        match event:
            case SpeechStarted():
                self._playback.hold_audio()
                self._interruption_pending = self.is_busy
                self.set_state("hearing")
            case SpeechContinues():
                self._accept_utterance(event.utterance, event.is_own_voice)
            case SpeechPaused():
                self._answer_utterance(event.utterance, event.is_own_voice, is_speculative=True)
            case SpeechResumed() if self._is_speculative:
                self._discard_speculative()
            case SpeechEnded() | SpeechDiscarded() if self._is_speculative:
                self._commit_speculative()
            case SpeechEnded(utterance, is_ended_by_key, is_own_voice):
                self._answer_utterance(utterance, is_own_voice and not is_ended_by_key)
            case SpeechDiscarded():
                self._reject_utterance()

    def run_step(self) -> None:
        """Computes one step of the turn under way, or else of what the next one will need, or does nothing."""
        if self._runner and self._steps is None and not self._is_speculative and self._playback.is_finished:
            self._finish_turn(is_cut=self._playback.is_stopped)
            return self.emit_idle_state()
        if not self._is_turn_ready:
            return self._prefiller.run_step()
        assert self._steps
        event = next(self._steps, None)
        if event is None:
            self._steps = None
        elif not isinstance(event, EmptyStep):
            self._handle_event(event)

    @property
    def _is_speculative(self) -> bool:
        return self._runner is not None and self._runner.is_speculative

    def _emit(self, event: Event) -> None:
        if isinstance(event, ConversationEvent):
            event = replace(event, opening_id=self.conversation.opening_id)
        self._on_event(event)

    def _emit_error(self, error: AssistantError) -> None:
        self._emit(ErrorOccurred.from_error(error))

    def _answer_utterance(self, utterance: AudioClip, is_own_voice: bool, is_speculative: bool = False) -> None:
        if self._accept_utterance(utterance, is_own_voice):
            self.start_turn(TurnRequest(audio=utterance), is_speculative)

    def _accept_utterance(self, utterance: AudioClip, is_own_voice: bool) -> bool:
        """Whether the user speaks to Hark. While an answer is played only words count, and they interrupt it."""
        if not self.is_busy and not is_own_voice:
            return True
        if is_own_voice or not self._transcribe(utterance):
            self._reject_utterance()
            return False
        self._interruption_pending = False
        self._cancel_turn()
        self.set_state("hearing")
        return True

    def _reject_utterance(self) -> None:
        """It was no question: the answer that it held goes on."""
        self.false_interruptions += int(self._interruption_pending)
        self._interruption_pending = False
        if self.audible_playback:
            self.audible_playback.resume_audio()
        self.emit_idle_state()

    def _transcribe(self, utterance: AudioClip) -> str:
        with reporting_errors(self._emit_error, self.session.paths.logs):
            transcriber = self.session.models.load_transcriber(self.session.settings, self._emit)
            with closing(transcriber.transcribe(utterance)) as transcript:
                return "".join(transcript).strip()
        return ""

    def _handle_event(self, event: Event) -> None:
        if isinstance(event, AudioProduced):
            if self._playback.queue_audio(event.audio) and not self._is_speculative:
                self.set_state("speaking")
            return
        if isinstance(event, Said):
            self._playback.begin_piece(event.until)
        if self._is_speculative:
            self._deferred_events.append(event)
            if isinstance(event, Heard) and event.text:
                self._emit(PartialTranscript(event.text))
        else:
            self._emit(event)

    def _commit_speculative(self) -> None:
        """The question was complete: save the turn, and show and play what was computed of it."""
        assert self._runner
        deferred_events, self._deferred_events = self._deferred_events, []
        for event in (*self._runner.commit(), *deferred_events):
            self._emit(event)
        self.emit_idle_state()
        self._playback.resume_audio()

    def _discard_speculative(self) -> None:
        """The user went on speaking: drop the turn as if it had not been."""
        self._clear_turn()
        self.start_prefill()

    def _cancel_turn(self) -> None:
        if self._is_speculative:
            self._discard_speculative()
        elif self._runner:
            self._finish_turn(is_cut=True)

    def _finish_turn(self, is_cut: bool) -> None:
        assert self._runner
        runner = self._runner
        if self._steps:
            self._steps.close()
        for event in runner.record_interrupted():
            self._emit(event)
        if is_cut and runner.reason == "answered":
            runner.reason = "interrupted"
        heard_until = self._playback.heard_letters(runner.answer) if is_cut else None
        self._clear_turn()
        turn_ended = runner.turn_ended_event(heard_until)
        self.conversation = replace(self.conversation, id=runner.conversation.id)
        heard_answer = turn_ended.answer[: turn_ended.heard_until]
        if heard_answer:  # the conversation goes on from what was heard
            question = turn_ended.heard or tr(self.session.settings.responder.default_prompt)
            self.conversation = self.conversation.with_turn(question, runner.pictures, heard_answer)
            self.attachments.mark_sent(picture.digest for picture in runner.pictures)
        self._emit(turn_ended)
        self.start_prefill()

    def _clear_turn(self) -> None:
        if self._steps:
            self._steps.close()
        self._playback.stop_audio()
        self._runner, self._steps, self._playback = None, None, AnswerPlayback(None)
        self._interruption_pending, self._deferred_events = False, []
