"""Picture formats: TIFF and its pages, AVIF, HEIC; the background of transparent pictures; refusals."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from assistant.errors import InvalidInputError
from assistant.pictures import FrameSampling, Picture, decoder_process, open_picture
from assistant.pictures.decoder_process import DecodeRequest
from assistant.pictures.pixels import choose_background
from tests.conftest import Ran, missing
from tests.support.paths import SHARED_FILES

COLOURS = ("red", "lime", "blue")


def pages(path: Path, **how: object) -> Path:
    """Three pages, 40 x 30."""
    images = [Image.new("RGB", (40, 30), colour) for colour in COLOURS]
    images[0].save(path, "TIFF", save_all=True, append_images=images[1:], **how)
    return path


def colour(picture: Picture) -> tuple[int, ...]:
    return picture.first_image.getpixel((5, 5))


def opened(data: bytes) -> Picture:
    """Decode as the limited child does, without starting a process."""
    decoded = decoder_process.decode_picture(data, DecodeRequest(FrameSampling()))
    return replace(Picture.from_image(decoded.frames[0]), page_count=decoded.page_count)


def test_a_tiffs_pages_are_told_and_can_be_asked_for(tmp_path: Path) -> None:
    path = pages(tmp_path / "scan.tiff")
    first = open_picture(path)
    assert first.notes == ("It has 3 pages; this is page 1. Page 2 is “scan.tiff#page=2”, and so on.",)
    assert (first.page_count, colour(first)) == (3, (255, 0, 0))
    third = open_picture(tmp_path / "scan.tiff#page=3")
    assert (third.name, third.notes, colour(third)) == ("scan.tiff#page=3", (), (0, 0, 255))
    with pytest.raises(InvalidInputError, match="has no page 4; its last one is 3"):
        open_picture(tmp_path / "scan.tiff#page=4")


def test_a_page_of_a_file_without_pages_is_refused_and_a_file_of_that_name_opens(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    with pytest.raises(InvalidInputError, match="has no page 2"):
        open_picture(tmp_path / "a.png#page=2")
    Image.new("RGB", (8, 8), "lime").save(tmp_path / "a.png#page=2", "PNG")
    assert colour(open_picture(tmp_path / "a.png#page=2")) == (0, 255, 0)


def test_the_command_line_asks_for_a_page(cli: Callable[..., Ran], tmp_path: Path) -> None:
    path = tmp_path / "scan.tiff"
    images = []
    for words in ("FIRST PAGE", "SECOND PAGE"):
        images.append(Image.new("RGB", (400, 100), "white"))
        ImageDraw.Draw(images[-1]).text((20, 30), words, "black", ImageFont.load_default(40))
    images[0].save(path, save_all=True, append_images=images[1:])
    first, second, named = cli("read", path), cli("read", path, "--page", "2"), cli("read", f"{path}#page=2")
    assert "FIRST" in first.out and "It has 2 pages" in first.err
    assert "SECOND" in second.out and second.out == named.out and "pages" not in second.err
    run = cli("ask", "What is written here?", "--picture", path, "--page", "2", "--json")
    assert "SECOND" in str(run.ended["answer"])
    assert cli("ask", "What?", "--page", "2").code == cli("read", path, "--page", "0").code == 2


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd"])
def test_every_tiff_compression_opens(tmp_path: Path, compression: str) -> None:
    picture = opened(pages(tmp_path / "a.tif", compression=compression).read_bytes())
    assert picture.page_count == 3 and colour(picture)[0] > 240


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK", "I;16", "F", "LAB", "YCbCr"])
def test_every_tiff_mode_opens(tmp_path: Path, mode: str) -> None:
    image = Image.new("L", (40, 30), 255)
    if mode == "I;16":
        image = Image.fromarray(np.full((30, 40), 65535, np.uint16))
    elif mode != "LAB":
        image = image.convert("RGB").convert(mode) if mode in ("CMYK", "YCbCr", "P", "RGBA") else image.convert(mode)
    else:
        image = Image.new("LAB", (40, 30), (255, 128, 128))
    image.save(tmp_path / "a.tif")
    assert min(colour(opened((tmp_path / "a.tif").read_bytes()))) > 245


def test_big_tiff_and_big_endian_tiff_open(tmp_path: Path) -> None:
    pages(tmp_path / "big.tif", big_tiff=True)
    assert open_picture(tmp_path / "big.tif").page_count == 3
    assert colour(open_picture(tmp_path / "big.tif#page=2")) == (0, 255, 0)
    entries = [
        (256, 3, 2 << 16), (257, 3, 1 << 16), (258, 3, 8 << 16), (259, 3, 1 << 16), (262, 3, 1 << 16),
        (273, 4, 8), (277, 3, 1 << 16), (278, 3, 1 << 16), (279, 4, 2),
        (274, 3, 6 << 16),  # turned
        (282, 2, 99),  # a resolution as text
        (305, 77, 0xFFFFFFFF),  # of no type
    ]  # fmt: skip
    directory = struct.pack(">H", len(entries)) + b"".join(
        struct.pack(">HHII", tag, kind, 1, value) for tag, kind, value in entries
    )
    (tmp_path / "mm.tif").write_bytes(b"MM\0*" + struct.pack(">I", 10) + b"\x20\xe0" + directory + b"\0\0\0\x0a")
    picture = open_picture(tmp_path / "mm.tif")  # its chain of directories is a ring
    assert (picture.width, picture.height, picture.page_count) == (1, 2, 1)
    assert [picture.first_image.getpixel((0, row))[0] for row in (0, 1)] == [0x20, 0xE0]


@pytest.mark.parametrize("kind", [1, 4])
def test_thumbnails_and_masks_in_a_tiff_are_no_pages(tmp_path: Path, kind: int) -> None:
    data = bytearray(pages(tmp_path / "a.tif", tiffinfo={254: 0}).read_bytes())
    first = data.index(struct.pack("<HHI", 254, 4, 1))
    data[first + 8 : first + 12] = struct.pack("<I", kind)
    picture = opened(bytes(data))
    assert picture.page_count == 2 and colour(picture) == (0, 255, 0)


def drawn(ink: tuple[int, ...] | str, mode: str = "RGBA") -> Image.Image:
    image = Image.new("RGBA", (300, 60), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((10, 10), "Light ink?", ink, ImageFont.load_default(36))
    return image.convert(mode) if mode != "RGBA" else image


@pytest.mark.parametrize(
    ("ink", "is_dark"),
    [
        ("white", True), ("yellow", True), ("cyan", True), ((255, 255, 255, 120), True), ((210, 210, 210), True),
        ("black", False), ("blue", False), ("red", False), ((128, 128, 128), False), ((0, 0, 0, 120), False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["RGBA", "P", "LA"])
def test_background_contrasts_with_the_ink(tmp_path: Path, ink: str, is_dark: bool, mode: str) -> None:
    if mode == "LA" and ink in ("yellow", "cyan", "blue", "red"):
        ink = "white" if is_dark else "black"  # it has no colours
    drawn(ink, mode).save(tmp_path / "a.png")
    image = np.asarray(opened((tmp_path / "a.png").read_bytes()).first_image.convert("L"), np.int16)
    assert (image[0, 0] < 60) == is_dark
    assert np.abs(image - image[0, 0]).max() > 75, "the ink is seen"


def test_light_and_dark_ink_together_are_both_seen() -> None:
    image = drawn("white")
    ImageDraw.Draw(image).text((10, 30), "Dark ink", "black", ImageFont.load_default(24))
    assert 100 < choose_background(image) < 140


def test_a_light_box_with_dark_words_is_light_ink_by_its_border() -> None:
    image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((40, 40, 260, 260), "black")
    ImageDraw.Draw(image).rectangle((60, 60, 240, 240), "white")
    assert choose_background(image) == 255
    assert choose_background(Image.new("RGBA", (30, 30), (0, 0, 0, 0))) == 255


def test_light_words_of_a_public_report_are_read(cli: Callable[..., Ran]) -> None:
    if not SHARED_FILES.is_dir():
        missing("the folder of shared cases is not here")
    assert cli("read", SHARED_FILES / "white-on-transparent.png").out.strip()


def test_avif_opens_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (64, 32), "red")
    image.save(tmp_path / "a.avif", exif=exif, quality=95)
    picture = open_picture(tmp_path / "a.avif")
    assert (picture.width, picture.height) == (32, 64) and picture.first_image.getpixel((5, 5))[0] > 240


def heic(path: Path) -> Path:
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    return path


def test_heic_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="HEIC needs pillow-heif") as refusal:
        open_picture(heic(tmp_path / "a.heic"))
    assert "pip install pillow-heif" in refusal.value.hint


def test_heic_opens_where_pillow_heif_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package named pillow_heif that registers a decoder, as the real one does."""
    (tmp_path / "pillow_heif.py").write_text(
        "from PIL import Image, ImageFile\n"
        "class Heif(ImageFile.ImageFile):\n"
        "    format = 'HEIF'\n"
        "    def _open(self):\n"
        "        self._mode, self._size, self.tile = 'L', (4, 2), [('raw', (0, 0, 4, 2), 24, ('L', 0, 1))]\n"
        "def register_heif_opener(**options):\n"
        "    Image.register_open('HEIF', Heif, lambda head: head[4:8] == b'ftyp')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    picture = open_picture(heic(tmp_path / "a.heic"))
    assert (picture.width, picture.height) == (4, 2)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"\xff\x0a\x00\x10", "a JPEG XL picture"),
        (b"\0\0\1\0\1\0\x10\x10", "an icon"),
        (b"%!PS-Adobe-3.0 EPSF", "a PostScript drawing"),
    ],
)
def test_other_kinds_are_refused_by_their_name(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a").write_bytes(data + bytes(50))
    with pytest.raises(InvalidInputError, match=reason) as refusal:
        open_picture(tmp_path / "a")
    assert refusal.value.hint == "Save it as PNG."
