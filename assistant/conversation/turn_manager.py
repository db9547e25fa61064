"""Who has the floor, the person or Hark: turns begun, held, interrupted, kept. Knows no threads, devices or clocks.

Everything here runs in one thread. Speech comes in as the listener's events, time only as sound that was played."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace

from assistant.audio.clip import AudioClip
from assistant.audio.playback import AudioPlayback
from assistant.audio.segmenter import (
    SpeechContinues,
    SpeechEnded,
    SpeechEvent,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
)
from assistant.conversation.prefill import PromptPrefiller
from assistant.conversation.speech_alignment import SpeechAlignment
from assistant.conversation.turn_runner import Session, TurnRequest, TurnRunner
from assistant.error_boundary import reporting_errors
from assistant.events import (
    AudioProduced,
    ConversationEvent,
    ErrorOccurred,
    Event,
    Heard,
    PartialTranscript,
    Said,
    StateChanged,
    TurnEnded,
    Wrote,
)
from assistant.messages import Message
from assistant.pictures import Picture
from assistant.text.i18n import tr

MAX_BUFFERED_SECONDS = 2.0  # seconds of sound ahead, after which a turn is not stepped


class TurnManager:
    """One conversation. `open_playback` gives None where there is no speaker; `emit` is told everything; `tray` holds
    the pictures of the next question, until they are let go."""

    def __init__(
        self, desk: Session, open_playback: Callable[[], AudioPlayback | None], emit: Callable[[Event], None]
    ) -> None:
        self.session, self._open_playback, self._on_event = desk, open_playback, emit
        self.attachments: list[Picture] = []
        self.false_interruptions = 0  # voices in this answer that said nothing
        self._sent_digests: set[str] = set()
        self._runner: TurnRunner | None = None
        self._steps: Generator[Event, None, None] | None = None
        self._playback: AudioPlayback | None = None
        self._alignment = SpeechAlignment()
        self._prefiller = PromptPrefiller(desk, emit)
        self._deferred_events: list[Event] = []
        self._interruption_pending = False
        self._state = ""

    @property
    def is_busy(self) -> bool:
        """Whether a turn is under way: being answered, or still sounding."""
        return self._runner is not None

    @property
    def is_hearing(self) -> bool:
        """Whether a person speaks."""
        return self._state == "hearing"

    @property
    def is_ready(self) -> bool:
        """Whether a step can be taken now."""
        return self._is_turn_ready or self._prefiller.is_ready

    @property
    def _is_turn_ready(self) -> bool:
        if self._runner is None or self._steps is None or self._interruption_pending:
            return False
        return self._playback is None or self._playback.buffered_seconds < MAX_BUFFERED_SECONDS

    @property
    def sentence_start(self) -> int:
        """The sample at which the sentence began that sounds now."""
        return self._alignment.piece_start(self._playback.played_samples) if self._playback else 0

    @property
    def audible_playback(self) -> AudioPlayback | None:
        """What is played of the turn under way, if it may be heard yet."""
        return None if self._runner is None or self._runner.is_speculative else self._playback

    def _emit(self, event: Event) -> None:
        if isinstance(event, ConversationEvent):
            event = replace(event, opening_id=self.session.opening_id)
        self._on_event(event)

    def set_state(self, state: str) -> None:
        """Tells what Hark does now, once."""
        if state != self._state:
            self._state = state
            self._emit(StateChanged(state))

    def emit_idle_state(self) -> None:
        """Tells what Hark does when nothing else is to be told."""
        playback = self.audible_playback
        speaking = playback and playback.written_samples
        self.set_state(("speaking" if speaking else "thinking") if self.is_busy else "ready")

    def attach(self, picture: Picture, again: bool = False, instead: str = "") -> None:
        """Lays a picture in the tray, for the next question; `again` one that the conversation may know already;
        `instead` of the one with this digest."""
        before = [one for one in self.attachments if one.digest != picture.digest]
        place = next((at for at, one in enumerate(before) if one.digest == instead), len(before))
        self.attachments = [*before[:place], picture, *(one for one in before[place:] if one.digest != instead)]
        if not again:
            self._sent_digests.discard(picture.digest)
        self.start_prefill()

    def load_history(self, past: list[Message]) -> None:
        """Goes on from these messages."""
        self.session.past_messages = tuple(past)
        self._sent_digests = {picture.digest for message in past for picture in message.pictures}
        self.start_prefill()

    def remove_picture(self, digest: str) -> None:
        """Lets a picture go, from the tray and from what was said before."""
        self.attachments = [one for one in self.attachments if one.digest != digest]
        self.session.past_messages = tuple(
            replace(message, pictures=tuple(one for one in message.pictures if one.digest != digest))
            for message in self.session.past_messages
        )
        if self._runner:
            self._runner.pictures = tuple(one for one in self._runner.pictures if one.digest != digest)
        self._prefiller.forget_picture(digest)
        self.start_prefill()

    def start_prefill(self) -> None:
        """Begins what the next question will need; it is done while nothing else is to do."""
        self._prefiller.start_prefill(self.unsent_pictures)

    def start_turn(self, question: TurnRequest, provisional: bool = False) -> None:
        """Begins a turn; one under way is interrupted. Pictures of the tray go with it the first time."""
        self._cancel_turn()
        self._prefiller.stop_prefill()
        own = [one.digest for one in question.pictures if isinstance(one, Picture)]
        fresh = (
            () if question.exclude_attachments else tuple(one for one in self.unsent_pictures if one.digest not in own)
        )
        self._runner = TurnRunner(replace(question, pictures=fresh + question.pictures), self.session, provisional)
        self._steps = self._runner.run()
        self._playback, self._alignment, self.false_interruptions = self._open_playback(), SpeechAlignment(), 0
        if not provisional:
            self._state = ""  # of one that was cut the end was told last: what comes now is told anew
            self.set_state("thinking")
        elif self._playback:
            self._playback.hold_audio()

    def skip_sentences(self, sentences: int) -> None:
        """Goes so many sentences on or back in what sounds now."""
        playback = self.audible_playback
        if playback and not playback.is_stopped:
            playback.seek_to_sample(self._alignment.neighbor_piece_start(playback.played_samples, sentences))

    def interrupt_turn(self) -> None:
        """Ends the turn under way, at once; what was heard of it stays."""
        rests = self.is_busy and not self._is_speculative
        self._cancel_turn()
        if rests:
            self.emit_idle_state()

    def handle_speech(self, event: SpeechEvent) -> None:
        """What the listener found."""
        match event:
            case SpeechStarted():
                self._handle_speech_start()
            case SpeechContinues(utterance):
                self._accept_utterance(utterance)
            case SpeechPaused(utterance):
                if self._accept_utterance(utterance):
                    self.start_turn(TurnRequest(audio=utterance), provisional=True)
            case SpeechResumed():
                if self._is_speculative:
                    self._discard_speculative()
            case SpeechEnded(utterance, by_key):
                if self._is_speculative:
                    self._commit_speculative()
                elif self._accept_utterance(utterance, by_key):
                    self.start_turn(TurnRequest(audio=utterance))

    def run_step(self) -> None:
        """One step of the turn under way, or else of what the next one will need, if there is one to take."""
        if self._runner and self._steps is None and self._handle_playback_end():
            return
        if not self._is_turn_ready:
            return self._prefiller.run_step()
        assert self._steps
        event = next(self._steps, None)
        if event is None:
            self._steps = None
        elif event != Wrote(""):
            self._handle_event(event)

    @property
    def unsent_pictures(self) -> tuple[Picture, ...]:
        """The pictures of the tray that no question was about."""
        return tuple(one for one in self.attachments if one.digest not in self._sent_digests)

    @property
    def _is_speculative(self) -> bool:
        return self._runner is not None and self._runner.is_speculative

    def _handle_speech_start(self) -> None:
        if self.audible_playback:
            self.audible_playback.hold_audio()
        self._interruption_pending = self.is_busy
        self.set_state("hearing")

    def _accept_utterance(self, utterance: AudioClip, by_key: bool = False) -> bool:
        """Whether a person has the floor: over an answer only words take it. Our own voice comes as silence: never."""
        ours = not by_key and not utterance.samples.any()
        if not self.is_busy and not ours:
            return True
        words = "" if ours else self._transcribe(utterance)
        first, self._interruption_pending = self._interruption_pending, False
        if words:
            self._cancel_turn()
            self.set_state("hearing")
            return True
        self.false_interruptions += int(first)
        if self.audible_playback:
            self.audible_playback.resume_audio()
        self.emit_idle_state()
        return False

    def _transcribe(self, utterance: AudioClip) -> str:
        words = ""
        with reporting_errors(lambda error: self._emit(ErrorOccurred.from_error(error)), self.session.folders.logs):
            ear = self.session.models.load_transcriber(self.session.settings, self._emit)
            with closing(ear.transcribe(utterance)) as transcript:
                words = "".join(transcript).strip()
        return words

    def _handle_event(self, event: Event) -> None:
        if isinstance(event, AudioProduced):
            if self._playback:
                self._playback.queue_audio(event.audio)
                self._alignment.add_samples(self._playback.written_samples)
                if not self._is_speculative:
                    self.set_state("speaking")
            return
        if isinstance(event, Said):
            self._alignment.add_piece(event.until)
        if self._is_speculative:
            self._deferred_events.append(event)
            if isinstance(event, Heard) and event.text:
                self._emit(PartialTranscript(event.text))
        else:
            self._emit(event)

    def _commit_speculative(self) -> None:
        """The question was complete: what was done on it so far counts."""
        assert self._runner
        kept_back, self._deferred_events = self._deferred_events, []
        for event in (*self._runner.commit(), *kept_back):
            self._emit(event)
        self.emit_idle_state()
        if self._playback:
            self._playback.resume_audio()

    def _discard_speculative(self) -> None:
        """The question went on: what was done on it so far never was."""
        assert self._runner
        if self._steps:
            self._steps.close()
        if self._playback:
            self._playback.stop()
        self._runner = self._steps = self._playback = None
        self._deferred_events = []
        self.start_prefill()

    def _handle_playback_end(self) -> bool:
        """Ends the turn when the last of it was heard; whether it did."""
        playback = self._playback
        if self._is_speculative or (playback and not playback.is_stopped and not playback.wait_until_played(0)):
            return False
        self._finish_turn(cut=bool(playback and playback.is_stopped))
        self.emit_idle_state()
        return True

    def _cancel_turn(self) -> None:
        if self._is_speculative:
            self._discard_speculative()
        elif self._runner:
            self._finish_turn(cut=True)

    def _finish_turn(self, cut: bool) -> None:
        assert self._runner
        asking, playback = self._runner, self._playback
        if self._steps:
            self._steps.close()
        for event in asking.record_interrupted():
            self._emit(event)
        until = self._alignment.heard_letters(playback.played_samples, asking.answer) if playback and cut else None
        if cut and asking.reason == "answered":
            asking.reason = "interrupted"
        if playback:
            playback.stop()
        self._runner = self._steps = self._playback = None
        self._interruption_pending = False
        ended = asking.turn_ended_event(until)
        self._append_to_history(asking, ended)
        self._emit(ended)
        self.start_prefill()

    def _append_to_history(self, asking: TurnRunner, ended: TurnEnded) -> None:
        """The conversation goes on from what was heard."""
        heard = ended.answer[: ended.heard_until]
        if heard:
            text = ended.heard or tr(self.session.settings.responder.default_prompt)
            said = (Message("user", text, asking.pictures), Message("assistant", heard))
            self.session.past_messages = (*self.session.past_messages, *said)
            self._sent_digests |= {picture.digest for picture in asking.pictures}
