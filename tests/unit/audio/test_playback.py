"""The blocks that AudioPlayback hands to the device."""

from __future__ import annotations

import numpy as np

from assistant.audio.clip import AudioClip
from assistant.audio.playback import AudioPlayback

RATE, BLOCK = 48_000, 480


def ones(seconds: float, rate: int = RATE) -> AudioClip:
    return AudioClip(np.full(int(seconds * rate), 0.5, np.float32), rate)


def test_sound_comes_out_in_order_and_is_counted() -> None:
    playback = AudioPlayback(RATE)
    playback.queue_audio(ones(0.015))
    playback.queue_audio(AudioClip(-ones(0.005).samples, RATE))
    assert abs(playback.buffered_seconds - 0.02) < 1e-6
    first, second, third = (playback.fill(BLOCK) for _ in range(3))
    assert (first == 0.5).all() and (second[:240] == 0.5).all() and (second[240:] == -0.5).all() and not third.any()
    assert playback.played_samples == 960 and playback.buffered_seconds == 0 and playback.wait_until_played(0)


def test_audio_of_another_rate_is_resampled_for_playback() -> None:
    playback = AudioPlayback(RATE)
    playback.queue_audio(ones(0.1, 22_050))
    assert abs(playback.buffered_seconds - 0.1) < 0.002


def test_a_hold_is_silent_within_a_block_and_loses_nothing() -> None:
    playback = AudioPlayback(RATE)
    playback.queue_audio(ones(1))
    playback.fill(BLOCK)
    playback.hold_audio()
    fading = playback.fill(BLOCK)
    assert fading[0] > 0.4 and not fading[240:].any(), "it fades, without a click"
    assert not playback.fill(BLOCK).any()
    before = playback.played_samples
    playback.resume_audio()
    rising = playback.fill(BLOCK)
    assert rising[0] < 0.1 and rising[-1] == 0.5
    assert playback.played_samples == before + BLOCK
    while playback.buffered_seconds:
        playback.fill(BLOCK)
    assert playback.played_samples == RATE


def test_a_stop_drops_what_is_queued_and_what_is_still_written() -> None:
    playback = AudioPlayback(RATE)
    playback.queue_audio(ones(1))
    playback.fill(BLOCK)
    playback.stop()
    playback.fill(BLOCK)
    playback.queue_audio(ones(1))
    assert not any(playback.fill(BLOCK).any() for _ in range(20))
    assert playback.wait_until_played(0) and playback.played_samples < 3 * BLOCK


def test_draining_waits_for_the_last_sample() -> None:
    playback = AudioPlayback(RATE)
    assert playback.wait_until_played(0)
    playback.queue_audio(ones(0.005))
    assert not playback.wait_until_played(0)
    playback.fill(BLOCK)
    playback.fill(BLOCK)
    assert playback.wait_until_played(0)
