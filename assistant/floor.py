"""Who has the floor, the person or Hark: turns begun, held, interrupted, kept. Knows no threads, devices or clocks.

Everything here runs in one thread. Speech comes in as the listener's events, time only as sound that was played."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace

from assistant.asking import Asking, Desk, Question
from assistant.events import Event, Failed, Heard, Hearing, Said, Sound, StateChanged, TurnEnded, Wrote
from assistant.faults import told
from assistant.heard import Ledger
from assistant.pictures import Picture
from assistant.preparing import Preparing
from assistant.roles import Message
from assistant.sound.audio import Audio
from assistant.sound.listener import Speech, SpeechContinues, SpeechEnded, SpeechPaused, SpeechResumed, SpeechStarted
from assistant.sound.speaker import Playback
from assistant.words.tongue import tr

ENOUGH = 2.0  # seconds of sound ahead, after which a turn is not stepped


class Floor:
    """One conversation. `open_playback` gives None where there is no speaker; `emit` is told everything; `tray` holds
    the pictures of the next question, until they are let go."""

    def __init__(self, desk: Desk, open_playback: Callable[[], Playback | None], emit: Callable[[Event], None]) -> None:
        self.desk, self._open, self._emit = desk, open_playback, emit
        self.tray: list[Picture] = []
        self.false_alarms = 0  # voices in this answer that said nothing
        self._sent: set[str] = set()
        self._asking: Asking | None = None
        self._steps: Generator[Event, None, None] | None = None
        self._playback: Playback | None = None
        self._ledger = Ledger()
        self._preparing = Preparing(desk, emit)
        self._kept_back: list[Event] = []
        self._barging = False
        self._state = ""

    @property
    def busy(self) -> bool:
        """Whether a turn is under way: being answered, or still sounding."""
        return self._asking is not None

    @property
    def hearing(self) -> bool:
        """Whether a person speaks."""
        return self._state == "hearing"

    @property
    def ready(self) -> bool:
        """Whether a step can be taken now."""
        return self._turn_ready or self._preparing.ready

    @property
    def _turn_ready(self) -> bool:
        if self._asking is None or self._steps is None or self._barging:
            return False
        return self._playback is None or self._playback.ahead < ENOUGH

    @property
    def sentence_start(self) -> int:
        """The sample at which the sentence began that sounds now."""
        return self._ledger.piece_at(self._playback.played) if self._playback else 0

    @property
    def playback(self) -> Playback | None:
        """What is played of the turn under way, if it may be heard yet."""
        return None if self._asking is None or self._asking.provisional else self._playback

    def say_state(self, state: str) -> None:
        """Tells what Hark does now, once."""
        if state != self._state:
            self._state = state
            self._emit(StateChanged(state))

    def rest(self) -> None:
        """Tells what Hark does when nothing else is to be told."""
        playback = self.playback
        speaking = playback and playback.written
        self.say_state(("speaking" if speaking else "thinking") if self.busy else "ready")

    def show(self, picture: Picture, again: bool = False, instead: str = "") -> None:
        """Lays a picture in the tray, for the next question; `again` one that the conversation may know already;
        `instead` of the one with this digest."""
        before = [one for one in self.tray if one.digest != picture.digest]
        place = next((at for at, one in enumerate(before) if one.digest == instead), len(before))
        self.tray = [*before[:place], picture, *(one for one in before[place:] if one.digest != instead)]
        if not again:
            self._sent.discard(picture.digest)
        self.prepare()

    def remember(self, past: list[Message]) -> None:
        """Goes on from these messages."""
        self.desk.past = tuple(past)
        self._sent = {picture.digest for message in past for picture in message.pictures}
        self.prepare()

    def forget(self, digest: str) -> None:
        """Lets a picture go, from the tray and from what was said before."""
        self.tray = [one for one in self.tray if one.digest != digest]
        self.desk.past = tuple(
            replace(message, pictures=tuple(one for one in message.pictures if one.digest != digest))
            for message in self.desk.past
        )
        if self._asking:
            self._asking.pictures = tuple(one for one in self._asking.pictures if one.digest != digest)
        self._preparing.forget(digest)
        self.prepare()

    def prepare(self) -> None:
        """Begins what the next question will need; it is done while nothing else is to do."""
        self._preparing.begin(self.fresh)

    def ask(self, question: Question, provisional: bool = False) -> None:
        """Begins a turn; one under way is interrupted. Pictures of the tray go with it the first time."""
        self._cut()
        self._preparing.stop()
        own = [one.digest for one in question.pictures if isinstance(one, Picture)]
        fresh = () if question.alone else tuple(one for one in self.fresh if one.digest not in own)
        self._asking = Asking(replace(question, pictures=fresh + question.pictures), self.desk, provisional)
        self._steps = self._asking.steps()
        self._playback, self._ledger, self.false_alarms = self._open(), Ledger(), 0
        if not provisional:
            self._state = ""  # of one that was cut the end was told last: what comes now is told anew
            self.say_state("thinking")
        elif self._playback:
            self._playback.hold()

    def skip(self, sentences: int) -> None:
        """Goes so many sentences on or back in what sounds now."""
        playback = self.playback
        if playback and not playback.stopped:
            playback.seek(self._ledger.piece_beside(playback.played, sentences))

    def interrupt(self) -> None:
        """Ends the turn under way, at once; what was heard of it stays."""
        rests = self.busy and not self._provisional
        self._cut()
        if rests:
            self.rest()

    def on_speech(self, event: Speech) -> None:
        """What the listener found."""
        match event:
            case SpeechStarted():
                self._on_start()
            case SpeechContinues(utterance):
                self._let_through(utterance)
            case SpeechPaused(utterance):
                if self._let_through(utterance):
                    self.ask(Question(sound=utterance), provisional=True)
            case SpeechResumed():
                if self._provisional:
                    self._drop()
            case SpeechEnded(utterance, by_key):
                if self._provisional:
                    self._release()
                elif self._let_through(utterance, by_key):
                    self.ask(Question(sound=utterance))

    def step(self) -> None:
        """One step of the turn under way, or else of what the next one will need, if there is one to take."""
        if self._asking and self._steps is None and self._end_of_sound():
            return
        if not self._turn_ready:
            return self._preparing.step()
        assert self._steps
        event = next(self._steps, None)
        if event is None:
            self._steps = None
        elif event != Wrote(""):
            self._take(event)

    @property
    def fresh(self) -> tuple[Picture, ...]:
        """The pictures of the tray that no question was about."""
        return tuple(one for one in self.tray if one.digest not in self._sent)

    @property
    def _provisional(self) -> bool:
        return self._asking is not None and self._asking.provisional

    def _on_start(self) -> None:
        if self.playback:
            self.playback.hold()
        self._barging = self.busy
        self.say_state("hearing")

    def _let_through(self, utterance: Audio, by_key: bool = False) -> bool:
        """Whether a person has the floor: over an answer only words take it. Our own voice comes as silence: never."""
        ours = not by_key and not utterance.samples.any()
        if not self.busy and not ours:
            return True
        words = "" if ours else self._words(utterance)
        first, self._barging = self._barging, False
        if words:
            self._cut()
            self.say_state("hearing")
            return True
        self.false_alarms += int(first)
        if self.playback:
            self.playback.resume()
        self.rest()
        return False

    def _words(self, utterance: Audio) -> str:
        words = ""
        with told(lambda error: self._emit(Failed.of(error)), self.desk.folders.logs):
            ear = self.desk.shelf.ear(self.desk.settings, self._emit)
            with closing(ear.transcribe(utterance)) as transcript:
                words = "".join(transcript).strip()
        return words

    def _take(self, event: Event) -> None:
        if isinstance(event, Sound):
            if self._playback:
                self._playback.write(event.audio)
                self._ledger.sounded(self._playback.written)
                if not self._provisional:
                    self.say_state("speaking")
            return
        if isinstance(event, Said):
            self._ledger.said(event.until)
        if self._provisional:
            self._kept_back.append(event)
            if isinstance(event, Heard) and event.text:
                self._emit(Hearing(event.text))
        else:
            self._emit(event)

    def _release(self) -> None:
        """The question was complete: what was done on it so far counts."""
        assert self._asking
        kept_back, self._kept_back = self._kept_back, []
        for event in (*self._asking.release(), *kept_back):
            self._emit(event)
        self.rest()
        if self._playback:
            self._playback.resume()

    def _drop(self) -> None:
        """The question went on: what was done on it so far never was."""
        assert self._asking
        if self._steps:
            self._steps.close()
        if self._playback:
            self._playback.stop()
        self._asking = self._steps = self._playback = None
        self._kept_back = []
        self.prepare()

    def _end_of_sound(self) -> bool:
        """Ends the turn when the last of it was heard; whether it did."""
        playback = self._playback
        if self._provisional or (playback and not playback.stopped and not playback.drain(0)):
            return False
        self._finish(cut=bool(playback and playback.stopped))
        self.rest()
        return True

    def _cut(self) -> None:
        if self._provisional:
            self._drop()
        elif self._asking:
            self._finish(cut=True)

    def _finish(self, cut: bool) -> None:
        assert self._asking
        asking, playback = self._asking, self._playback
        if self._steps:
            self._steps.close()
        for event in asking.keep():
            self._emit(event)
        until = self._ledger.heard_until(playback.played, asking.answer) if playback and cut else None
        if cut and asking.reason == "answered":
            asking.reason = "interrupted"
        if playback:
            playback.stop()
        self._asking = self._steps = self._playback = None
        self._barging = False
        ended = asking.end(until)
        self._learn(asking, ended)
        self._emit(ended)
        self.prepare()

    def _learn(self, asking: Asking, ended: TurnEnded) -> None:
        """The conversation goes on from what was heard."""
        heard = ended.answer[: ended.heard_until]
        if heard:
            text = ended.heard or tr(self.desk.settings.look.describe)
            said = (Message("user", text, asking.pictures), Message("assistant", heard))
            self.desk.past = (*self.desk.past, *said)
            self._sent |= {picture.digest for picture in asking.pictures}
