"""Figures of the window and of the spoken turn, on a virtual screen with a virtual microphone and speaker.

Moments are those at which sound left the sink (or came out of the microphone), never those at which a call returned."""

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

import numpy as np

from assistant.audio import clip, decode
from assistant.audio.segmenter import SegmenterParams
from assistant.audio.vad import SAMPLE_RATE_HZ
from assistant.history.conversation_store import TurnRecord
from assistant.history.turn_recorder import TurnRecorder
from assistant.interfaces import Voice
from assistant.starter import demo
from benchmarks.stopwatch import LOUD, Monitor
from tests.desktop import desktop_harness as desktop
from tests.desktop.desktop_harness import DesktopHarness

_PAIRS = 7
_LONG = "The ferry leaves at nine. It comes back at noon. Tickets are sold in the blue house. Dogs may travel. " * 2


@dataclass(frozen=True)
class Figure:
    """A measured value; `goal` None where there is none."""

    name: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "met" if self.value <= self.goal else f"short of {self.goal:g} {self.unit}"


def probe() -> float:
    """Milliseconds for a fixed product of matrices: how fast this machine is just now."""
    matrix = np.ones((512, 512), np.float32)
    start = time.perf_counter()
    for _ in range(10):
        matrix @ matrix
    return (time.perf_counter() - start) * 100


def run() -> Iterator[Figure]:
    """All figures, in a minute and a half."""
    with tempfile.TemporaryDirectory() as name, desktop.started(Path(name) / "run") as desk:
        os.environ.update(desk.environment, HARK_HOME=f"{name}/home", HF_HUB_OFFLINE="1")
        long = _fill(Path(name) / "home")
        yield Figure("probe before", probe(), "ms")
        yield from _window(desk, long)
        yield from _listening(desk, Path(name))
        yield from _interrupts(desk, Path(name))
        yield from _turns(desk, Path(name))
        yield from _barging(desk, Path(name))
        yield Figure("probe after", probe(), "ms")


def _fill(home: Path) -> int:
    """A history of 10,000 turns in 500 conversations, and as many in one, whose number is returned."""
    turn = TurnRecord(0, 0, 0.0, "When does the ferry leave? 渡轮几点开？", "It leaves at nine. " * 12, "", "answered")
    history = TurnRecorder(home)
    for number in range(500):
        history.store.add_conversation(f"Conversation {number}", [turn] * 20, {})
    long = history.store.add_conversation("Long", [turn] * 10_000, {})
    history.close()
    return long


