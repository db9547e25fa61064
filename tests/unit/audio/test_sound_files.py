"""Sound files as found in practice: wrong headers, tags and zeros in front, changing rates, cancelling channels."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest

from assistant.audio import clip, decode
from assistant.audio.clip import AudioClip, ChannelDownmix
from assistant.audio.formats import AudioRefusal
from assistant.conversation.session import Conversation, Session
from assistant.conversation.turn import EmptyStep
from assistant.conversation.turn_runner import TurnRequest, TurnRunner
from assistant.errors import InvalidInputError
from assistant.models.manager import ModelManager
from assistant.paths import AppPaths
from assistant.settings import Settings
from tests.conftest import missing, tone
from tests.support.measured_process import run_measured
from tests.support.paths import SHARED_FILES


def encoded(kind: str, codec: str, rate: int, seconds: float = 1.0) -> bytes:
    """440 Hz in one channel, written by FFmpeg."""
    target = io.BytesIO()
    with av.open(target, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "mono"
        samples = (tone(seconds, rate).samples * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        for part in av.AudioResampler(stream.format, stream.layout, rate).resample(frame):
            fifo.write(part)
        while block := fifo.read(stream.codec_context.frame_size or len(samples), partial=True):
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return target.getvalue()


def opened(folder: Path, data: bytes, name: str = "sound") -> AudioClip:
    (folder / name).write_bytes(data)
    return decode.read_audio(folder / name)


def is_the_tone(sound: AudioClip, seconds: float = 1.0) -> bool:
    loudest = np.abs(np.fft.rfft(sound.samples)).argmax() * sound.rate / len(sound.samples)
    return abs(loudest - 440) < 5 and abs(sound.seconds - seconds) < 0.15 and np.abs(sound.samples).max() > 0.2


BODY = clip.to_pcm16(tone(1).samples)
FORM = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def chunk(name: bytes, body: bytes, length: int | None = None, padded: bool = True) -> bytes:
    size = len(body) if length is None else length
    return name + struct.pack("<I", size) + body + bytes(len(body) & 1 if padded else 0)


def wav(*chunks: bytes, kind: bytes = b"RIFF", length: int = 0) -> bytes:
    return kind + struct.pack("<I", length) + b"WAVE" + b"".join(chunks)


FMT = chunk(b"fmt ", FORM)
ODD = b"INFOISFT\4\0\0\0Harkx"
NO_SIZES = chunk(b"ds64", bytes(28))
SIZES = chunk(b"ds64", struct.pack("<QQQI", 36 + len(BODY), len(BODY), 16_000, 0))


@pytest.mark.parametrize(
    ("case", "data"),
    [
        ("length 0", wav(FMT, chunk(b"data", BODY, 0))),
        ("length of 4 GB", wav(FMT, chunk(b"data", BODY, 0xFFFFFFFF), length=0xFFFFFFFF)),
        ("nearly 4 GB", wav(FMT, chunk(b"data", BODY, 0xFFFFFFF0))),
        ("cut off", wav(FMT, chunk(b"data", BODY, 2 * len(BODY)))),
        ("length of an earlier moment", wav(FMT, chunk(b"data", BODY, 100))),
        ("RF64", wav(SIZES, FMT, chunk(b"data", BODY, 0xFFFFFFFF), kind=b"RF64", length=0xFFFFFFFF)),
        ("BW64", wav(SIZES, FMT, chunk(b"data", BODY, 0xFFFFFFFF), kind=b"BW64", length=0xFFFFFFFF)),
        ("RF64, no sizes yet", wav(NO_SIZES, FMT, chunk(b"data", BODY, 0xFFFFFFFF), kind=b"RF64")),
        ("RF64 without ds64", wav(FMT, chunk(b"data", BODY, 0xFFFFFFFF), kind=b"RF64")),
        ("LIST before fmt", wav(chunk(b"LIST", ODD), FMT, chunk(b"data", BODY))),
        ("odd LIST, not filled", wav(chunk(b"LIST", ODD, padded=False), FMT, chunk(b"data", BODY))),
        ("odd LIST after fmt", wav(FMT, chunk(b"LIST", ODD, padded=False), chunk(b"data", BODY))),
        ("LIST of 4 GB", wav(chunk(b"LIST", b"INFO", 0xFFFFFF00), FMT, chunk(b"data", BODY))),
        ("fmt of 4 GB", wav(chunk(b"fmt ", FORM, 0xFFFFFF00), chunk(b"data", BODY))),
        ("data before fmt", wav(chunk(b"data", BODY), FMT)),
        ("an empty data chunk first", wav(FMT, chunk(b"data", b""), chunk(b"data", BODY))),
        ("no data chunk", wav(FMT) + BODY),
        ("behind zeros", bytes(512) + wav(FMT, chunk(b"data", BODY))),
        ("behind ID3", b"ID3\4\0\0\0\0\0\x0b" + bytes(11) + wav(FMT, chunk(b"data", BODY))),
    ],
)
def test_wav_with_a_wrong_header_is_heard_whole(tmp_path: Path, case: str, data: bytes) -> None:
    assert is_the_tone(opened(tmp_path, data)), case


def test_wav_with_chunks_behind_its_data_ends_before_them(tmp_path: Path) -> None:
    sound = opened(tmp_path, wav(FMT, chunk(b"data", BODY), chunk(b"LIST", bytes(32_000))))
    assert is_the_tone(sound) and len(sound.samples) == 16_000


@pytest.mark.parametrize(
    ("kind", "codec", "rate"),
    [
        ("w64", "pcm_s16le", 16_000), ("au", "pcm_mulaw", 8_000), ("aiff", "pcm_s16be", 44_100),
        ("caf", "pcm_s16be", 16_000), ("amr", "libopencore_amrnb", 8_000), ("ac3", "ac3", 48_000),
        ("eac3", "eac3", 48_000), ("mpegts", "aac", 48_000), ("mpegts", "mp2", 48_000), ("adts", "aac", 44_100),
        ("latm", "aac", 44_100), ("asf", "libmp3lame", 44_100), ("voc", "pcm_u8", 16_000), ("tta", "tta", 44_100),
        ("wv", "wavpack", 44_100), ("mp2", "mp2", 48_000), ("avi", "libmp3lame", 44_100), ("flv", "aac", 44_100),
        ("vob", "ac3", 48_000), ("3gp", "aac", 44_100), ("webm", "libopus", 48_000), ("wav", "adpcm_ms", 22_050),
        ("wav", "pcm_alaw", 8_000),
    ],
)  # fmt: skip
def test_format_known_by_its_first_bytes_is_opened(tmp_path: Path, kind: str, codec: str, rate: int) -> None:
    assert is_the_tone(opened(tmp_path, encoded(kind, codec, rate)))


def test_amr_wb_is_opened(tmp_path: Path) -> None:
    """Return fifty AMR-WB frames of noise at 23.85 kbit/s, because FFmpeg has no encoder for it."""
    noise = np.random.default_rng(1)
    sound = opened(tmp_path, b"#!AMR-WB\n" + b"".join(b"\x44" + noise.bytes(60) for _ in range(50)))
    assert sound.seconds == pytest.approx(1.0) and sound.samples.any()


def test_transport_stream_cut_anywhere_is_opened(tmp_path: Path) -> None:
    stream = encoded("mpegts", "aac", 48_000)
    assert is_the_tone(opened(tmp_path, stream[100:]))
    blu_ray = b"".join(bytes(4) + stream[at : at + 188] for at in range(0, len(stream), 188))
    assert is_the_tone(opened(tmp_path, blu_ray))


def _ape_tag() -> bytes:
    head = struct.pack("<8sIIII8x", b"APETAGEX", 2_000, 64, 1, 0xA0000000)
    return head + bytes(32) + struct.pack("<8sIIII8x", b"APETAGEX", 2_000, 64, 1, 0x80000000)


@pytest.mark.parametrize(
    ("case", "before"),
    [
        ("zeros", bytes(4_096)),
        ("a megabyte of zeros and one", bytes(1024**2 + 1)),
        ("an APE tag", _ape_tag()),
        ("ID3 with padding outside of it", b"ID3\4\0\0\0\0\x20\0" + bytes(4_096) + bytes(900)),
        ("two ID3 tags", 2 * (b"ID3\4\0\0\0\0\1\0" + bytes(128))),
        ("an ID3 tag that promises too much", b"ID3\4\0\0\x7f\x7f\x7f\x7f"),
        ("something else", b"\r\nContent-Type: audio/mpeg\r\n\r\n" + bytes(range(1, 255)) * 20),
    ],
)
def test_mp3_behind_other_bytes_is_opened(tmp_path: Path, case: str, before: bytes) -> None:
    plain = encoded("mp3", "libmp3lame", 44_100)
    assert is_the_tone(opened(tmp_path, before + plain[plain.index(b"\xff\xfb") :])), case


def test_flac_behind_an_id3_tag_is_opened(tmp_path: Path) -> None:
    assert is_the_tone(opened(tmp_path, b"ID3\4\0\0\0\0\1\0" + bytes(128) + encoded("flac", "flac", 44_100)))


@pytest.mark.parametrize(
    ("kind", "codec", "first", "second"),
    [
        ("mp3", "libmp3lame", 44_100, 22_050), ("adts", "aac", 44_100, 16_000), ("flac", "flac", 44_100, 16_000),
        ("ac3", "ac3", 48_000, 32_000), ("mpegts", "mp2", 48_000, 32_000), ("ogg", "libopus", 48_000, 16_000),
    ],
)  # fmt: skip
def test_rate_that_changes_within_a_file_is_followed(
    tmp_path: Path, kind: str, codec: str, first: int, second: int
) -> None:
    assert is_the_tone(opened(tmp_path, encoded(kind, codec, first) + encoded(kind, codec, second)), 2.0)


def test_damage_in_the_middle_leaves_the_rest(tmp_path: Path) -> None:
    data = bytearray(encoded("flac", "flac", 44_100, 4.0))
    data[len(data) // 2 : len(data) // 2 + 2_000] = bytes(2_000)
    assert 2.5 < opened(tmp_path, bytes(data)).seconds < 4.2


@pytest.mark.parametrize(
    ("case", "data", "sentence"),
    [
        ("only a header", wav(FMT), "holds no sound"),
        ("an empty data chunk", wav(FMT, chunk(b"data", b"")), "holds no sound"),
        ("no fmt", wav(chunk(b"data", BODY)), "damaged or cut off"),
        ("no channels", wav(chunk(b"fmt ", FORM[:2] + bytes(2) + FORM[4:]), chunk(b"data", BODY)), "damaged"),
        ("a cut header", b"RIFF\0\0\0\0WAVEfm", "damaged or cut off"),
        ("an AMR of its name alone", b"#!AMR\n", "damaged or cut off"),
        ("bytes of 255", b"\xff" * 100_000, "not a sound file"),
        ("zeros", bytes(100_000), "not a sound file"),
        ("a list of addresses", b"#EXTM3U\nhttp://example.org/a.mp3\n", "not a sound file"),
        ("a description of a stream", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 1 RTP/AVP 0\n", "not a sound file"),
    ],
)
def test_undecodable_sound_is_refused_in_a_sentence(tmp_path: Path, case: str, data: bytes, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        opened(tmp_path, data)


def stereo(left: np.ndarray, right: np.ndarray) -> bytes:
    samples = (np.stack([left, right], axis=1) * 32767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 2, 16_000, 64_000, 4, 16)
    return wav(chunk(b"fmt ", form), chunk(b"data", samples))


def test_channels_that_cancel_each_other_are_heard(tmp_path: Path) -> None:
    heard, silent = tone(1).samples, np.zeros(16_000)
    turning = np.where(np.arange(16_000) < 8_000, heard, -heard)
    for left, right in ((heard, -heard), (heard, -0.5 * heard), (heard, turning), (silent, heard)):
        sound = opened(tmp_path, stereo(left, right))
        assert is_the_tone(sound)
        level = np.sqrt(np.square(sound.samples[400:-400].reshape(-1, 400)).mean(axis=1))
        assert level.min() > 0.15, "nowhere is it lost"
    shared = SHARED_FILES / "opposite-channels.wav"
    if shared.is_file():
        assert np.abs(decode.read_audio(shared).samples).max() > 0.3


def test_speakers_on_channels_of_their_own_are_both_heard() -> None:
    first, second = tone(1, hertz=440).samples, tone(1, hertz=1_000).samples
    block = np.concatenate([np.stack([first, 0 * first], 1), np.stack([0 * second, second], 1)])
    mixed = ChannelDownmix(16_000)(block)
    assert np.abs(mixed[2_000:14_000]).max() > 0.28 and np.abs(mixed[18_000:]).max() > 0.28


def test_live_blocks_of_opposite_channels_are_heard_from_the_first_on() -> None:
    heard = tone(1, 48_000).samples
    downmix, block = ChannelDownmix(48_000), np.stack([heard, -heard], axis=1)
    mixed = np.concatenate([downmix(block[at : at + 480]) for at in range(0, 48_000, 480)])
    assert np.abs(mixed[:480]).max() > 0.25 and np.allclose(np.abs(mixed), np.abs(heard), atol=1e-6)


def test_same_channels_are_mixed_as_they_are() -> None:
    heard = tone(1).samples
    assert np.allclose(ChannelDownmix(16_000)(np.stack([heard] * 6, axis=1)), heard, atol=1e-6)


def test_long_sound_at_a_high_rate_costs_no_more_than_its_ten_minutes(tmp_path: Path) -> None:
    silence = np.zeros((1, 192_000), np.int16)
    with av.open(str(tmp_path / "long.flac"), "w") as container:
        stream = container.add_stream("flac", rate=192_000)
        stream.layout = "mono"
        for second in range(595):
            frame = av.AudioFrame.from_ndarray(silence, "s16", "mono")
            frame.sample_rate, frame.pts = 192_000, second * 192_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    script = (
        "import resource, sys; from pathlib import Path; from assistant.audio import decode\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); sound = decode.read_audio(Path(sys.argv[1]))\n"
        "print(sound.seconds, peak() - before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    seconds, parent, child = run_measured(script, tmp_path / "long.flac")
    assert seconds == pytest.approx(595) and parent < 90_000 and child < 250_000, "kilobytes"


def test_decoding_that_is_closed_ends_its_process(tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(wav(FMT, chunk(b"data", bytes(32_000 * 500))))
    decoding = decode.AudioDecoding(tmp_path / "long.wav")
    decoding.close()
    assert decoding.wait_for_result(0)
    with pytest.raises(InvalidInputError, match="damaged"):
        decoding.take_result()


def test_decoding_that_takes_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "long.wav").write_bytes(wav(FMT, chunk(b"data", bytes(32_000 * 500))))
    monkeypatch.setattr(decode, "_DECODING_TIMEOUT_S", 0.0)
    with closing(decode.AudioDecoding(tmp_path / "long.wav")) as decoding:
        assert decoding.wait_for_result(60)
        with pytest.raises(InvalidInputError, match="took too long"):
            decoding.take_result()


def test_question_whose_file_is_being_decoded_is_interrupted_at_once(tmp_path: Path, home: Path) -> None:
    (tmp_path / "long.wav").write_bytes(wav(FMT, chunk(b"data", bytes(32_000 * 500))))
    session = Session(Settings(), AppPaths.locate(), None, ModelManager(home))
    runner = TurnRunner(TurnRequest(audio=tmp_path / "long.wav"), session, Conversation())
    steps = runner.run()
    assert next(steps) == EmptyStep()
    steps.close()
    assert runner.turn_ended_event().reason == "interrupted"


def test_memory_of_the_decoding_process_is_limited() -> None:
    if sys.platform == "win32":
        missing("Windows has no setrlimit")
    script = (
        "import sys; from assistant.audio import decoder_process\n"
        "decoder_process.decode_blocks = lambda _: [bytearray(2 * 1024**3)]; sys.exit(decoder_process.main())"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == AudioRefusal.DAMAGED
