"""Untrusted pictures: what opens, and what is refused with a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assistant.errors import InvalidInputError
from assistant.pictures import Picture, open_picture


def saved(path: Path, image: Image.Image, **how: object) -> Picture:
    image.save(path, **how)
    return open_picture(path)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = saved(tmp_path / "a.jpg", image, exif=exif)
    assert (picture.width, picture.height) == (20, 40)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_the_first_frame_of_an_animation_is_used_and_said(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    picture = saved(tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:], lossless=True)
    assert picture.first_image.getpixel((5, 5)) == (255, 0, 0)
    assert picture.notes == ("It is animated; its first frame is used.",)


def test_palette_with_transparency_is_laid_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (10, 10), 1)
    image.putpalette([9, 9, 9, 0, 255, 0])
    image.putpixel((0, 0), 0)
    picture = saved(tmp_path / "a.png", image, transparency=0)
    assert picture.first_image.getpixel((0, 0)) == (255, 255, 255)
    assert picture.first_image.getpixel((5, 5)) == (0, 255, 0)


def test_16_bit_grey_keeps_its_brightness(tmp_path: Path) -> None:
    picture = saved(tmp_path / "a.png", Image.fromarray(np.full((10, 10), 32768, np.uint16)))
    assert abs(picture.first_image.getpixel((5, 5))[0] - 127) <= 1


def test_cmyk_picture_is_converted_to_rgb(tmp_path: Path) -> None:
    red, green, _ = saved(tmp_path / "a.jpg", Image.new("CMYK", (10, 10), (0, 255, 255, 0))).first_image.getpixel(
        (5, 5)
    )
    assert red > 200 and green < 60


def test_a_large_picture_is_reduced_and_that_is_said(tmp_path: Path) -> None:
    picture = saved(tmp_path / "a.png", Image.new("L", (6000, 4000), 200), compress_level=1)
    assert picture.width * picture.height <= 16_000_000 and "reduced" in picture.notes[0]


def test_the_same_pixels_have_the_same_digest(tmp_path: Path) -> None:
    image = Image.effect_noise((30, 30), 50).convert("RGB")
    assert saved(tmp_path / "a.png", image).digest == saved(tmp_path / "b.bmp", image).digest


def _png(tmp_path: Path) -> bytes:
    Image.effect_noise((64, 64), 80).save(tmp_path / "whole.png")
    return (tmp_path / "whole.png").read_bytes()


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.png", b"", "is empty"),
        ("words.png", b"hello, world", "not a picture"),
        ("zip.jpg", b"PK\x03\x04" + bytes(100), "not a picture"),
        ("draw.svg", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        ("draw.png", b"<svg/>", "SVG"),
        ("head.png", b"\x89PNG\r\n\x1a\n", "damaged"),
        ("head.jpg", b"\xff\xd8\xff" + bytes(50), "damaged"),
    ],
)
def test_file_without_a_picture_is_refused(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidInputError, match=reason):
        open_picture(tmp_path / name)


def test_a_truncated_picture_is_refused(tmp_path: Path) -> None:
    data = _png(tmp_path)
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(InvalidInputError, match="cut off"):
        open_picture(tmp_path / "cut.png")


def test_a_huge_picture_is_refused_by_its_header(tmp_path: Path) -> None:
    Image.new("1", (30_000, 30_000)).save(tmp_path / "huge.png")
    with pytest.raises(InvalidInputError, match="30000 x 30000"):
        open_picture(tmp_path / "huge.png")


def test_a_fifo_a_folder_and_nothing_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path, reason in ((tmp_path / "pipe.png", "regular"), (tmp_path, "folder"), (tmp_path / "no.png", "no picture")):
        with pytest.raises(InvalidInputError, match=reason):
            open_picture(path)


def test_the_child_has_a_limit_on_memory() -> None:
    code = (
        "import sys; from assistant.pictures import decoder_process as child\n"
        "child.open_frames = lambda *_: bytearray(3 * 1024**3)\n"
        "sys.argv[1:] = ['1', '1', 'foreign', '1']; child.main()"
    )
    assert b"needs more memory" in subprocess.run([sys.executable, "-c", code], capture_output=True).stdout
