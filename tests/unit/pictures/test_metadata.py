"""Damaged metadata never prevents a picture from opening, and its orientation is obeyed."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from assistant.pictures import FrameSampling, Picture, decoder_process, open_picture
from assistant.pictures.decoder_process import DecodeRequest
from tests.conftest import missing
from tests.support.paths import SHARED_FILES

RED, BLUE = (220, 0, 0), (0, 0, 220)


def two_halves() -> Image.Image:
    """Left red, right blue, 64 x 32: turned by Orientation 6 it is red above blue."""
    image = Image.new("RGB", (64, 32), RED)
    image.paste(BLUE, (32, 0, 64, 32))
    return image


def encoded(kind: str, **how: object) -> bytes:
    file = io.BytesIO()
    two_halves().save(file, kind, **how)
    return file.getvalue()


def opened(data: bytes) -> Picture:
    """Decode as the limited child does, without starting a process."""
    decoded = decoder_process.decode_picture(data, DecodeRequest(FrameSampling()))
    return replace(Picture.from_image(decoded.frames[0]), notes=tuple(decoded.notes))


def check_upright(picture: Picture) -> None:
    assert (picture.width, picture.height) == (64, 32)
    check_colours(picture, (8, 16), (56, 16))


def check_turned(picture: Picture) -> None:
    assert (picture.width, picture.height) == (32, 64)
    check_colours(picture, (16, 8), (16, 56))


def check_colours(picture: Picture, red: tuple[int, int], blue: tuple[int, int]) -> None:
    assert np.abs(np.subtract(picture.first_image.getpixel(red), RED)).max() < 40
    assert np.abs(np.subtract(picture.first_image.getpixel(blue), BLUE)).max() < 40


def chunk(name: bytes, body: bytes, check_sum: int | None = None) -> bytes:
    real = zlib.crc32(name + body) if check_sum is None else check_sum
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", real)


def png_with(*chunks: bytes, after_pixels: bool = False) -> bytes:
    data = encoded("PNG")
    at = data.index(b"IEND") - 4 if after_pixels else 33
    return data[:at] + b"".join(chunks) + data[at:]


def tiff_of(entries: list[tuple[int, int, int, bytes]], order: str = "<", said: int | None = None) -> bytes:
    """Return EXIF data with one directory. `said` is the number of entries it claims to have."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    body = b"".join(struct.pack(f"{order}HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return head + struct.pack(f"{order}H", len(entries) if said is None else said) + body + struct.pack(f"{order}I", 8)


TURNED = (0x0112, 3, 1, b"\6\0\0\0")
ODD_EXIF = {
    "make as rational": tiff_of([(0x010F, 5, 1, struct.pack("<I", 8)), TURNED]),
    "text of unknown type": tiff_of([(0x010E, 77, 3, b"abcd"), TURNED]),
    "text outside the file": tiff_of([(0x010E, 2, 4_000_000, b"\xff\xff\xff\x7f"), TURNED]),
    "an EXIF directory that is this one": tiff_of([TURNED, (0x8769, 4, 1, struct.pack("<I", 8))]),
    "GPS as text": tiff_of([TURNED, (0x8825, 2, 9, b"nowh")]),
    "resolution by zero": tiff_of([TURNED, (0x011A, 5, 1, struct.pack("<I", 8)), (0x0128, 2, 1, b"x\0\0\0")]),
    "more entries than there are": tiff_of([TURNED], said=500),
    "cut off behind the tag": tiff_of([TURNED])[:24],
    "big-endian": tiff_of([(0x0112, 3, 1, b"\0\6\0\0"), (0x010F, 10, 1, b"\0\0\0\1")], ">"),
    "orientation as LONG": tiff_of([(0x0112, 4, 1, b"\6\0\0\0"), (0x013B, 12, 1, b"\xff" * 4)]),
}


@pytest.mark.parametrize("exif", ODD_EXIF.values(), ids=ODD_EXIF.keys())
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_orientation_beside_odd_exif_is_obeyed(kind: str, exif: bytes) -> None:
    how = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    check_turned(opened(encoded(kind, exif=b"Exif\0\0" + exif, **how)))


