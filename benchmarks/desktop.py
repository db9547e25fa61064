"""Measures the window and the spoken turn, on a virtual screen with a virtual microphone and speaker.

Times are those at which sound left the speaker's sink or came out of the microphone, never those at which a call
returned."""

from __future__ import annotations

import os
import queue
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from assistant.audio import clip, decode
from assistant.audio.segmenter import SegmenterParams, UtteranceSegmenter
from assistant.audio.vad import SAMPLE_RATE_HZ, SileroVad
from assistant.history.conversation_store import TurnRecord
from assistant.history.turn_recorder import TurnRecorder
from assistant.interfaces import Voice
from assistant.starter import demo
from benchmarks.stopwatch import LOUD_LEVEL, LoudnessMonitor
from tests.desktop import desktop_harness as desktop
from tests.desktop.desktop_harness import DesktopHarness

_PAIR_COUNT = 7
_LONG_QUESTION = (
    "The ferry leaves at nine. It comes back at noon. Tickets are sold in the blue house. Dogs may travel. " * 2
)


@dataclass(frozen=True)
class Figure:
    """A measured value."""

    name: str
    value: float
    unit: str
    goal: float | None = None  # the largest value that meets it; None where there is no goal

    @property
    def verdict(self) -> str:
        """Whether the value meets the goal, or what it falls short of; "" without a goal."""
        if self.goal is None:
            return ""
        return "met" if self.value <= self.goal else f"short of {self.goal:g} {self.unit}"


def measure_machine() -> float:
    """How fast this machine is at the moment: milliseconds for a fixed product of matrices."""
    matrix = np.ones((512, 512), np.float32)
    started = time.perf_counter()
    for _ in range(10):
        matrix @ matrix
    return (time.perf_counter() - started) * 100


def measure_desktop() -> Iterator[Figure]:
    """Yields all figures; takes a minute and a half."""
    with tempfile.TemporaryDirectory() as folder, desktop.started(Path(folder) / "run") as desk:
        os.environ.update(desk.environment, HARK_HOME=f"{folder}/home", HF_HUB_OFFLINE="1")
        long_id = _fill_history(Path(folder) / "home")
        yield Figure("probe before", measure_machine(), "ms")
        yield from _measure_window(desk, long_id)
        yield from _measure_level_meter(desk, Path(folder))
        yield from _measure_interruptions(desk, Path(folder))
        yield from _measure_spoken_turns(desk, Path(folder))
        yield from _measure_barge_in(desk, Path(folder))
        yield Figure("probe after", measure_machine(), "ms")


def _fill_history(home: Path) -> int:
    """Fills the history with 10,000 turns in 500 conversations and 10,000 in one more, whose id is returned."""
    turn = TurnRecord(0, 0, 0.0, "When does the ferry leave? 渡轮几点开？", "It leaves at nine. " * 12, "", "answered")
    history = TurnRecorder(home)
    for index in range(500):
        history.store.add_conversation(f"Conversation {index}", [turn] * 20, {})
    long_id = history.store.add_conversation("Long", [turn] * 10_000, {})
    history.close()
    return long_id


