"""Videos: sampled in the limited child, kept in the history, asked about beside pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from assistant.errors import BadInput
from assistant.library.history import History
from assistant.pictures import Picture, Sampling, open_picture
from assistant.roles import Message
from tests.conftest import Ran
from tests.qwen2 import close, fed, model, stock_logits


def video(path: Path, seconds: float, rate: int = 10, key_every: int = 250) -> Path:
    """It grows from black to white."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 96, 64, "yuv420p", key_every
        count = int(seconds * rate)
        for number in range(count):
            level = 255 * number // max(1, count - 1)
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), level, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def levels(picture: Picture) -> list[float]:
    return [float(np.asarray(image).mean()) for image in picture.images]


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
    shown = open_picture(video(tmp_path / name, seconds, rate, key_every))
    found = levels(shown)
    assert shown.frames == len(found) == min(16, max(4, int(seconds))) if seconds > 1 else shown.frames in (2, 4)
    assert found == sorted(found)
    if seconds > 1:
        wanted = [255 * (number + 0.5) / len(found) for number in range(len(found))]
        assert max(abs(one - other) for one, other in zip(found, wanted, strict=True)) < 255 / len(found)
    minutes = int(seconds) // 60
    assert f"lasts {minutes}:" in shown.notes[0]


def test_sampling_is_the_users(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", 12)
    assert open_picture(path, Sampling(rate=0.5, most=16)).frames == 6
    assert open_picture(path, Sampling(rate=5, most=8)).frames == 8


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
    with pytest.raises(BadInput, match="no pictures in it") as told:
        open_picture(tmp_path / "bad.mp4")
    assert "MP4" in told.value.hint


def test_the_history_keeps_a_video_as_it_was_looked_at(tmp_path: Path, home: Path) -> None:
    shown = open_picture(video(tmp_path / "a.mp4", 6))
    history = History(home)
    turn = history.ask(history.start("video"), "What is it?", (shown,))
    assert turn
    again = open_picture(history.picture_file(shown.digest))
    assert (again.digest, again.frames, again.width) == (shown.digest, shown.frames, shown.width)
    history.close()


def test_a_strip_of_a_stranger_is_no_video(tmp_path: Path) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    for told in ("7", "-1", "0", "x", "99999999"):
        info = PngInfo()
        info.add_text("hark-frames", told)
        Image.new("RGB", (8, 10)).save(tmp_path / "p.png", pnginfo=info)
        assert open_picture(tmp_path / "p.png").frames == 1


def test_a_video_among_pictures_equals_the_librarys_own(tmp_path: Path) -> None:
    shown = open_picture(video(tmp_path / "a.mp4", 6))
    one = model()
    chat = [
        Message("user", "What is in it?", (shown,)),
        Message("assistant", "It gets lighter."),
        Message("user", "And here?", (Picture(64, 64, b"\xff" * 64 * 64 * 3), shown)),
    ]
    prompt = one._chat.prompt(chat)
    assert [view.grid[0] for _, view in prompt.views] == [3, 1, 3]
    close(fed(one, prompt), stock_logits(one, prompt)[-1])
    assert sum(view.tokens for _, view in prompt.views[:1]) * 28 * 28 <= max(one._chat._pixels[1], 3 * 28 * 28)


def test_a_question_about_a_video_is_answered(cli: Callable[..., Ran], tmp_path: Path) -> None:
    ran = cli("ask", "Describe it.", "--picture", video(tmp_path / "a.mp4", 6), "--json")
    assert ran.code == 0 and ran.ended["answer"]
    assert "frames are looked at" in ran.err
