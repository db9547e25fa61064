"""Utterances found in blocks of sound. The scripts are timed in samples, not by the clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant.audio import decode
from assistant.audio.clip import Samples
from assistant.audio.segmenter import (
    SegmenterParams,
    SpeechContinues,
    SpeechDiscarded,
    SpeechEnded,
    SpeechEvent,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    UtteranceSegmenter,
)
from assistant.audio.vad import FRAME_SAMPLES, SAMPLE_RATE_HZ, SileroVad

LOUD, QUIET = 0.5, 0.0


def script(*parts: tuple[float, float]) -> Samples:
    """Seconds at a level, one after another."""
    return np.concatenate([np.full(int(seconds * SAMPLE_RATE_HZ), level, np.float32) for seconds, level in parts])


def by_level(frame: Samples) -> float:
    return 1.0 if abs(float(frame.mean())) > 0.3 else 0.0


def run(listener: UtteranceSegmenter, sound: Samples, block: int = 480) -> list[SpeechEvent]:
    return [event for at in range(0, len(sound), block) for event in listener.feed_block(sound[at : at + block])]


def names(events: list[SpeechEvent]) -> list[str]:
    return [type(e).__name__.removeprefix("Speech") for e in events if not isinstance(e, SpeechContinues)]


@pytest.mark.parametrize("block", [1, 160, 480, 512, 4096, 10**6])
def test_an_utterance_is_the_same_in_blocks_of_any_length(block: int) -> None:
    events = run(UtteranceSegmenter(by_level), script((1, QUIET), (1, LOUD), (1, QUIET)), block)
    assert names(events) == ["Started", "Paused", "Ended"]
    assert abs(events[0].sample_index - SAMPLE_RATE_HZ * 1.096) <= 2 * FRAME_SAMPLES
    ended = events[-1]
    assert isinstance(ended, SpeechEnded)
    assert (np.abs(ended.utterance.samples) > 0.1).sum() == SAMPLE_RATE_HZ, "no sample of the speech is cut"


def test_the_pre_roll_holds_what_came_before_the_start() -> None:
    events = run(UtteranceSegmenter(by_level), script((1, QUIET), (0.5, LOUD), (1, QUIET)))
    before = int(np.argmax(np.abs(events[-1].utterance.samples) > 0.1))
    assert SAMPLE_RATE_HZ * 0.25 <= before <= SAMPLE_RATE_HZ * 0.36


def test_a_pause_resumes_and_only_the_long_silence_ends() -> None:
    events = run(UtteranceSegmenter(by_level), script((0.5, LOUD), (0.3, QUIET), (0.5, LOUD), (0.9, QUIET)))
    assert names(events) == ["Started", "Paused", "Resumed", "Paused", "Ended"]
    assert isinstance(events[1], SpeechPaused) and events[1].utterance.seconds < events[-1].utterance.seconds


def test_a_click_starts_nothing() -> None:
    assert run(UtteranceSegmenter(by_level), script((0.5, QUIET), (0.06, LOUD), (1, QUIET))) == []


def test_held_key_spans_silences_and_its_release_ends_the_utterance() -> None:
    listener = UtteranceSegmenter(by_level)
    run(listener, script((0.5, QUIET)))
    assert names(list(listener.press_key())) == ["Started"] and list(listener.press_key()) == []
    assert names(run(listener, script((2, QUIET), (0.5, LOUD), (2, QUIET)))) == []
    [ended] = listener.release_key()
    assert isinstance(ended, SpeechEnded) and ended.utterance.seconds > 4.5
    assert list(listener.release_key()) == []


def test_the_key_pressed_in_a_pause_resumes() -> None:
    listener = UtteranceSegmenter(by_level)
    run(listener, script((0.5, LOUD), (0.2, QUIET)))
    assert list(listener.press_key()) == [SpeechResumed()]


def test_an_endless_utterance_is_ended() -> None:
    events = run(UtteranceSegmenter(by_level, SegmenterParams(max_utterance=SAMPLE_RATE_HZ)), script((1.5, LOUD)))
    assert names(events)[:2] == ["Started", "Ended"]


def test_real_speech_is_found_whole(samples: Path) -> None:
    spoken = decode.read_audio(samples / "colour-circle.flac").resample(SAMPLE_RATE_HZ)
    sound = np.concatenate([np.zeros(SAMPLE_RATE_HZ, np.float32), spoken, np.zeros(SAMPLE_RATE_HZ, np.float32)])
    events = run(UtteranceSegmenter(SileroVad().speech_probability), sound)
    assert isinstance(events[0], SpeechStarted) and isinstance(events[-1], SpeechEnded)
    heard = events[-1].utterance.samples
    loud = np.flatnonzero(np.abs(spoken) > 0.05)
    assert len(heard) >= loud[-1] - loud[0] and abs(np.abs(heard).max() - np.abs(spoken).max()) < 1e-6


def test_a_quiet_room_wakes_no_network() -> None:
    detector = SileroVad()
    hiss = np.random.default_rng(0).normal(0, 0.0005, SAMPLE_RATE_HZ).astype(np.float32)
    assert run(UtteranceSegmenter(detector.speech_probability), hiss) == []


def test_a_tap_waits_for_speech_and_ends_with_it() -> None:
    listener = UtteranceSegmenter(by_level)
    listener.is_hands_free = False
    assert names(list(listener.press_key())) == ["Started"]
    listener.tap_key()
    assert names(run(listener, script((2, QUIET)))) == []
    assert names(run(listener, script((0.5, LOUD), (2, QUIET)))) == ["Paused", "Ended"]


def test_second_tap_ends_the_utterance() -> None:
    listener = UtteranceSegmenter(by_level)
    list(listener.press_key())
    listener.tap_key()
    run(listener, script((0.3, QUIET)))
    assert names(list(listener.press_key())) == ["Ended"]
    listener.tap_key()
    assert not list(listener.discard_utterance()), "no utterance is in progress"


def test_long_speech_emits_continuations_at_intervals() -> None:
    continuations = [
        e for e in run(UtteranceSegmenter(by_level), script((0.5, QUIET), (3, LOUD))) if isinstance(e, SpeechContinues)
    ]
    assert 5 <= len(continuations) <= 6 and continuations[0].utterance.seconds < 0.96


def test_discarded_utterance_leaves_nothing_behind() -> None:
    listener = UtteranceSegmenter(by_level)
    run(listener, script((0.5, QUIET), (0.5, LOUD)))
    assert [type(event) for event in listener.discard_utterance()] == [SpeechDiscarded] and not list(
        listener.discard_utterance()
    )
    assert run(listener, script((2, QUIET))) == []