def _run_window(desk: DesktopHarness, *arguments: str) -> dict[str, list[float]]:
    environment = {**os.environ, "HARK_STARTED": repr(time.monotonic())}
    command = [sys.executable, "-m", "benchmarks.shown", *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    return {line.split()[0]: [float(x) for x in line.split()[1:]] for line in result.stdout.splitlines()}


def _measure_window(desk: DesktopHarness, long_id: int) -> Iterator[Figure]:
    _run_window(desk)  # warms the cache
    paint_times = [_run_window(desk)["shown"][0] for _ in range(5)]
    yield Figure("window painted after exec, with 10,000 turns, median of 5", statistics.median(paint_times), "s", 0.25)
    values = _run_window(desk, "--seconds", "15")
    yield Figure("16 ms timer late while loading and answering, with 10,000 turns, p99", values["late"][0], "ms", 5.0)
    yield Figure("16 ms timer late while loading and answering, with 10,000 turns, max", values["late"][1], "ms", 16.0)
    yield Figure("window's memory (PSS)", values["pss"][0], "MB", 80.0)
    values = _run_window(desk, "--seconds", "15", "--scroll", str(long_id))
    yield Figure("turns that were scrolled past, of 10,000 in one conversation", values["passed"][0], "")
    yield Figure("16 ms timer late while they are scrolled, p99", values["late"][0], "ms", 5.0)
    yield Figure("16 ms timer late while they are scrolled, max", values["late"][1], "ms", 16.0)
    yield Figure("to the start of 10,000 turns, painted", values["jump"][0], "ms", 100.0)


def _measure_level_meter(desk: DesktopHarness, folder: Path) -> Iterator[Figure]:
    """What the level meter costs, which is the window's only animation."""
    gain = np.repeat(np.linspace(0.2, 1, 100) ** 2, SAMPLE_RATE_HZ // 4)
    noise = np.random.default_rng(0).normal(0, 0.1, len(gain)) * gain
    clip.write_wav(folder / "noise.wav", clip.to_mono(noise.astype(np.float32), SAMPLE_RATE_HZ))
    playing = subprocess.Popen(["paplay", "--device=mic", str(folder / "noise.wav")], env=desk.environment)
    values = _run_window(desk, "--meter", "8")
    playing.kill()
    playing.wait()
    yield Figure("levels that the meter showed in 8 s", values["levels"][0], "")
    yield Figure("window's part of a core meanwhile", values["meter"][0], "%", 2.0)


def _measure_interruptions(desk: DesktopHarness, folder: Path) -> Iterator[Figure]:
    """The time from a key press, simulated by another program, to the last loud block at the speaker."""
    home = folder / "quiet"
    home.mkdir()
    (home / "settings.toml").write_text('[responder]\nbackend = "silent"\n[audio]\nearcons = false\n')
    desk.start(home)
    monitor = LoudnessMonitor("ear.monitor", desk.environment)
    delays_ms = []
    for _ in range(5):
        desk.keys("key", "ctrl+l")
        desk.keys("type", _LONG_QUESTION)
        desk.keys("key", "Return")
        asked = time.monotonic()
        desk.until(lambda asked=asked: monitor.first_loud_time(asked) is not None, 20, "it speaks")  # type: ignore[misc]
        time.sleep(1.2)
        pressed = time.monotonic()
        desk.keys("key", "ctrl")
        time.sleep(1.0)
        delays_ms.append((monitor.last_loud_time() - pressed) * 1000)
    monitor.close()
    desk.end()
    yield Figure(
        "silent at the sink after Ctrl (with xdotool's own time), median of 5", statistics.median(delays_ms), "ms", 120
    )
    yield Figure("silent at the sink after Ctrl, worst of 5", max(delays_ms), "ms", 120)


def _measure_spoken_turns(desk: DesktopHarness, folder: Path) -> Iterator[Figure]:
    """The time from the end of speech to the first sound of the answer, alternating Hark's and the naive order."""
    from assistant.engine.engine import Engine
    from assistant.events import StateChanged, TurnEnded
    from assistant.paths import AppPaths
    from assistant.settings import AudioSettings, Settings

    demonstration = demo.make_demo(3)
    demonstration.picture.save(folder / "p.png")
    with demonstration.question_recording() as recording:
        clip.write_wav(folder / "q.wav", decode.read_audio(recording))
    events: queue.Queue[Any] = queue.Queue()
    segmenter = UtteranceSegmenter(SileroVad().speech_probability)
    with mock.patch("assistant.engine.audio_devices.UtteranceSegmenter", return_value=segmenter):
        engine = Engine(Settings(audio=AudioSettings(earcons=False)), AppPaths.locate(), events.put)
    engine.start()
    _wait_for_event(events, lambda event: event == StateChanged("ready"))
    engine.set_hands_free(True)
    engine.attach_file(str(folder / "p.png"))
    speaker, microphone = (
        LoudnessMonitor("ear.monitor", desk.environment),
        LoudnessMonitor("mic.monitor", desk.environment),
    )
    time.sleep(1.0)
    orders = {"ours": SegmenterParams(), "naive": SegmenterParams(soft_silence=SAMPLE_RATE_HZ * 700 // 1000)}
    waits: dict[str, list[float]] = {"ours": [], "naive": []}
    stages: list[TurnEnded] = []
    for _ in range(_PAIR_COUNT):
        for name, segmenter.params in orders.items():
            started = time.monotonic()
            desk.play(folder / "q.wav")
            ended = _wait_for_event(events, lambda event: isinstance(event, TurnEnded))
            first_sound = speaker.first_loud_time(started)
            speech_times = [moment for moment, peak in microphone.levels if peak > LOUD_LEVEL and started < moment]
            if first_sound and speech_times and ended.answer == demonstration.answer:
                waits[name].append(first_sound - max(moment for moment in speech_times if moment < first_sound))
                stages += [ended] if name == "ours" else []
            time.sleep(0.4)
    engine.stop()
    for monitor in (speaker, microphone):
        monitor.close()
    pairs = [n / o for o, n in zip(waits["ours"], waits["naive"], strict=False)]
    yield Figure("pairs with the right answer (ours and naive in turn)", len(pairs), f"of {_PAIR_COUNT}")
    yield Figure("end of speech to first sound at the sink, ours, median", statistics.median(waits["ours"]), "s")
    yield Figure("the same in the naive order, median", statistics.median(waits["naive"]), "s")
    yield Figure("naive / ours, median of pairs", statistics.median(pairs), "x")
    for stage in ("transcribe", "first_word", "first_sound"):
        median_s = statistics.median(getattr(ended.timings, stage) for ended in stages)
        yield Figure(f"  of it, counted from the soft end: {stage}", median_s, "s")


class _HummingVoice(Voice):
    """A voice that hums evenly, so that changes of loudness can be measured."""

    def synthesize(self, text: str) -> Iterator[clip.AudioClip]:
        time_ = np.arange(5 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
        yield clip.AudioClip((0.5 * np.sin(2 * np.pi * 220 * time_)).astype(np.float32), SAMPLE_RATE_HZ)


def _measure_barge_in(desk: DesktopHarness, folder: Path) -> Iterator[Figure]:
    """The time from the first sound of a voice at the microphone until the speaker is quieter, and silent."""
    from assistant.engine.engine import Engine
    from assistant.events import StateChanged, TurnEnded
    from assistant.models import voices
    from assistant.paths import AppPaths
    from assistant.settings import AudioSettings, ResponderSettings, Settings

    events: queue.Queue[Any] = queue.Queue()
    settings = Settings(responder=ResponderSettings(backend="silent"), audio=AudioSettings(earcons=False))
    engine = Engine(settings, AppPaths.locate(), events.put)
    with mock.patch.object(voices, "open_voice_or_default", return_value=_HummingVoice()):
        engine.start()
        _wait_for_event(events, lambda event: event == StateChanged("ready"))
    engine.set_hands_free(True)
    speaker, microphone = (
        LoudnessMonitor("ear.monitor", desk.environment),
        LoudnessMonitor("mic.monitor", desk.environment),
    )
    ducking_ms, silence_ms = [], []
    for _ in range(_PAIR_COUNT):
        time.sleep(0.5)
        engine.ask("hum")
        asked = time.monotonic()
        time.sleep(2.0)
        desk.play(folder / "q.wav")
        onset = microphone.first_loud_time(asked)
        if onset:
            ducking_ms.append(1000 * ((speaker.first_time_below(onset, 0.3) or np.inf) - onset))
            silence_ms.append(1000 * ((speaker.first_time_below(onset, LOUD_LEVEL) or np.inf) - onset))
        _wait_for_event(events, lambda event: isinstance(event, TurnEnded))
        engine.interrupt()
        time.sleep(0.8)
    engine.stop()
    speaker.close()
    microphone.close()
    yield Figure("ducked at the sink after the first sound of a voice, median", statistics.median(ducking_ms), "ms", 60)
    yield Figure("silent at the sink after the first sound of a voice, median", statistics.median(silence_ms), "ms")


def _wait_for_event(events: queue.Queue[Any], is_awaited: Any) -> Any:
    while not is_awaited(event := events.get(timeout=60)):
        pass
    return event
