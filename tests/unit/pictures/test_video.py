"""Videos: sampled in the limited child, kept in the history, asked about beside pictures."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from assistant.errors import InvalidInputError
from assistant.history.turn_recorder import TurnRecorder
from assistant.messages import Message
from assistant.pictures import FrameSampling, Picture, open_picture
from tests.conftest import Ran
from tests.support.qwen2_vl_models import close, fed, model, stock_logits


def video(path: Path, seconds: float, rate: int = 10, key_every: int = 250) -> Path:
    """Write a video that brightens from black to white."""
    with av.open(str(path), "w") as container:
        filmed(container, seconds, rate, key_every)
    return path


def filmed(container: Any, seconds: float, rate: int, key_every: int) -> None:
    stream = container.add_stream("mpeg4", rate=rate)
    stream.width, stream.height, stream.pix_fmt, stream.gop_size = 96, 64, "yuv420p", key_every
    count = int(seconds * rate)
    for number in range(count):
        level = 255 * number // max(1, count - 1)
        frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), level, np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def levels(picture: Picture) -> list[float]:
    return [float(np.asarray(image).mean()) for image in picture.frame_images]


@pytest.mark.parametrize(
    ("name", "seconds", "rate", "key_every"),
    [
        ("a.mp4", 6, 10, 250),
        ("b.mkv", 6, 10, 1),
        ("c.avi", 20, 25, 12),
        ("hour.mp4", 3600, 1, 60),
        ("d.mp4", 0.2, 10, 5),
    ],
)
def test_frames_are_spread_over_the_whole_video(
    tmp_path: Path, name: str, seconds: float, rate: int, key_every: int
) -> None:
    picture = open_picture(video(tmp_path / name, seconds, rate, key_every))
    frame_levels = levels(picture)
    assert (
        picture.frame_count == len(frame_levels) == min(16, max(4, int(seconds)))
        if seconds > 1
        else picture.frame_count in (2, 4)
    )
    assert frame_levels == sorted(frame_levels)
    if seconds > 1:
        wanted = [255 * (number + 0.5) / len(frame_levels) for number in range(len(frame_levels))]
        assert max(abs(level - other) for level, other in zip(frame_levels, wanted, strict=True)) < 255 / len(
            frame_levels
        )
    minutes = int(seconds) // 60
    assert f"lasts {minutes}:" in picture.notes[0]


def test_frame_sampling_limits_rate_and_number(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", 12)
    assert open_picture(path, FrameSampling(frames_per_second=0.5, max_frames=16)).frame_count == 6
    assert open_picture(path, FrameSampling(frames_per_second=5, max_frames=8)).frame_count == 8


def no_pictures(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def cut(path: Path) -> None:
    whole = video(path.with_name("whole.mp4"), 6)
    path.write_bytes(whole.read_bytes()[:900])


@pytest.mark.parametrize("make", [no_pictures, cut, lambda path: path.write_bytes(b"\x1aE\xdf\xa3" + b"x" * 5000)])
def test_a_video_without_pictures_is_refused_with_the_next_step(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "bad.mp4")
    with pytest.raises(InvalidInputError, match="no pictures in it") as refusal:
        open_picture(tmp_path / "bad.mp4")
    assert "MP4" in refusal.value.hint


def test_the_history_keeps_a_video_as_it_was_looked_at(tmp_path: Path, home: Path) -> None:
    picture = open_picture(video(tmp_path / "a.mp4", 6))
    history = TurnRecorder(home)
    turn = history.add_turn(history.start_conversation("video"), "What is it?", (picture,))
    assert turn
    again = open_picture(history.store.picture_file(picture.digest), is_own=True)
    assert (again.digest, again.frame_count, again.width) == (picture.digest, picture.frame_count, picture.width)
    history.close()


def test_a_strip_of_a_stranger_is_no_video(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("hark-frames", "2")
    Image.new("RGB", (8, 10)).save(tmp_path / "p.png", pnginfo=info)
    assert open_picture(tmp_path / "p.png").frame_count == 1


def test_a_long_strip_comes_back_frame_by_frame(tmp_path: Path) -> None:
    picture = Picture(1024, 576, bytes(1024 * 576 * 3) * 32, frame_count=32)
    picture.save_png(tmp_path / "strip.png")
    again = open_picture(tmp_path / "strip.png", is_own=True)
    assert (again.frame_count, again.digest, again.notes) == (32, picture.digest, ())


def test_a_recording_that_does_not_know_its_length_is_sampled_whole(tmp_path: Path) -> None:
    path = tmp_path / "live.mkv"
    with av.open(str(path), "w", options={"live": "1"}) as container:
        filmed(container, 20, 10, 12)
    with av.open(str(path)) as container:
        assert not container.duration
    frame_levels = levels(open_picture(path))
    assert len(frame_levels) == 16 and frame_levels[0] < 30 and frame_levels[-1] > 225


def test_frames_never_go_back_however_far_apart_key_frames_are(tmp_path: Path) -> None:
    frame_levels = levels(open_picture(video(tmp_path / "a.mp4", 60, 30, 250)))
    assert len(frame_levels) == 16 and all(level < other for level, other in pairwise(frame_levels))
    wanted = [255 * (number + 0.5) / 16 for number in range(16)]
    assert max(abs(level - other) for level, other in zip(frame_levels, wanted, strict=True)) < 8


def test_a_video_is_upright(tmp_path: Path) -> None:
    """Write a video with a white upper half that its container marks as rotated by 90 degrees."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        pixels = np.zeros((64, 96, 3), np.uint8)
        pixels[:32] = 255
        for _ in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    data = bytearray(path.read_bytes())
    # The matrix of the track's header (ISO 14496-12, 8.3.2): a quarter to the right, as telephones write it.
    at = data.index(b"tkhd") + 4 + 40
    turned = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    data[at : at + 36] = struct.pack(">9i", *turned)
    path.write_bytes(bytes(data))
    image = np.asarray(open_picture(path).first_image, np.int16)
    assert image.shape[:2] == (96, 64)
    assert image[:, 48:].mean() > 200 and image[:, :16].mean() < 50, "what was above is at the right"