@pytest.mark.parametrize("exif", [b"", b"\0", b"II", b"II*\0", b"MM\0*\xff\xff\xff\xff", tiff_of([])[:9], b"x" * 500])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_invalid_exif_is_ignored(kind: str, exif: bytes) -> None:
    how = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    check_upright(opened(encoded(kind, exif=b"Exif\0\0" + exif, **how)))


LONG = zlib.compress(b"x" * 3_000_000)
ODD_CHUNKS = {
    "bad check sum of text": [chunk(b"tEXt", b"Comment\0hello", 1)],
    "bad check sum of a time": [chunk(b"tIME", bytes(7), 1)],
    "text over 1 MB": [chunk(b"zTXt", b"Comment\0\0" + LONG)],
    "international text over 1 MB": [chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LONG)],
    "70 MB of texts": [chunk(b"tEXt", b"Comment%d\0" % n + b"y" * 1_000_000) for n in range(70)],
    "profile over 1 MB": [chunk(b"iCCP", b"big\0\0" + LONG)],
    "profile by an unknown method": [chunk(b"iCCP", b"odd\0\7abc")],
    "profile without a name's end": [chunk(b"iCCP", b"odd")],
    "text by an unknown method": [chunk(b"zTXt", b"Comment\0\7abc")],
    "short gamma, colours, sizes": [chunk(name, b"\0") for name in (b"gAMA", b"cHRM", b"pHYs", b"sRGB", b"acTL")],
    "frames out of sequence": [chunk(b"acTL", struct.pack(">II", 2, 0)), chunk(b"fcTL", b"\0\0\0\7" + bytes(22))],
    "a frame outside": [
        chunk(b"acTL", struct.pack(">II", 2, 0)),
        chunk(b"fcTL", struct.pack(">3I", 0, 900, 900) + bytes(14)),
    ],
    "transparency that does not fit": [chunk(b"tRNS", b"\0")],
    "a private chunk named in another script": [chunk(b"a\xff\xffa", b"x")],
}


@pytest.mark.parametrize("chunks", ODD_CHUNKS.values(), ids=ODD_CHUNKS.keys())
@pytest.mark.parametrize("after", [False, True])
def test_a_png_with_an_odd_chunk_opens(chunks: list[bytes], after: bool) -> None:
    check_upright(opened(png_with(*chunks, after_pixels=after)))


def test_a_png_whose_text_lies_about_its_length_opens() -> None:
    for length in (3, 5_000, 2**31):
        broken = bytearray(chunk(b"tEXt", b"Comment\0hello"))
        broken[:4] = struct.pack(">I", length)
        check_upright(opened(png_with(bytes(broken))))


def test_a_png_without_its_end_or_with_more_behind_it_opens() -> None:
    data = encoded("PNG")
    for odd in (data[:-12], data[:-3], data + b"\0" * 5000, data + data):
        check_upright(opened(odd))


def test_a_pngs_orientation_is_read_from_all_places_where_programs_write_it() -> None:
    exif = tiff_of([TURNED])
    raw = b"\nexif\n%8d\n%s\n" % (len(exif), exif.hex().encode())
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    for exif_chunk in (
        chunk(b"eXIf", exif),
        chunk(b"eXIf", exif, 1),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp + b" " * 2_000_000)),
    ):
        check_turned(opened(png_with(exif_chunk)))
        check_turned(opened(png_with(exif_chunk, after_pixels=True)))


def segment(marker: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2 if length is None else length) + body


