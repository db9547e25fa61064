"""The answer must not interrupt itself: what the speaker plays comes back into the microphone, block by block."""

from __future__ import annotations

from collections.abc import Container
from functools import cache

import numpy as np
import pytest

from assistant import backends
from assistant.audio.clip import Samples, join_clips
from assistant.audio.echo_canceller import EchoCanceller
from assistant.audio.input_pipeline import AudioInputPipeline
from assistant.audio.segmenter import SpeechEvent, SpeechStarted, UtteranceSegmenter
from assistant.audio.vad import SAMPLE_RATE_HZ, SileroVad
from assistant.interfaces import LoadOptions

BLOCK = 160
ANSWER = "The blue circle is at the top left, and the red square is at the bottom right."


@cache
def spoken(text: str = ANSWER, language: str = "en-us") -> Samples:
    voice = backends.load_voice("espeak", LoadOptions(speaker=language))
    whole = join_clips(voice.synthesize(text))
    voice.close()  # type: ignore[attr-defined]
    assert whole
    return whole.resample(SAMPLE_RATE_HZ)


def room(sound: Samples, gain: float, delay: float = 0.06) -> Samples:
    """Return the microphone's recording of the speaker: delayed, attenuated, with a few reflections."""
    taps = np.zeros(int((delay + 0.06) * SAMPLE_RATE_HZ), np.float32)
    taps[int(delay * SAMPLE_RATE_HZ)] = 1.0
    for after, part in ((0.013, 0.4), (0.021, -0.3), (0.037, 0.2)):
        taps[int((delay + after) * SAMPLE_RATE_HZ)] = part
    return gain * np.convolve(sound, taps)[: len(sound)].astype(np.float32)


class FakePlayback:
    """Stands in for the playback and accepts a gain."""

    def set_gain(self, gain: float) -> None:
        pass


def run(
    near: Samples, far: Samples, echo: EchoCanceller, playback: FakePlayback | None = None, lost: Container[int] = ()
) -> list[tuple[float, SpeechEvent]]:
    """Return the speech events with their times in seconds. Microphone blocks that start in `lost` are dropped."""
    listener = UtteranceSegmenter(SileroVad().speech_probability)
    ears = AudioInputPipeline(listener, echo, lambda level: None)
    speech_events = []
    for at in range(0, len(near), BLOCK):
        echo.push_reference(far[at : at + BLOCK])
        if at in lost:
            continue
        speech_events += [(at / SAMPLE_RATE_HZ, event) for event in ears.feed_block(near[at : at + BLOCK], playback)]  # type: ignore[arg-type]
    return speech_events


def answers(count: int) -> Samples:
    answer = np.pad(spoken(), (0, SAMPLE_RATE_HZ + -len(spoken()) % BLOCK))
    return np.tile(answer, count)


@pytest.mark.parametrize("gain", [0.05, 0.3, 0.9])
def test_no_answer_of_twenty_interrupts_itself(gain: float) -> None:
    far = answers(20)
    noise = np.random.default_rng(1).normal(0, 3e-4, len(far)).astype(np.float32)
    echo = EchoCanceller(SAMPLE_RATE_HZ)
    assert run(room(far, gain) + noise, far, echo) == []
    assert echo.has_converged, "and a voice could interrupt"


@pytest.mark.parametrize("gain", [0.0, 0.3])
def test_a_voice_over_the_answer_is_heard_once_the_canceller_holds(gain: float) -> None:
    far, voice = answers(3), spoken("Please stop talking now.", "en-gb+f3")
    near = room(far, gain)
    start = int(11.0 * SAMPLE_RATE_HZ)
    near[start : start + len(voice)] += voice
    speech_events = [
        at for at, event in run(near, far, EchoCanceller(SAMPLE_RATE_HZ)) if isinstance(event, SpeechStarted)
    ]
    assert speech_events and 11.0 <= speech_events[0] <= 12.0


def words(speech_events: list[tuple[float, SpeechEvent]]) -> list[float]:
    """Return the times, in seconds, of utterances that do not count as Hark's own voice."""
    return [at for at, event in speech_events if hasattr(event, "utterance") and not event.is_own_voice]


def test_an_echo_that_jumps_after_a_stall_is_known_as_our_own_voice() -> None:
    far = answers(6)
    near = room(far, 0.7)
    for second in range(12, int(len(far) / SAMPLE_RATE_HZ) - 3, 4):  # the canceller has to find it again each time
        late = 0.1 if second % 8 else 0.22
        near[second * SAMPLE_RATE_HZ : (second + 4) * SAMPLE_RATE_HZ] = room(far, 0.7, late)[
            second * SAMPLE_RATE_HZ : (second + 4) * SAMPLE_RATE_HZ
        ]
    speech_events = run(near, far, EchoCanceller(SAMPLE_RATE_HZ), FakePlayback())
    assert speech_events, "it did leak through"
    assert not words(speech_events)