@pytest.mark.parametrize("brand", [b"heic", b"avif", b"mif1"])
def test_a_still_in_a_videos_container_is_no_video(tmp_path: Path, brand: bytes) -> None:
    (tmp_path / "p.heic").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(100))
    with pytest.raises(InvalidInputError, match=r"HEIC|HEIF|AVIF"):
        open_picture(tmp_path / "p.heic")


def test_a_file_that_only_begins_like_a_video_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.ogg").write_bytes(b"OggS\nv=0\nc=IN IP4 127.0.0.1\nm=video 5000 RTP/AVP 96\n")
    with pytest.raises(InvalidInputError, match="not a picture"):
        open_picture(tmp_path / "a.ogg")
    (tmp_path / "b.ogg").write_bytes(b"OggS\0\nv=0\nc=IN IP4 127.0.0.1\nm=video 5000 RTP/AVP 96\n")
    with pytest.raises(InvalidInputError, match="no pictures in it"):
        open_picture(tmp_path / "b.ogg")


def test_a_video_among_pictures_equals_the_librarys_own(tmp_path: Path) -> None:
    picture = open_picture(video(tmp_path / "a.mp4", 6))
    responder = model()
    chat = [
        Message("user", "What is in it?", (picture,)),
        Message("assistant", "It gets lighter."),
        Message("user", "And here?", (Picture(64, 64, b"\xff" * 64 * 64 * 3), picture)),
    ]
    prompt = responder.inspect().prompt_builder.build_prompt(chat)
    assert [view.grid[0] for _, view in prompt.pictures] == [3, 1, 3]
    close(fed(responder, prompt), stock_logits(responder, prompt)[-1])
    assert sum(view.tokens for _, view in prompt.pictures[:1]) * 28 * 28 <= max(
        responder.inspect().prompt_builder.pixel_limits[1], 3 * 28 * 28
    )


def test_a_question_about_a_video_is_answered(cli: Callable[..., Ran], tmp_path: Path) -> None:
    ran = cli("ask", "Describe it.", "--picture", video(tmp_path / "a.mp4", 6), "--json")
    assert ran.code == 0 and ran.ended["answer"]
    assert "frames are looked at" in ran.err
