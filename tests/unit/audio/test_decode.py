"""Sound files of every kind, and those that are refused."""

from __future__ import annotations

import os
import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from assistant.audio import clip, decode, resampler, vad
from assistant.audio.clip import AudioClip
from assistant.errors import InvalidInputError
from tests.conftest import tone


def encode(path: Path, codec: str, rate: int, channels: int = 1, kind: str = "s16") -> Path:
    """A second of 440 Hz, written by FFmpeg's encoder."""
    samples = tone(1, rate).samples
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "mono" if channels == 1 else "stereo"
        resampler = av.AudioResampler(stream.format, stream.layout, rate)
        whole = (samples * 32767).astype(np.int16) if kind == "s16" else samples
        frame = av.AudioFrame.from_ndarray(np.repeat(whole, channels)[None], kind, stream.layout.name)
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or len(samples)
        fifo = av.AudioFifo()
        for part in resampler.resample(frame):
            fifo.write(part)
        while block := fifo.read(size, partial=True):
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "rate", "channels", "kind"),
    [
        ("phone.wav", "pcm_s16le", 8000, 2, "s16"),
        ("studio.wav", "pcm_s24le", 96000, 1, "flt"),
        ("float.wav", "pcm_f32le", 44100, 2, "flt"),
        ("a.flac", "flac", 44100, 1, "s16"),
        ("a.mp3", "libmp3lame", 44100, 2, "s16"),
        ("a.opus", "libopus", 48000, 1, "s16"),
        ("a.m4a", "aac", 44100, 2, "flt"),
    ],
)
def test_common_sound_formats_are_decoded(
    tmp_path: Path, name: str, codec: str, rate: int, channels: int, kind: str
) -> None:
    sound = decode.read_audio(encode(tmp_path / name, codec, rate, channels, kind))
    assert sound.rate == decode.DECODED_RATE_HZ and sound.samples.dtype == np.float32
    assert abs(sound.seconds - 1) < 0.1
    at = sound.resample(16000)[2000:14000]
    loudest = np.abs(np.fft.rfft(at)).argmax() * 16000 / len(at)
    assert abs(loudest - 440) < 3 and 0.15 < np.abs(at).max() < 0.45


def test_written_wav_is_16_bit_and_reads_back(tmp_path: Path) -> None:
    clip.write_wav(tmp_path / "a.wav", tone(0.5))
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getsampwidth(), file.getnchannels(), file.getframerate()) == (2, 1, 16000)
    assert np.abs(decode.read_audio(tmp_path / "a.wav").samples - tone(0.5).samples).max() < 1e-3


def _wav(
    rate: int = 16000, claimed: int | None = None, body: bytes = bytes(3200), kind: int = 1, bits: int = 16
) -> bytes:
    form = struct.pack("<HHIIHH", kind, 1, rate, (rate * bits // 8) & 0xFFFFFFFF, bits // 8, bits)
    length = len(body) if claimed is None else claimed
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(body))
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", length)
        + body
    )


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.wav", b"", "is empty"),
        ("nothing.wav", _wav(body=b""), "no sound"),
        ("fast.wav", _wav(rate=2**31), "impossible rate"),
        ("still.wav", _wav(rate=0), "impossible rate"),
        ("words.wav", b"these are words", "not a sound file"),
        ("cut.flac", b"fLaC" + bytes(20), "damaged or cut off"),
    ],
)
def test_file_without_sound_is_refused(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidInputError, match=reason):
        decode.read_audio(tmp_path / name)


def test_an_hour_is_refused_quickly(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "hour.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(16000 * 2 * 3600))
    with pytest.raises(InvalidInputError, match="ten minutes"):
        decode.read_audio(tmp_path / "hour.wav")


def test_files_that_would_hang_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path / "pipe.wav", tmp_path, tmp_path / "none.wav"):
        with pytest.raises(InvalidInputError):
            decode.read_audio(path)


def test_playlist_is_refused_as_sound(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "list.wav").write_text("ffconcat version 1.0\nfile pipe.wav\n")
    with pytest.raises(InvalidInputError, match="not a sound file"):
        decode.read_audio(tmp_path / "list.wav")


def test_a_wav_of_nothing_but_chunks_is_refused_quickly(tmp_path: Path) -> None:
    with (tmp_path / "sparse.wav").open("wb") as file:
        file.write(b"RIFF\0\0\0\0WAVE")
        file.truncate(1_500_000_000)
    with pytest.raises(InvalidInputError):
        decode.read_audio(tmp_path / "sparse.wav")


def test_nan_samples_become_silence(tmp_path: Path) -> None:
    body = np.full(16000, np.nan, "<f4").tobytes()
    (tmp_path / "nan.wav").write_bytes(_wav(kind=3, bits=32, body=body))
    sound = decode.read_audio(tmp_path / "nan.wav")
    assert not sound.samples.any() and not vad.has_speech(sound)


def test_integers_of_any_width_are_scaled() -> None:
    for kind in (np.int16, np.int32):
        top = np.iinfo(kind).max
        assert abs(clip.to_mono(np.array([top, -top, 0], kind), 8000).samples[0] - 1) < 1e-4


def hum() -> AudioClip:
    time_ = np.arange(32000) / 16000
    return AudioClip((0.3 * np.sign(np.sin(2 * np.pi * 50 * time_)) * 0.5).astype(np.float32), 16000)


def clicks() -> AudioClip:
    samples = np.zeros(32000, np.float32)
    samples[::4000] = 0.9
    return AudioClip(samples, 16000)


def hiss() -> AudioClip:
    return AudioClip(np.random.default_rng(1).normal(0, 0.1, 32000).astype(np.float32).clip(-1, 1), 16000)


@pytest.mark.parametrize("sound", [hum(), clicks(), hiss(), tone(2), AudioClip(np.zeros(32000, np.float32), 16000)])
def test_other_sounds_are_no_speech(sound: AudioClip) -> None:
    assert not vad.has_speech(sound)


def test_speech_is_speech_at_any_level(samples: Path) -> None:
    sound = decode.read_audio(samples / "colour-circle.flac")
    assert vad.has_speech(sound)
    assert vad.has_speech(AudioClip(sound.samples * 0.1, sound.rate))


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_streaming_resampler_emits_at_once_without_aliasing(rate: int) -> None:
    moments = np.arange(rate) / rate
    for hertz, low, high in ((3_000, -0.5, 0.5), (9_500, -200, -50), (15_000, -200, -50)):
        resampled = resampler.StreamResampler(rate, 16_000)
        tone = np.sin(2 * np.pi * hertz * moments).astype(np.float32)
        blocks = [resampled(tone[at : at + rate // 100]) for at in range(0, rate, rate // 100)]
        assert {len(block) for block in blocks} == {160}, "ten milliseconds for ten"
        level = 10 * np.log10(2 * np.mean(np.concatenate(blocks)[1_600:] ** 2) + 1e-20)
        assert low < level < high, hertz