@pytest.mark.parametrize("milliseconds", [50, 150, 300, 620])
def test_sound_that_the_microphone_lost_lets_no_answer_interrupt_itself(milliseconds: int) -> None:
    """With samples lost, the echo precedes its reference, which no canceller can follow."""
    far = answers(5)
    start = int(12.3 * SAMPLE_RATE_HZ) // BLOCK * BLOCK
    speech_events = run(
        room(far, 0.7),
        far,
        EchoCanceller(SAMPLE_RATE_HZ),
        FakePlayback(),
        range(start, start + milliseconds * SAMPLE_RATE_HZ // 1000),
    )
    assert not words(speech_events) and all(at < 14 for at, _ in speech_events), "and it finds its place again"


def test_own_voice_that_outlasts_the_answer_is_still_recognised() -> None:
    far = answers(4)
    near = room(far, 0.7)
    second = int(13.2 * SAMPLE_RATE_HZ) // BLOCK * BLOCK
    near[second:] = room(far, 0.7, 0.2)[second:]  # the canceller has to find it again
    echo = EchoCanceller(SAMPLE_RATE_HZ)
    ears, speech_events = (
        AudioInputPipeline(UtteranceSegmenter(SileroVad().speech_probability), echo, lambda level: None),
        list[SpeechEvent](),
    )
    for at in range(0, len(near), BLOCK):
        echo.push_reference(far[at : at + BLOCK])
        playback = (
            FakePlayback() if at < second + SAMPLE_RATE_HZ // 3 else None
        )  # the answer has ended, its sound has not
        speech_events += ears.feed_block(near[at : at + BLOCK], playback)  # type: ignore[arg-type]
    assert speech_events and not words([(0.0, event) for event in speech_events])


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_microphone_loses_no_answer_interrupts_itself(seed: int) -> None:
    chance, far, lost = np.random.default_rng(seed), answers(8), set[int]()
    for begin in (11, 19, 27):
        start = int((begin + chance.uniform(0, 4)) * SAMPLE_RATE_HZ) // BLOCK * BLOCK
        lost |= set(range(start, start + int(chance.uniform(0.03, 0.5) * SAMPLE_RATE_HZ), BLOCK))
    near = room(far, float(chance.uniform(0.2, 1.0)), float(chance.uniform(0.03, 0.09)))
    assert not words(run(near, far, EchoCanceller(SAMPLE_RATE_HZ), FakePlayback(), lost))


@pytest.mark.parametrize("seconds", [2.0, 3.0, 3.7, 6.0])
def test_amplifier_that_wakes_up_in_mid_answer_is_not_taken_for_a_person(seconds: float) -> None:
    far = answers(3)
    near = room(far, 0.9)
    near[: int(seconds * SAMPLE_RATE_HZ)] = 0
    assert not words(run(near, far, EchoCanceller(SAMPLE_RATE_HZ), FakePlayback()))


def test_voice_without_any_echo_counts_as_a_person() -> None:
    far = answers(4)
    near = np.zeros_like(far)
    for at, text in ((11, "Please stop talking now."), (16, "What colour is the circle?")):
        voice = spoken(text, "en-gb+f3")
        near[at * SAMPLE_RATE_HZ : at * SAMPLE_RATE_HZ + len(voice)] += voice
    heard = words(run(near, far, EchoCanceller(SAMPLE_RATE_HZ), FakePlayback()))
    assert {11, 16} <= {at - at % 5 + 1 for at in map(int, heard)}, heard


def test_a_voice_over_the_answer_is_not_taken_for_our_own() -> None:
    far = answers(6)
    near = room(far, 0.3)
    for at, text in ((11, "Please stop talking now."), (16, "What colour is the circle?"), (21, "No, wait a moment.")):
        voice = spoken(text, "en-gb+f3")
        near[at * SAMPLE_RATE_HZ : at * SAMPLE_RATE_HZ + len(voice)] += voice
    heard = words(run(near, far, EchoCanceller(SAMPLE_RATE_HZ), FakePlayback()))
    assert {11, 16, 21} <= {at - at % 5 + 1 for at in map(int, heard)}, heard


def test_until_the_canceller_has_shown_that_it_holds_hark_is_deaf_while_it_speaks() -> None:
    far, voice = answers(1), spoken("Please stop talking now.", "en-gb+f3")
    near = room(far, 0.3)
    near[: len(voice)] += voice
    echo = EchoCanceller(SAMPLE_RATE_HZ)
    assert not [at for at, event in run(near[:SAMPLE_RATE_HZ], far[:SAMPLE_RATE_HZ], echo)]
    assert not echo.has_converged


def test_an_echo_that_is_not_cancelled_leaves_hark_half_duplex() -> None:
    """A distorting speaker: a linear filter cannot remove its echo."""
    far = answers(3)
    torn = np.sign(far) * np.abs(far) ** 0.2 * (np.abs(far) > 0.01)
    near = np.random.default_rng(2).permutation(torn.reshape(-1, BLOCK)).reshape(-1).astype(np.float32)
    echo = EchoCanceller(SAMPLE_RATE_HZ)
    run(near, far, echo)
    assert not echo.has_converged and echo.learned_frames > 400


def test_with_headphones_nothing_is_taken_away() -> None:
    far, voice = answers(1), spoken("Hello there.", "en-gb+f3")
    near = np.zeros_like(far)
    near[: len(voice)] = voice
    echo = EchoCanceller(SAMPLE_RATE_HZ, uses_headphones=True)
    for at in range(0, len(near), BLOCK):
        echo.push_reference(far[at : at + BLOCK])
        assert np.array_equal(echo.process(near[at : at + BLOCK]), near[at : at + BLOCK])


def test_a_speaker_that_wakes_up_late_is_not_taken_for_headphones() -> None:
    far = answers(6)
    near = room(far, 0.5)
    near[: int(0.7 * SAMPLE_RATE_HZ)] = 0
    assert run(near, far, EchoCanceller(SAMPLE_RATE_HZ)) == []


def test_resetting_echo_trust_restarts_the_learning() -> None:
    echo = EchoCanceller(SAMPLE_RATE_HZ)
    far = answers(1)
    run(room(far, 0.3), far, echo)
    assert echo.has_converged
    echo.reset_trust()
    assert not echo.has_converged
    echo.process(np.zeros(BLOCK, np.float32))
    assert echo.learned_frames == 0
