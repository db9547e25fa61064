"""The engine between a virtual microphone and a virtual speaker: echo, barge-in, and devices that go away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant import backends, events
from assistant.audio import decode, microphone_test
from assistant.interfaces import LoadOptions
from assistant.settings import ResponderSettings, Settings
from assistant.starter import demo
from tests.conftest import missing
from tests.desktop import sound_server
from tests.desktop.sound_server import SoundServer
from tests.support.engine_harness import InProcessEngine

pytestmark = pytest.mark.realtime

REPEATS = replace(Settings(), responder=ResponderSettings(backend="silent"))  # eSpeak's voice says the question again
LONG = "The blue circle is at the top left. The red square is at the bottom right. The star is in the middle. "


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    try:
        with sound_server.started(tmp_path / "sound") as running:
            for name, value in running.environment.items():
                monkeypatch.setenv(name, value)
            from assistant.audio import portaudio

            portaudio.refresh_devices()
            yield running
    except FileNotFoundError as error:
        missing(str(error))


@pytest.fixture
def harness(server: SoundServer, no_thread_left: None) -> Iterator[InProcessEngine]:
    engine_harness = InProcessEngine(REPEATS)
    engine_harness.until(events.StateChanged, state="ready")
    if not (engine_harness.listening and engine_harness.listening.is_open):
        engine_harness.until(events.MicrophoneState, is_open=True)
    yield engine_harness
    engine_harness.engine.stop()


def pactl(server: SoundServer, *arguments: str) -> str:
    done = subprocess.run(["pactl", *arguments], env=server.environment, capture_output=True, text=True, timeout=10)
    return done.stdout.strip()


@pytest.mark.parametrize("level", ["40%", "70%", "100%"])
def test_what_the_speaker_plays_into_the_microphone_interrupts_no_answer(
    server: SoundServer, harness: InProcessEngine, level: str
) -> None:
    """Play seven answers at each of three levels."""
    pactl(server, "load-module", "module-loopback", "source=ear.monitor", "sink=mic", "latency_msec=20")
    stream = pactl(server, "list", "short", "sink-inputs").splitlines()[-1].split()[0]
    pactl(server, "set-sink-input-volume", stream, level)
    harness.engine.set_hands_free(True)
    for _ in range(7):
        harness.engine.ask("the circle is red")
        ended = harness.until(events.TurnEnded)
        assert ended.reason == "answered"
    time.sleep(1.0)
    harness.drain()
    assert len([event for event in harness.seen if isinstance(event, events.Heard)]) == 7, (
        "and was taken for no question"
    )


def test_recording_sounds_at_the_speaker_before_a_word_is_said(
    server: SoundServer, harness: InProcessEngine, tmp_path: Path
) -> None:
    with server.recorded(tmp_path / "on.wav"):
        time.sleep(0.3)
        harness.engine.press_talk_key()
        harness.until(events.StateChanged, state="hearing")
        time.sleep(0.5)
    harness.engine.release_talk_key()
    sound = np.frombuffer((tmp_path / "on.wav").read_bytes()[44:], "<i2").astype(np.float32) / 32768
    loud = np.flatnonzero(np.abs(sound) > 0.02)
    assert 0.04 < (loud[-1] - loud[0]) / 48_000 < 0.1, "two short notes"
    heights = np.abs(np.fft.rfft(sound[loud[0] : loud[0] + 48_000 // 12], 48_000))
    assert {660, 880} <= {at for at in (440, 550, 660, 740, 880, 990) if heights[at - 9 : at + 10].max() > 60}


def test_a_microphone_that_is_unplugged_is_not_replaced_by_the_speaker(
    server: SoundServer, harness: InProcessEngine
) -> None:
    pactl(server, "load-module", "module-rescue-streams")
    module = next(
        line.split()[0] for line in pactl(server, "list", "short", "modules").splitlines() if "remap-source" in line
    )
    pactl(server, "unload-module", module)
    gone = harness.until(events.MicrophoneState, is_open=False)
    assert "gone" in gone.why_not
    time.sleep(2.5)
    harness.drain()
    assert harness.listening and not harness.listening.is_open, "only monitors are left: none is taken"
    harness.engine.ask("typed questions work")
    harness.until(events.TurnEnded, reason="answered")
    pactl(server, "load-module", "module-remap-source", "source_name=microphone", "master=mic.monitor")
    pactl(server, "set-default-source", "microphone")
    harness.until(events.MicrophoneState, is_open=True)


def test_a_sound_server_that_dies_costs_no_text_and_is_taken_back(
    server: SoundServer, harness: InProcessEngine, tmp_path: Path
) -> None:
    harness.engine.ask(LONG)
    harness.until(events.StateChanged, state="speaking")
    time.sleep(1.0)
    server.kill()
    harness.until(events.Notice)
    server.restart()
    began = time.monotonic()
    with server.recorded(tmp_path / "again.wav"):
        ended = harness.until(events.TurnEnded)
    assert ended.reason == "answered"
    assert ended.heard_until == len(ended.answer) and time.monotonic() - began > 2, "the rest was spoken"
    assert harness.listening and harness.listening.is_open


def test_a_frozen_sound_server_stops_no_text(server: SoundServer, harness: InProcessEngine) -> None:
    os.kill(server.pid, signal.SIGSTOP)
    try:
        harness.until(events.MicrophoneState, is_open=False)
        harness.engine.ask("still here")
        harness.until(events.Wrote)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    harness.until(events.MicrophoneState, is_open=True)


def test_words_into_the_microphone_are_answered(server: SoundServer, harness: InProcessEngine, tmp_path: Path) -> None:
    wav = tmp_path / "question.wav"
    subprocess.run(["flite", "-voice", "awb", "-t", "What color is the circle?", "-o", str(wav)], check=True)
    harness.engine.set_hands_free(True)
    harness.until(events.MicrophoneState, is_hands_free=True)
    subprocess.run(["paplay", "--device=mic", str(wav)], env=server.environment, check=True, timeout=20)
    heard = harness.until(events.Heard)
    assert heard.text == "what color is the circle"
    ended = harness.until(events.TurnEnded)
    assert ended.reason == "answered"


def test_the_microphone_is_tried_by_ear(server: SoundServer, harness: InProcessEngine, tmp_path: Path) -> None:
    wav, heard = tmp_path / "question.wav", tmp_path / "heard.wav"
    subprocess.run(["flite", "-voice", "awb", "-t", "What color is the circle?", "-o", str(wav)], check=True)
    harness.engine.set_hands_free(True)
    harness.until(events.MicrophoneState, is_hands_free=True)
    with server.recorded(heard):
        harness.engine.test_microphone()
        subprocess.run(["paplay", "--device=mic", str(wav)], env=server.environment, check=True, timeout=20)
        tried = harness.until(events.MicrophoneTestResult)
        time.sleep(microphone_test.TEST_SECONDS + 0.5)
    assert tried == events.MicrophoneTestResult("speech", is_playing=True)
    ear = backends.load_transcriber("sphinx", LoadOptions())
    assert "".join(ear.transcribe(decode.read_audio(heard))) == "what color is the circle"
    harness.engine.test_microphone()
    assert harness.until(events.MicrophoneTestResult) == events.MicrophoneTestResult("silence", is_playing=True)
    assert not [event for event in harness.seen if isinstance(event, events.Heard)], "and was taken for no question"


def test_hark_listen_holds_a_conversation_in_the_terminal(server: SoundServer, tmp_path: Path, home: Path) -> None:
    wav = tmp_path / "question.wav"
    subprocess.run(["flite", "-voice", "awb", "-t", "What color is the circle?", "-o", str(wav)], check=True)
    demo.make_demo(1).picture.save(tmp_path / "p.png")
    command = [sys.executable, "-m", "assistant.cli", "listen", "--json", "--picture", str(tmp_path / "p.png")]
    hark = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, text=True)
    assert hark.stdout
    lines: list[dict[str, object]] = []
    for line in hark.stdout:
        lines.append(json.loads(line))
        if lines[-1] == {"event": "state", "state": "ready"} and len(lines) < 4:
            subprocess.run(["paplay", "--device=mic", str(wav)], env=server.environment, check=True, timeout=20)
        if lines[-1]["event"] == "ended":
            break
    hark.send_signal(signal.SIGINT)
    assert hark.wait(10) == 130
    names = [line["event"] for line in lines]
    assert lines[-1]["heard"] == "what color is the circle" and lines[-1]["answer"]
    assert names.index("hearing") < names.index("heard") < names.index("wrote") < names.index("said")


def test_a_tap_listens_until_the_speech_ends(server: SoundServer, harness: InProcessEngine, tmp_path: Path) -> None:
    wav = tmp_path / "question.wav"
    subprocess.run(["flite", "-voice", "awb", "-t", "What color is the circle?", "-o", str(wav)], check=True)
    harness.engine.press_talk_key()
    harness.engine.tap_talk_key()
    time.sleep(1.5)  # longer than a silence that ends an utterance
    subprocess.run(["paplay", "--device=mic", str(wav)], env=server.environment, check=True, timeout=20)
    heard = harness.until(events.Heard)
    assert heard.text == "what color is the circle"