ODD_SEGMENTS = {
    "short JFIF": segment(0xE0, b"JFIF\0"),
    "short Adobe": segment(0xEE, b"Adobe"),
    "profile without numbers": segment(0xE2, b"ICC_PROFILE\0"),
    "a part of a profile is missing": segment(0xE2, b"ICC_PROFILE\0\2\3" + b"x" * 60_000),
    "more pictures that are not there": segment(0xE2, b"MPF\0II*\0" + bytes(50)),
    "more pictures without a directory": segment(0xE2, b"MPF\0" + b"x" * 5),
    "Photoshop's resources cut off": segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x03\xed\0\0\0\0\0\x10abc"),
    "XMP that is none": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<<<"),
    "a length of 0": segment(0xE1, b"", 0),
    "a length that goes beyond the file": segment(0xE1, b"Exif\0\0" + bytes(40), 65_000),
    "a length that ends too early": segment(0xFE, b"a comment that is longer than it says", 9),
    "a thumbnail behind a wrong length": segment(0xE1, b"Exif\0\0" + bytes(40) + encoded("JPEG"), 20),
}


@pytest.mark.parametrize("odd", ODD_SEGMENTS.values(), ids=ODD_SEGMENTS.keys())
def test_a_jpeg_with_an_odd_segment_opens(odd: bytes) -> None:
    data = encoded("JPEG", quality=95)
    check_upright(opened(data[:2] + odd + data[2:]))
    after_jfif = 4 + int.from_bytes(data[4:6], "big")
    check_upright(opened(data[:after_jfif] + odd + data[after_jfif:]))


def test_a_jpegs_colours_are_as_its_markers_say(tmp_path: Path) -> None:
    image = two_halves()
    for how in ({"keep_rgb": True}, {"subsampling": 0}, {"progressive": True}):
        image.save(tmp_path / "a.jpg", quality=95, **how)
        check_upright(open_picture(tmp_path / "a.jpg"))
    image.convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    check_upright(open_picture(tmp_path / "a.jpg"))


def test_several_pictures_in_a_jpeg_show_the_first(tmp_path: Path) -> None:
    two_halves().save(tmp_path / "a.mpo", save_all=True, append_images=[Image.new("RGB", (64, 32))], quality=95)
    check_upright(open_picture(tmp_path / "a.mpo"))


def test_a_webp_with_odd_chunks_opens() -> None:
    data = encoded("WEBP", lossless=True, exif=b"Exif\0\0" + tiff_of([TURNED]), icc_profile=b"x" * 2_000_000)
    check_turned(opened(data))
    check_turned(opened(data + b"XMP \xff\xff\xff\x7fabc"))
    profile = data.index(b"ICCP")
    check_turned(opened(data[: profile + 4] + b"\xf0\xff\xff\x7f" + data[profile + 8 :]))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "JPEG", "WEBP", "AVIF", "TIFF"])
def test_trailing_garbage_is_ignored(kind: str) -> None:
    how = {"quality": 95} if kind in ("JPEG", "AVIF") else {"lossless": True} if kind == "WEBP" else {}
    check_upright(opened(encoded(kind, **how) + b"garbage \xff\xd9\0" * 500))


def test_damaged_second_frame_leaves_the_first_readable(tmp_path: Path) -> None:
    frames = [two_halves(), Image.effect_noise((64, 32), 90).convert("RGB")]
    for kind in ("GIF", "PNG"):
        frames[0].save(tmp_path / "a", kind, save_all=True, append_images=frames[1:], lossless=True)
        data = (tmp_path / "a").read_bytes()
        for share in (0.95, 0.6):
            picture = opened(data[: int(len(data) * share)])
            check_upright(picture)
            assert picture.notes == ("It is animated; its first frame is used.",)


@pytest.mark.parametrize("make", [lambda info: info.add_text("a", "b"), lambda info: info.add_itxt("a", "ü", zip=True)])
def test_sound_metadata_changes_no_pixel(make: Callable[[PngInfo], None]) -> None:
    info = PngInfo()
    make(info)
    assert opened(encoded("PNG", pnginfo=info)).digest == opened(encoded("PNG")).digest


@pytest.mark.parametrize("name", ["make-as-rational.jpg", "badcrc-text.png"])
def test_files_of_public_reports_open(name: str) -> None:
    if not SHARED_FILES.is_dir():
        missing("the folder of shared cases is not here")
    assert open_picture(SHARED_FILES / name).width > 0
