"""Earcons: their samples, when they are played, and that the speech detector ignores them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant import events
from assistant.audio import earcons
from assistant.audio.earcons import EarconPlayer
from assistant.audio.vad import FRAME_SAMPLES, SAMPLE_RATE_HZ, SileroVad
from assistant.engine.audio_devices import AudioDevices
from assistant.engine.earcon_rules import EarconRules
from assistant.settings import AudioSettings, Settings
from tests.support.engine_harness import QUIET, InProcessEngine

EARCON_NAMES = ("on", "off", "sent", "working", "ready", "error")


@pytest.mark.parametrize("name", EARCON_NAMES)
def test_no_sound_is_taken_for_speech(name: str) -> None:
    noise = np.random.default_rng(1).normal(0, 1e-3, 2 * SAMPLE_RATE_HZ).astype(np.float32)
    sound = earcons.earcon_samples(name, SAMPLE_RATE_HZ)[-SAMPLE_RATE_HZ:]
    noise[SAMPLE_RATE_HZ // 2 : SAMPLE_RATE_HZ // 2 + len(sound)] += sound[: len(noise) - SAMPLE_RATE_HZ // 2]
    detector = SileroVad()
    heard = [
        detector.speech_probability(noise[at : at + FRAME_SAMPLES]) >= 0.5
        for at in range(0, len(noise) - FRAME_SAMPLES, FRAME_SAMPLES)
    ]
    assert not any(heard)


def test_all_sounds_differ_and_start_and_end_softly() -> None:
    rate = 48_000
    all_samples = [earcons.earcon_samples(name, rate) for name in EARCON_NAMES]
    assert len({samples.tobytes() for samples in all_samples}) == len(all_samples)
    assert all(
        abs(samples[0]) < 0.01 and abs(samples[-1]) < 0.01 and 0.02 < np.abs(samples).max() < 0.2
        for samples in all_samples
    )


def played(sounding: EarconPlayer, seconds: float) -> list[bool]:
    """Whether each tenth of a second was loud."""
    return [bool(np.abs(sounding.fill(SAMPLE_RATE_HZ // 10)).max() > 0.01) for _ in range(round(seconds * 10))]


def test_work_sounds_again_and_again_until_something_else_does() -> None:
    sounding = EarconPlayer(SAMPLE_RATE_HZ)
    assert not any(played(sounding, 1))
    sounding.play_sequence("sent", "working")
    heard = played(sounding, 6)
    assert heard[0] and 3 <= sum(heard) <= 6 and not any(heard[1:15])
    sounding.play_sequence("ready")
    assert played(sounding, 4) == [True, True] + [False] * 38
    sounding.play_sequence("ready")
    assert any(played(sounding, 0.3)), "the same once more"
    sounding.play_sequence("working")
    sounding.play_sequence()
    assert not any(played(sounding, 4))


def test_each_event_has_its_earcon() -> None:
    signals = EarconRules()
    said = [
        signals.for_event(event)
        for event in (
            events.StateChanged("loading"), events.StateChanged("ready"), events.StateChanged("hearing"),
            events.StateChanged("thinking"), events.Heard("why?"), events.Wrote("Because."),
            events.StateChanged("speaking"), events.TurnEnded("answered"), events.StateChanged("ready"),
            events.StateChanged("hearing"), events.StateChanged("ready"), events.TurnEnded("nothing heard"),
            events.StateChanged("thinking"), events.TurnEnded("interrupted"), events.ErrorOccurred("look", "a", "b"),
        )
    ]  # fmt: skip
    assert said == [
        None, None, ("on",), ("off", "working"), ("sent", "working"), None, (), ("ready",), None, ("on",), ("off",),
        ("error",), ("working",), (), ("error",),
    ]  # fmt: skip


@pytest.mark.parametrize("wanted", [True, False])
def test_earcons_can_be_turned_off(wanted: bool, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signals: list[tuple[str, ...]] = []
    monkeypatch.setattr(AudioDevices, "play_earcons", lambda devices, *names: signals.append(names))
    harness = InProcessEngine(replace(QUIET, audio=AudioSettings(earcons=wanted)))
    harness.until(events.StateChanged, state="ready")
    harness.engine.ask("one two")
    harness.until(events.TurnEnded, reason="answered")
    harness.engine.apply_settings(replace(QUIET, audio=AudioSettings(earcons=False)))
    harness.until(events.StateChanged, state="ready")
    harness.engine.stop()
    assert signals[-1] == (), "what sounds ends when they are turned off"
    signals.pop()
    assert (("ready",) in signals) is wanted and bool(signals) is wanted
    assert Settings().audio.earcons
