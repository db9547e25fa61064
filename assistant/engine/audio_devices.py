"""The engine's microphone and speaker: opened, watched, closed and opened again. Knows nothing of turns.

All of PortAudio's slow calls are made in one thread of their own, because a frozen sound server hangs them. A device
that goes away is noticed within two seconds and said; when it comes back Hark takes it again."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

from assistant.audio import portaudio
from assistant.audio.clip import Samples
from assistant.audio.echo_canceller import EchoCanceller
from assistant.audio.input_pipeline import AudioInputPipeline
from assistant.audio.microphone import Microphone, open_microphone
from assistant.audio.microphone_test import MicrophoneTest
from assistant.audio.playback import AudioPlayback
from assistant.audio.segmenter import SpeechEvent, UtteranceSegmenter
from assistant.audio.source_monitor import SourceMonitor
from assistant.audio.speaker import Speaker, open_speaker
from assistant.audio.vad import SileroVad
from assistant.errors import NotAvailableError
from assistant.events import AudioDevicesAvailable, Event, InputLevel, MicrophoneState, MicrophoneTestResult, Notice
from assistant.settings import AudioSettings
from assistant.text.i18n import tr, tr_noop

_CHECK_INTERVAL_S = 0.2  # seconds between looks at the devices
_REOPEN_INTERVAL_S = 1.0  # seconds between tries to open what is not there,
_SLOW_REOPEN_INTERVAL_S = 3.0  # and when it has not been there for a while
_SPEAKER_WAIT_S = 10.0  # seconds after which an answer no longer waits for a speaker
_OPEN_TIMEOUT_S = 3.0  # seconds that the first answer waits for the speaker, and an end for a frozen sound server
_UNSURE_FRAMES = 400  # frames of 10 ms
_MICROPHONE_GONE = tr_noop("The microphone is gone. Connect it again; typed questions work meanwhile.")
_HALF_DUPLEX = tr_noop(
    "Hark cannot tell its own voice from yours on this speaker, so it listens only when it is silent. "
    "If you wear headphones, turn on “I use headphones”."
)


class AudioDevices:
    """`hear` runs in the listener's thread, `run` in its own; the rest may come from anywhere.

    `sentence_start` gives the sample at which an answer goes on that lost its speaker."""

    def __init__(self, chosen: AudioSettings, emit: Callable[[Event], None], sentence_start: Callable[[], int]) -> None:
        self._settings, self._emit, self._sentence_start = chosen, emit, sentence_start
        self._microphone: Microphone | None = None
        self._speaker: Speaker | None = None
        self._waiting_playback: AudioPlayback | None = None  # an answer that lost its speaker
        self._lost_at = 0.0
        self._source_monitor = SourceMonitor()
        self._requests: queue.SimpleQueue[AudioSettings | None] = queue.SimpleQueue()
        self._key_events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._first_open_done = threading.Event()
        # Not every driver keeps to 0 to 1, or to numbers: `max` lets no NaN through in this order.
        self._input = AudioInputPipeline(
            UtteranceSegmenter(SileroVad().speech_probability),
            None,
            lambda at: emit(InputLevel(min(1.0, max(0.0, at)))),
        )
        self._input.segmenter.is_hands_free = False
        self._last_listening: MicrophoneState | None = None
        self._last_devices: AudioDevicesAvailable | None = None
        self._half_duplex_announced = False
        self._microphone_test: MicrophoneTest | None = None
        self._test_playback: AudioPlayback | None = None

    def run(self) -> None:
        """Opens both, and minds them until `close`."""
        self._open_missing()
        self._first_open_done.set()
        next_try, tries = time.monotonic() + _REOPEN_INTERVAL_S, 0
        while True:
            try:
                wish = self._requests.get(timeout=_CHECK_INTERVAL_S)
            except queue.Empty:
                self._check_devices()
                if time.monotonic() >= next_try:
                    self._open_missing()
                    tries = 0 if self._speaker and self._microphone else tries + 1
                    next_try = time.monotonic() + (_REOPEN_INTERVAL_S if tries < 10 else _SLOW_REOPEN_INTERVAL_S)
                continue
            self._close_devices()
            if wish is None:
                break
            self._settings = wish
            self._open_missing()
        self._source_monitor.close()

    def close(self) -> None:
        """Asks `run` to end."""
        self._requests.put(None)

    def change_devices(self, chosen: AudioSettings) -> None:
        """Other devices."""
        self._requests.put(chosen)

    def open_playback(self) -> AudioPlayback | None:
        """For an answer; None without a speaker."""
        self._first_open_done.wait(_OPEN_TIMEOUT_S)
        self._waiting_playback = None
        return self._speaker.open_playback() if self._speaker else None

    def play_earcons(self, *earcons: str) -> None:
        """Sounds these earcons, one after another; none ends what sounds."""
        speaker = self._speaker  # another thread may lose it meanwhile
        if speaker:
            speaker.earcons.play_sequence(*earcons)

    def set_hands_free(self, hands_free: bool) -> None:
        self._key_events.put("hands-free" if hands_free else "hands-on")

    def press_talk_key(self) -> None:
        self._key_events.put("press")

    def tap_talk_key(self) -> None:
        self._key_events.put("tap")

    def release_talk_key(self) -> None:
        self._key_events.put("release")

    def test_microphone(self) -> None:
        """Records a few seconds and plays them."""
        self._key_events.put("try")

    def stop_test_playback(self) -> None:
        """Ends what is heard of a trial."""
        playback = self._test_playback
        if playback:
            playback.stop()

    def reset_echo_trust(self) -> None:
        """Voices were heard that said nothing: they may have been our own."""
        if self._input.echo:
            self._input.echo.reset_trust()

    def read_microphone(self, playback: AudioPlayback | None) -> Iterator[SpeechEvent]:
        """What the microphone hears next; waits for it 50 ms at most."""
        while not self._key_events.empty():
            yield from self._handle_key(self._key_events.get())
        microphone = self._microphone
        if microphone is None:
            time.sleep(0.05)
        elif (block := microphone.read_block(0.05)) is not None:
            if self._microphone_test:
                yield from self._feed_test(self._microphone_test, block)
            else:
                yield from self._input.feed_block(block, playback)

    def _handle_key(self, key: str) -> Iterator[SpeechEvent]:
        listener = self._input.segmenter
        if key == "press" and self._microphone:
            self._input.start_by_key()
            yield from listener.press_key()
        elif key == "tap":
            listener.tap_key()
        elif key == "release":
            yield from listener.release_key()
        elif key == "gone":
            if self._microphone_test:
                self._microphone_test = None
                self._emit(MicrophoneTestResult("silence", is_playing=False))
            yield from listener.discard_utterance()
        elif key == "try" and self._microphone:
            self._microphone_test = MicrophoneTest()
            yield from listener.discard_utterance()
        elif key.startswith("hands"):
            listener.is_hands_free = key == "hands-free"
            self._emit_microphone_state("")

    def _feed_test(self, tryout: MicrophoneTest, block: Samples) -> Iterator[SpeechEvent]:
        """No question meanwhile; the ears stay in step with the speaker."""
        tryout.add_block(block)
        for _ in self._input.feed_block(block, None):
            pass
        if tryout.is_complete:
            self._microphone_test = None
            yield from self._input.segmenter.discard_utterance()
            sounding = self._speaker and self._speaker.playback and self._speaker.playback.buffered_seconds
            playback = self._test_playback = None if sounding else self.open_playback()
            if playback:
                playback.queue_audio(tryout.recorded_audio)
            self._emit(MicrophoneTestResult(tryout.sound_kind, bool(playback)))

    def _check_devices(self) -> None:
        gone: list[Speaker | Microphone] = []
        if self._speaker and not self._speaker.is_alive:
            gone.append(self._lose_speaker(self._speaker))
        if self._waiting_playback and time.monotonic() - self._lost_at > _SPEAKER_WAIT_S:
            self._waiting_playback.stop()
            self._waiting_playback = None
        if self._microphone and (self._source_monitor.is_on_monitor or not self._microphone.is_alive):
            gone.append(self._microphone)
            self._microphone = None
            self._key_events.put("gone")
            self._emit_microphone_state(tr(_MICROPHONE_GONE))
        for device in gone:  # last: a frozen sound server does not let go of them
            device.close()
        echo = self._input.echo
        if echo and not echo.has_converged and echo.learned_frames > _UNSURE_FRAMES and not self._half_duplex_announced:
            self._half_duplex_announced = True
            self._emit(Notice(tr(_HALF_DUPLEX)))

    def _open_missing(self) -> None:
        """Opens what is not open."""
        why = ""
        if not self._speaker:
            why = self._try_opening(self._open_speaker)
        if not self._microphone and not self._source_monitor.has_no_microphone:
            why = self._try_opening(self._open_microphone) or why
        if not self._microphone:
            self._emit_microphone_state(why or tr(_MICROPHONE_GONE))
        found = AudioDevicesAvailable(tuple(portaudio.device_names("input")), tuple(portaudio.device_names("output")))
        if found != self._last_devices:
            self._last_devices = found
            self._emit(found)

    def _try_opening(self, opening: Callable[[], None]) -> str:
        """Why it could not be opened. With no stream open PortAudio is made to look at the devices again."""
        try:
            try:
                opening()
            except NotAvailableError:
                if self._speaker or self._microphone:
                    raise
                portaudio.refresh_devices()
                opening()
        except NotAvailableError as error:
            return str(error)
        return ""

    def _open_speaker(self) -> None:
        echo: EchoCanceller | None = None
        speaker = open_speaker(self._settings.output, lambda block: echo.push_reference(block) if echo else None)
        echo = EchoCanceller(speaker.rate, self._settings.headphones)
        self._input.echo = echo
        if self._waiting_playback and self._waiting_playback.rate == speaker.rate:
            speaker.playback = self._waiting_playback
        self._waiting_playback = None
        self._speaker = speaker

    def _open_microphone(self) -> None:
        self._microphone = open_microphone(self._settings.input)
        self._emit_microphone_state("")

    def _lose_speaker(self, speaker: Speaker) -> Speaker:
        """The answer waits, at the start of the sentence that was cut."""
        self._speaker = None
        if speaker.playback and not speaker.playback.is_stopped and speaker.playback.buffered_seconds:
            self._waiting_playback, self._lost_at = speaker.playback, time.monotonic()
            speaker.playback.seek_to_sample(self._sentence_start())
            speaker.playback = None
        self._emit(Notice(tr("The speaker is gone; the answer goes on in writing.")))
        return speaker

    def _close_devices(self) -> None:
        speaker, self._speaker = self._speaker, None
        microphone, self._microphone = self._microphone, None
        for device in (speaker, microphone):
            if device:
                device.close()

    def _emit_microphone_state(self, why_not: str) -> None:
        """Says it once."""
        told = MicrophoneState(self._microphone is not None, self._input.segmenter.is_hands_free, why_not)
        if told != self._last_listening:
            self._last_listening = told
            self._emit(told)