def _shown(desk: DesktopHarness, *arguments: str) -> dict[str, list[float]]:
    environment = {**os.environ, "HARK_STARTED": repr(time.monotonic())}
    command = [sys.executable, "-m", "benchmarks.shown", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    return {line.split()[0]: [float(x) for x in line.split()[1:]] for line in done.stdout.splitlines()}


def _window(desk: DesktopHarness, long: int) -> Iterator[Figure]:
    _shown(desk)  # warms the cache
    shown = [_shown(desk)["shown"][0] for _ in range(5)]
    yield Figure("window painted after exec, with 10,000 turns, median of 5", statistics.median(shown), "s", 0.25)
    seen = _shown(desk, "--seconds", "15")
    yield Figure("16 ms timer late while loading and answering, with 10,000 turns, p99", seen["late"][0], "ms", 5.0)
    yield Figure("16 ms timer late while loading and answering, with 10,000 turns, max", seen["late"][1], "ms", 16.0)
    yield Figure("window's memory (PSS)", seen["pss"][0], "MB", 80.0)
    seen = _shown(desk, "--seconds", "15", "--scroll", str(long))
    yield Figure("turns that were scrolled past, of 10,000 in one conversation", seen["passed"][0], "")
    yield Figure("16 ms timer late while they are scrolled, p99", seen["late"][0], "ms", 5.0)
    yield Figure("16 ms timer late while they are scrolled, max", seen["late"][1], "ms", 16.0)
    yield Figure("to the start of 10,000 turns, painted", seen["jump"][0], "ms", 100.0)


def _listening(desk: DesktopHarness, folder: Path) -> Iterator[Figure]:
    """What the level meter costs, its one animation."""
    loud = np.repeat(np.linspace(0.2, 1, 100) ** 2, SAMPLE_RATE_HZ // 4)
    noise = np.random.default_rng(0).normal(0, 0.1, len(loud)) * loud
    clip.write_wav(folder / "noise.wav", clip.to_mono(noise.astype(np.float32), SAMPLE_RATE_HZ))
    playing = subprocess.Popen(["paplay", "--device=mic", str(folder / "noise.wav")], env=desk.environment)
    seen = _shown(desk, "--meter", "8")
    playing.kill()
    playing.wait()
    yield Figure("levels that the meter showed in 8 s", seen["levels"][0], "")
    yield Figure("window's part of a core meanwhile", seen["meter"][0], "%", 2.0)


def _interrupts(desk: DesktopHarness, folder: Path) -> Iterator[Figure]:
    """From the key's press, by another program, to the last loud block at the speaker."""
    home = folder / "quiet"
    home.mkdir()
    (home / "settings.toml").write_text('[responder]\nbackend = "silent"\n[sound]\nearcons = false\n')
    desk.start(home)
    ear = Monitor("ear.monitor", desk.environment)
    took = []
    for _ in range(5):
        desk.keys("key", "ctrl+l")
        desk.keys("type", _LONG)
        desk.keys("key", "Return")
        asked = time.monotonic()
        desk.until(lambda asked=asked: ear.first_loud(asked) is not None, 20, "it speaks")  # type: ignore[misc]
        time.sleep(1.2)
        pressed = time.monotonic()
        desk.keys("key", "ctrl")
        time.sleep(1.0)
        took.append((ear.last_loud() - pressed) * 1000)
    ear.close()
    desk.end()
    yield Figure(
        "silent at the sink after Ctrl (with xdotool's own time), median of 5", statistics.median(took), "ms", 120
    )
    yield Figure("silent at the sink after Ctrl, worst of 5", max(took), "ms", 120)


def _turns(desk: DesktopHarness, folder: Path) -> Iterator[Figure]:
    """End of speech to first sound, ours and in the naive order, in turn."""
    from assistant.engine.engine import Engine
    from assistant.events import StateChanged, TurnEnded
    from assistant.paths import AppPaths
    from assistant.settings import AudioSettings, Settings

    shown = demo.make_demo(3)
    shown.picture.save(folder / "p.png")
    with shown.question_recording() as recording:
        clip.write_wav(folder / "q.wav", decode.read_audio(recording))
    happened: queue.Queue[Any] = queue.Queue()
    engine = Engine(Settings(audio=AudioSettings(earcons=False)), AppPaths.locate(), happened.put)
    engine.start()
    _until(happened, lambda event: event == StateChanged("ready"))
    engine.set_hands_free(True)
    engine.attach_file(str(folder / "p.png"))
    ear, mic = Monitor("ear.monitor", desk.environment), Monitor("mic.monitor", desk.environment)
    time.sleep(1.0)
    ours, naive = SegmenterParams(), SegmenterParams(soft_silence=SAMPLE_RATE_HZ * 700 // 1000)
    waits: dict[str, list[float]] = {"ours": [], "naive": []}
    stages: list[TurnEnded] = []
    for _ in range(_PAIRS):
        for name, times in (("ours", ours), ("naive", naive)):
            engine._devices._input.segmenter._params = times
            began = time.monotonic()
            desk.play(folder / "q.wav")
            ended = _until(happened, lambda event: isinstance(event, TurnEnded))
            first = ear.first_loud(began)
            spoken = [at for at, peak in mic.marks if peak > LOUD and began < at]
            if first and spoken and ended.answer == shown.answer:
                waits[name].append(first - max(at for at in spoken if at < first))
                stages += [ended] if name == "ours" else []
            time.sleep(0.4)
    engine.stop()
    ear.close()
    mic.close()
    pairs = [n / o for o, n in zip(waits["ours"], waits["naive"], strict=False)]
    yield Figure("pairs with the right answer (ours and naive in turn)", len(pairs), f"of {_PAIRS}")
    yield Figure("end of speech to first sound at the sink, ours, median", statistics.median(waits["ours"]), "s")
    yield Figure("the same in the naive order, median", statistics.median(waits["naive"]), "s")
    yield Figure("naive / ours, median of pairs", statistics.median(pairs), "x")
    for stage in ("hear", "first_word", "first_sound"):
        values = [getattr(ended.timings, stage) for ended in stages]
        yield Figure(f"  of it, counted from the soft end: {stage}", statistics.median(values), "s")


class _Tone(Voice):
    """A voice that hums evenly, so that a change of its loudness can be seen."""

    def synthesize(self, text: str) -> Iterator[clip.AudioClip]:
        time_ = np.arange(5 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
        yield clip.AudioClip((0.5 * np.sin(2 * np.pi * 220 * time_)).astype(np.float32), SAMPLE_RATE_HZ)


def _barging(desk: DesktopHarness, folder: Path) -> Iterator[Figure]:
    """From the first sound of a person's voice at the microphone to the speaker ducked, and silent."""
    from assistant.engine.engine import Engine
    from assistant.events import StateChanged, TurnEnded
    from assistant.paths import AppPaths
    from assistant.settings import AudioSettings, ResponderSettings, Settings

    happened: queue.Queue[Any] = queue.Queue()
    settings = Settings(responder=ResponderSettings(backend="silent"), audio=AudioSettings(earcons=False))
    engine = Engine(settings, AppPaths.locate(), happened.put)
    engine.start()
    _until(happened, lambda event: event == StateChanged("ready"))
    engine._session.models._loaded["voice"] = (settings.voice.id, _Tone())
    engine.set_hands_free(True)
    ear, mic = Monitor("ear.monitor", desk.environment), Monitor("mic.monitor", desk.environment)
    ducked, held = [], []
    for _ in range(_PAIRS):
        time.sleep(0.5)
        engine.ask("hum")
        asked = time.monotonic()
        time.sleep(2.0)
        desk.play(folder / "q.wav")
        onset = mic.first_loud(asked)
        if onset:
            ducked.append(1000 * ((ear.first_below(onset, 0.3) or np.inf) - onset))
            held.append(1000 * ((ear.first_below(onset, LOUD) or np.inf) - onset))
        _until(happened, lambda event: isinstance(event, TurnEnded))
        engine.interrupt()
        time.sleep(0.8)
    engine.stop()
    ear.close()
    mic.close()
    yield Figure("ducked at the sink after the first sound of a voice, median", statistics.median(ducked), "ms", 60)
    yield Figure("silent at the sink after the first sound of a voice, median", statistics.median(held), "ms")


def _until(happened: queue.Queue[Any], met: Any) -> Any:
    while not met(event := happened.get(timeout=60)):
        pass
    return event
