"""The engine's microphone and speaker: opened, watched, closed and opened again. Knows nothing of turns.

All of PortAudio's slow calls are made in one thread of their own, because a frozen sound server hangs them. A device
that goes away is noticed within two seconds and said; when it comes back Hark takes it again."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

from assistant.errors import Missing
from assistant.events import DevicesFound, Event, Level, Listening, MicrophoneTried, Noted
from assistant.settings import Sound
from assistant.sound import portaudio
from assistant.sound.audio import Samples
from assistant.sound.ears import Ears
from assistant.sound.echo import Echo
from assistant.sound.listener import Listener, Speech
from assistant.sound.microphone import Microphone, open_microphone
from assistant.sound.speaker import Playback, Speaker, open_speaker
from assistant.sound.speech import SpeechDetector
from assistant.sound.tryout import Tryout
from assistant.sound.watch import Watch
from assistant.words.tongue import mark, tr

_LOOK = 0.2  # seconds between looks at the devices
_AGAIN = 1.0  # seconds between tries to open what is not there,
_SELDOM = 3.0  # and when it has not been there for a while
_GIVE_UP = 10.0  # seconds after which an answer no longer waits for a speaker
_PATIENCE = 3.0  # seconds that the first answer waits for the speaker, and an end for a frozen sound server
_UNSURE = 400  # frames of 10 ms
_GONE = mark("The microphone is gone. Connect it again; typed questions work meanwhile.")
_HALF_DUPLEX = mark(
    "Hark cannot tell its own voice from yours on this speaker, so it listens only when it is silent. "
    "If you wear headphones, turn on “I use headphones”."
)


class Devices:
    """`hear` runs in the listener's thread, `run` in its own; the rest may come from anywhere.

    `sentence_start` gives the sample at which an answer goes on that lost its speaker."""

    def __init__(self, chosen: Sound, emit: Callable[[Event], None], sentence_start: Callable[[], int]) -> None:
        self._chosen, self._emit, self._sentence_start = chosen, emit, sentence_start
        self._microphone: Microphone | None = None
        self._speaker: Speaker | None = None
        self._waiting: Playback | None = None  # an answer that lost its speaker
        self._lost_at = 0.0
        self._watch = Watch()
        self._wishes: queue.SimpleQueue[Sound | None] = queue.SimpleQueue()
        self._keys: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._opened = threading.Event()
        # Not every driver keeps to 0 to 1, or to numbers: `max` lets no NaN through in this order.
        self._ears = Ears(Listener(SpeechDetector().probability), None, lambda at: emit(Level(min(1.0, max(0.0, at)))))
        self._ears.listener.hands_free = False
        self._told: Listening | None = None
        self._found: DevicesFound | None = None
        self._half_duplex = False
        self._tryout: Tryout | None = None
        self._played_back: Playback | None = None

    def run(self) -> None:
        """Opens both, and minds them until `close`."""
        self._open()
        self._opened.set()
        next_try, tries = time.monotonic() + _AGAIN, 0
        while True:
            try:
                wish = self._wishes.get(timeout=_LOOK)
            except queue.Empty:
                self._mind()
                if time.monotonic() >= next_try:
                    self._open()
                    tries = 0 if self._speaker and self._microphone else tries + 1
                    next_try = time.monotonic() + (_AGAIN if tries < 10 else _SELDOM)
                continue
            self._drop()
            if wish is None:
                break
            self._chosen = wish
            self._open()
        self._watch.close()

    def close(self) -> None:
        """Asks `run` to end."""
        self._wishes.put(None)

    def change(self, chosen: Sound) -> None:
        """Other devices."""
        self._wishes.put(chosen)

    def open_playback(self) -> Playback | None:
        """For an answer; None without a speaker."""
        self._opened.wait(_PATIENCE)
        self._waiting = None
        return self._speaker.open() if self._speaker else None

    def signal(self, *earcons: str) -> None:
        """Sounds these earcons, one after another; none ends what sounds."""
        speaker = self._speaker  # another thread may lose it meanwhile
        if speaker:
            speaker.earcons.play(*earcons)

    def listen(self, hands_free: bool) -> None:
        self._keys.put("hands-free" if hands_free else "hands-on")

    def press(self) -> None:
        self._keys.put("press")

    def tap(self) -> None:
        self._keys.put("tap")

    def release(self) -> None:
        self._keys.put("release")

    def try_microphone(self) -> None:
        """Records a few seconds and plays them."""
        self._keys.put("try")

    def hush(self) -> None:
        """Ends what is heard of a trial."""
        playback = self._played_back
        if playback:
            playback.stop()

    def distrust(self) -> None:
        """Voices were heard that said nothing: they may have been our own."""
        if self._ears.echo:
            self._ears.echo.distrust()

    def hear(self, playback: Playback | None) -> Iterator[Speech]:
        """What the microphone hears next; waits for it 50 ms at most."""
        while not self._keys.empty():
            yield from self._key(self._keys.get())
        microphone = self._microphone
        if microphone is None:
            time.sleep(0.05)
        elif (block := microphone.read(0.05)) is not None:
            if self._tryout:
                yield from self._try_out(self._tryout, block)
            else:
                yield from self._ears.feed(block, playback)

    def _key(self, key: str) -> Iterator[Speech]:
        listener = self._ears.listener
        if key == "press" and self._microphone:
            self._ears.by_key()
            yield from listener.press()
        elif key == "tap":
            listener.tap()
        elif key == "release":
            yield from listener.release()
        elif key == "gone":
            if self._tryout:
                self._tryout = None
                self._emit(MicrophoneTried("silence", played=False))
            yield from listener.drop()
        elif key == "try" and self._microphone:
            self._tryout = Tryout()
            yield from listener.drop()
        elif key.startswith("hands"):
            listener.hands_free = key == "hands-free"
            self._tell_listening("")

    def _try_out(self, tryout: Tryout, block: Samples) -> Iterator[Speech]:
        """No question meanwhile; the ears stay in step with the speaker."""
        tryout.add(block)
        for _ in self._ears.feed(block, None):
            pass
        if tryout.full:
            self._tryout = None
            yield from self._ears.listener.drop()
            sounding = self._speaker and self._speaker.playback and self._speaker.playback.ahead
            playback = self._played_back = None if sounding else self.open_playback()
            if playback:
                playback.write(tryout.audio)
            self._emit(MicrophoneTried(tryout.found, bool(playback)))

    def _mind(self) -> None:
        gone: list[Speaker | Microphone] = []
        if self._speaker and not self._speaker.alive:
            gone.append(self._lose_speaker(self._speaker))
        if self._waiting and time.monotonic() - self._lost_at > _GIVE_UP:
            self._waiting.stop()
            self._waiting = None
        if self._microphone and (self._watch.on_monitor or not self._microphone.alive):
            gone.append(self._microphone)
            self._microphone = None
            self._keys.put("gone")
            self._tell_listening(tr(_GONE))
        for device in gone:  # last: a frozen sound server does not let go of them
            device.close()
        echo = self._ears.echo
        if echo and not echo.trusted and echo.learnt > _UNSURE and not self._half_duplex:
            self._half_duplex = True
            self._emit(Noted(tr(_HALF_DUPLEX)))

    def _open(self) -> None:
        """Opens what is not open."""
        why = ""
        if not self._speaker:
            why = self._try(self._open_speaker)
        if not self._microphone and not self._watch.no_microphone:
            why = self._try(self._open_microphone) or why
        if not self._microphone:
            self._tell_listening(why or tr(_GONE))
        found = DevicesFound(tuple(portaudio.names("input")), tuple(portaudio.names("output")))
        if found != self._found:
            self._found = found
            self._emit(found)

    def _try(self, opening: Callable[[], None]) -> str:
        """Why it could not be opened. With no stream open PortAudio is made to look at the devices again."""
        try:
            try:
                opening()
            except Missing:
                if self._speaker or self._microphone:
                    raise
                portaudio.refresh()
                opening()
        except Missing as error:
            return str(error)
        return ""

    def _open_speaker(self) -> None:
        echo: Echo | None = None
        speaker = open_speaker(self._chosen.output, lambda block: echo.played(block) if echo else None)
        echo = Echo(speaker.rate, self._chosen.headphones)
        self._ears.echo = echo
        if self._waiting and self._waiting.rate == speaker.rate:
            speaker.playback = self._waiting
        self._waiting = None
        self._speaker = speaker

    def _open_microphone(self) -> None:
        self._microphone = open_microphone(self._chosen.input)
        self._tell_listening("")

    def _lose_speaker(self, speaker: Speaker) -> Speaker:
        """The answer waits, at the start of the sentence that was cut."""
        self._speaker = None
        if speaker.playback and not speaker.playback.stopped and speaker.playback.ahead:
            self._waiting, self._lost_at = speaker.playback, time.monotonic()
            speaker.playback.seek(self._sentence_start())
            speaker.playback = None
        self._emit(Noted(tr("The speaker is gone; the answer goes on in writing.")))
        return speaker

    def _drop(self) -> None:
        speaker, self._speaker = self._speaker, None
        microphone, self._microphone = self._microphone, None
        for device in (speaker, microphone):
            if device:
                device.close()

    def _tell_listening(self, why_not: str) -> None:
        """Says it once."""
        told = Listening(self._microphone is not None, self._ears.listener.hands_free, why_not)
        if told != self._told:
            self._told = told
            self._emit(told)
