"""Opens, watches, closes and opens again the engine's microphone and speaker.

All of PortAudio's slow calls are made in a thread of their own, because a frozen sound server hangs them. A device that
goes away is noticed within two seconds and reported; when it comes back it is opened again."""

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

_CHECK_INTERVAL_S = 0.2  # between checks of the devices
_REOPEN_INTERVAL_S = 1.0  # between attempts to open a device that is missing
_SLOW_REOPEN_INTERVAL_S = 3.0  # the same after `_QUICK_ATTEMPTS`
_QUICK_ATTEMPTS = 10
_READ_TIMEOUT_S = 0.05
_SPEAKER_WAIT_S = 10.0  # an answer that lost its speaker waits so long for it to come back
_OPEN_TIMEOUT_S = 3.0  # the first answer waits so long for the speaker to open; a frozen sound server never opens it
_MAX_UNSURE_FRAMES = 400  # of 10 ms: the echo canceller should have converged by then
_MICROPHONE_GONE = tr_noop("The microphone is gone. Connect it again; typed questions work meanwhile.")
_HALF_DUPLEX = tr_noop(
    "Hark cannot tell its own voice from yours on this speaker, so it listens only when it is silent. "
    "If you wear headphones, turn on “I use headphones”."
)


class AudioDevices:
    """`run` has a thread of its own and makes all slow calls, `read_microphone` is called by the listener's thread; the
    other methods return at once and may be called from anywhere.

    `settings`: which devices.
    `emit`: receives what happens to them.
    `sentence_start`: gives the sample from which an answer is played again that lost its speaker."""

    def __init__(
        self, settings: AudioSettings, emit: Callable[[Event], None], sentence_start: Callable[[], int]
    ) -> None:
        self._settings, self._emit, self._sentence_start = settings, emit, sentence_start
        self._microphone: Microphone | None = None
        self._speaker: Speaker | None = None
        self._waiting_playback: AudioPlayback | None = None  # of an answer that lost its speaker
        self._speaker_lost_at_s = 0.0
        self._source_monitor = SourceMonitor()
        self._new_settings: queue.SimpleQueue[AudioSettings | None] = queue.SimpleQueue()  # None: close
        self._listener_calls: queue.SimpleQueue[Callable[[], Iterator[SpeechEvent]]] = queue.SimpleQueue()
        self._first_open_done = threading.Event()
        # Some drivers give samples above 1 or NaN; in this order of arguments `max` and `min` let none through.
        self._input = AudioInputPipeline(
            UtteranceSegmenter(SileroVad().speech_probability),
            None,
            lambda level: emit(InputLevel(min(1.0, max(0.0, level)))),
        )
        self._input.segmenter.is_hands_free = False
        self._last_microphone_state: MicrophoneState | None = None
        self._last_devices: AudioDevicesAvailable | None = None
        self._half_duplex_announced = False
        self._microphone_test: MicrophoneTest | None = None
        self._test_playback: AudioPlayback | None = None

    def run(self) -> None:
        """Opens both devices and watches them until `close`."""
        self._open_missing()
        self._first_open_done.set()
        next_attempt_s, attempts = time.monotonic() + _REOPEN_INTERVAL_S, 0
        while True:
            try:
                settings = self._new_settings.get(timeout=_CHECK_INTERVAL_S)
            except queue.Empty:
                self._check_devices()
                if time.monotonic() >= next_attempt_s:
                    self._open_missing()
                    attempts = 0 if self._speaker and self._microphone else attempts + 1
                    interval_s = _REOPEN_INTERVAL_S if attempts < _QUICK_ATTEMPTS else _SLOW_REOPEN_INTERVAL_S
                    next_attempt_s = time.monotonic() + interval_s
                continue
            self._close_devices()
            if settings is None:
                break
            self._settings = settings
            self._open_missing()
        self._source_monitor.close()

    def close(self) -> None:
        """Makes `run` close the devices and return."""
        self._new_settings.put(None)

    def change_devices(self, settings: AudioSettings) -> None:
        """Opens the devices of these settings instead."""
        self._new_settings.put(settings)

    def open_playback(self) -> AudioPlayback | None:
        """A playback for an answer; None without a speaker. Waits a moment if the speaker is just being opened."""
        self._first_open_done.wait(_OPEN_TIMEOUT_S)
        self._waiting_playback = None
        return self._speaker.open_playback() if self._speaker else None

    def play_earcons(self, *earcons: str) -> None:
        """Plays these earcons, one after another; with none it stops those that are being played."""
        speaker = self._speaker  # another thread may set it to None
        if speaker:
            speaker.earcons.play_sequence(*earcons)

    def set_hands_free(self, hands_free: bool) -> None:
        """Whether speech itself begins a question."""
        self._listener_calls.put(lambda: self._set_hands_free(hands_free))

    def press_talk_key(self) -> None:
        """An utterance begins, if there is a microphone."""
        self._listener_calls.put(self._start_by_key)

    def tap_talk_key(self) -> None:
        """The utterance that was begun by the key ends by a silence."""
        self._listener_calls.put(self._tap_key)

    def release_talk_key(self) -> None:
        """The utterance ends."""
        self._listener_calls.put(self._input.segmenter.release_key)

    def test_microphone(self) -> None:
        """Records a few seconds and plays them: `MicrophoneTestResult`."""
        self._listener_calls.put(self._start_test)

    def stop_test_playback(self) -> None:
        """Stops the recording of a microphone test that is being played."""
        playback = self._test_playback
        if playback:
            playback.stop()

    def reset_echo_trust(self) -> None:
        """Speech without words was detected: it may have been Hark's own voice, so the echo canceller starts anew."""
        if self._input.echo:
            self._input.echo.reset_trust()

    def read_microphone(self, playback: AudioPlayback | None) -> Iterator[SpeechEvent]:
        """The speech events of the microphone's next block; waits for it 50 ms at most. `playback`: the answer that is
        being played."""
        while not self._listener_calls.empty():
            yield from self._listener_calls.get()()
        microphone = self._microphone
        if microphone is None:
            time.sleep(_READ_TIMEOUT_S)
        elif (block := microphone.read_block(_READ_TIMEOUT_S)) is not None:
            if self._microphone_test:
                yield from self._feed_test(self._microphone_test, block)
            else:
                yield from self._input.feed_block(block, playback)

    def _set_hands_free(self, hands_free: bool) -> Iterator[SpeechEvent]:
        self._input.segmenter.is_hands_free = hands_free
        self._emit_microphone_state("")
        yield from ()

    def _start_by_key(self) -> Iterator[SpeechEvent]:
        if self._microphone:
            self._input.start_by_key()
            yield from self._input.segmenter.press_key()

    def _tap_key(self) -> Iterator[SpeechEvent]:
        self._input.segmenter.tap_key()
        yield from ()

    def _start_test(self) -> Iterator[SpeechEvent]:
        if self._microphone:
            self._microphone_test = MicrophoneTest()
            yield from self._input.segmenter.discard_utterance()

    def _lose_microphone(self) -> Iterator[SpeechEvent]:
        if self._microphone_test:
            self._microphone_test = None
            self._emit(MicrophoneTestResult("silence", is_playing=False))
        yield from self._input.segmenter.discard_utterance()

    def _feed_test(self, test: MicrophoneTest, block: Samples) -> Iterator[SpeechEvent]:
        """Records; what is said meanwhile is no question. The echo canceller gets every block all the same, to stay
        in step with the speaker."""
        test.add_block(block)
        for _ in self._input.feed_block(block, None):
            pass
        if test.is_complete:
            self._microphone_test = None
            yield from self._input.segmenter.discard_utterance()
            is_speaking = self._speaker and self._speaker.playback and self._speaker.playback.buffered_seconds
            playback = self._test_playback = None if is_speaking else self.open_playback()
            if playback:
                playback.queue_audio(test.recorded_audio)
            self._emit(MicrophoneTestResult(test.sound_kind, bool(playback)))

    def _check_devices(self) -> None:
        lost_devices: list[Speaker | Microphone] = []
        if self._speaker and not self._speaker.is_alive:
            lost_devices.append(self._lose_speaker(self._speaker))
        if self._waiting_playback and time.monotonic() - self._speaker_lost_at_s > _SPEAKER_WAIT_S:
            self._waiting_playback.stop()
            self._waiting_playback = None
        if self._microphone and (self._source_monitor.is_on_monitor or not self._microphone.is_alive):
            lost_devices.append(self._microphone)
            self._microphone = None
            self._listener_calls.put(self._lose_microphone)
            self._emit_microphone_state(tr(_MICROPHONE_GONE))
        for device in lost_devices:  # last, because a frozen sound server makes it hang
            device.close()
        echo = self._input.echo
        is_unsure = echo and not echo.has_converged and echo.learned_frames > _MAX_UNSURE_FRAMES
        if is_unsure and not self._half_duplex_announced:
            self._half_duplex_announced = True
            self._emit(Notice(tr(_HALF_DUPLEX)))

    def _open_missing(self) -> None:
        """Opens the devices that are not open, and lists those that can be chosen."""
        speaker_problem = self._try_opening(self._open_speaker) if not self._speaker else None
        microphone_problem = None
        if not self._microphone and not self._source_monitor.has_no_microphone:
            microphone_problem = self._try_opening(self._open_microphone)
        if not self._microphone:
            self._emit_microphone_state(microphone_problem or speaker_problem or tr(_MICROPHONE_GONE))
        devices = AudioDevicesAvailable(tuple(portaudio.device_names("input")), tuple(portaudio.device_names("output")))
        if devices != self._last_devices:
            self._last_devices = devices
            self._emit(devices)

    def _try_opening(self, open_device: Callable[[], None]) -> str | None:
        """Returns why a device cannot be opened, or None. PortAudio lists devices anew only while no stream is open."""
        try:
            try:
                open_device()
            except NotAvailableError:
                if self._speaker or self._microphone:
                    raise
                portaudio.refresh_devices()
                open_device()
        except NotAvailableError as error:
            return str(error)
        return None

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
        """The answer waits for another speaker, at the start of the sentence that was cut."""
        self._speaker = None
        if speaker.playback and not speaker.playback.is_stopped and speaker.playback.buffered_seconds:
            self._waiting_playback, self._speaker_lost_at_s = speaker.playback, time.monotonic()
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
        """Emits the state if it is another than before."""
        state = MicrophoneState(self._microphone is not None, self._input.segmenter.is_hands_free, why_not)
        if state != self._last_microphone_state:
            self._last_microphone_state = state
            self._emit(state)
