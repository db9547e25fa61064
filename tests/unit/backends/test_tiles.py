"""Strips and large pages: read in tiles, each line once; never a reason to invent a shape."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw, ImageFont

from assistant import backends, progress
from assistant.backends.ocr import TextReader
from assistant.backends.tiles import close_gaps, cut_into_tiles
from assistant.interfaces import LoadOptions
from assistant.pictures import Picture
from tests.conftest import Ran, missing
from tests.support.paths import SHARED_FILES


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return backends.load_reader()


def lines(size: tuple[int, int], texts: list[tuple[int, int, str]], letters: int) -> Image.Image:
    image = Image.new("RGB", size, "white")
    for left, top, text in texts:
        ImageDraw.Draw(image).text((left, top), text, "black", ImageFont.load_default(letters))
    return image


def test_a_wide_strip_is_read_word_for_word_once(reader: TextReader) -> None:
    words = [f"word{number}" for number in range(10, 66)]
    strip = lines((3840, 28), [(10, 4, " ".join(words))], 16)
    assert "".join(reader.read_text(Picture.from_image(strip))).replace(" ", "") == "".join(words)


def test_a_tall_strip_is_read_line_by_line_once(reader: TextReader) -> None:
    texts = [(4, top, f"R{top // 100}") for top in range(1000, 5000, 100)]
    strip = lines((60, 5000), texts, 22)
    assert list(reader.read_text(Picture.from_image(strip))) == [text for _, _, text in texts]


@pytest.mark.parametrize("border", ["white", "grey"])
def test_single_words_far_apart_on_a_tall_strip_are_all_read(reader: TextReader, border: str) -> None:
    texts = [(5, top, f"Nr{top // 100}") for top in range(100, 20_000, 4000)]
    strip = lines((60, 20_000), texts, 18)
    ImageDraw.Draw(strip).line([(0, 0), (0, 20_000)], border)
    assert list(reader.read_text(Picture.from_image(strip))) == [text for _, _, text in texts]


def test_small_words_on_a_long_thin_strip_are_read(reader: TextReader) -> None:
    strip = lines((3000, 12), [(10, 0, "The quick brown fox"), (2600, 0, "jumps over")], 10)
    assert "".join(reader.read_text(Picture.from_image(strip))).replace(" ", "") == "Thequickbrownfoxjumpsover"


def test_a_clock_at_the_end_of_a_bar_is_read_as_one(reader: TextReader) -> None:
    bar = Image.new("RGB", (340, 28), (240, 240, 240))
    ImageDraw.Draw(bar).text((100, 3), "Tue 14:35", (20, 20, 20), ImageFont.load_default(18))
    assert "".join(reader.read_text(Picture.from_image(bar))).replace(" ", "") == "Tue14:35"


def test_closing_the_gaps_of_a_strip_keeps_everything_drawn() -> None:
    strip = lines((4000, 30), [(900, 5, "here"), (3500, 5, "there")], 16)
    closed = close_gaps(strip)
    ink = [sum(level < 128 for level in picture.convert("L").tobytes()) for picture in (strip, closed)]
    assert ink[0] == ink[1] > 100 and closed.height == 30 and closed.width < 300


@pytest.mark.parametrize("size", [(1, 1), (5000, 1), (1, 5000), (1500, 5), (2, 400)])
def test_a_picture_of_single_pixels_has_no_text_and_no_fault(reader: TextReader, size: tuple[int, int]) -> None:
    assert list(reader.read_text(Picture.from_image(Image.new("RGB", size, "white")))) == []


@pytest.mark.parametrize("size", [(5000, 28), (60, 20_000), (4000, 4100), (7, 3)])
def test_tiles_cover_a_picture_once(size: tuple[int, int]) -> None:
    image = Image.effect_noise(size, 90).convert("RGB")
    covered = Image.new("RGB", size)
    area = 0
    for tile in cut_into_tiles(image):
        assert max(tile.image.size) <= 1920 and max(tile.image.size) <= 5 * min(tile.image.size)
        covered.paste(tile.image, (tile.left, tile.top))
        area += 1
    assert area >= size[0] * size[1] / 1920**2


def test_each_tile_of_a_long_strip_is_given_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed: list[float] = []
    monkeypatch.setattr(progress, "extend_step_limit", allowed.append)
    monkeypatch.setattr(TextReader, "detect_lines", lambda self, image: iter(()))
    noise = Picture.from_image(Image.effect_noise((60, 20_000), 90).convert("RGB"))
    assert list(TextReader.__new__(TextReader).read_text(noise)) == [] and len(allowed) >= 20_000 / 1920


def test_small_print_on_a_large_page_is_read(reader: TextReader) -> None:
    texts = [(100, top, f"small print number {top} is here") for top in range(200, 3900, 900)]
    read_lines = list(reader.read_text(Picture.from_image(lines((3000, 4000), texts, 15))))
    assert [line.replace(" ", "") for line in read_lines] == [text.replace(" ", "") for _, _, text in texts]


@pytest.mark.parametrize("size", [(3840, 28), (60, 20_000), (900, 1)])
def test_strip_of_noise_is_answered_without_invented_shapes(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.messages import Message

    starter = backends.load_responder("starter", LoadOptions())
    monkeypatch.setattr(TextReader, "read_text", lambda self, picture: (line for line in ()))
    strip = Picture.from_image(Image.effect_noise(size, 90).convert("RGB"))
    answer = "".join(map(str, starter.reply([Message("user", "Describe this picture.", (strip,))])))
    assert "cannot tell" in answer and starter.estimate_cost(strip)


def test_the_menu_bar_of_a_public_report_is_read_whole_and_as_a_region(cli: Callable[..., Ran]) -> None:
    if not SHARED_FILES.is_dir():
        missing("the folder of shared cases is not here")
    read = cli("read", SHARED_FILES / "menubar-4k.png")
    assert read.code == 0 and read.out.strip()
    answered = cli(
        "ask", "What does it say?", "--picture", SHARED_FILES / "menubar-4k.png", "--region", "0,0,3840,27", "--json"
    )
    assert answered.code == 0 and answered.ended["by"] == "reader"


def test_reading_a_long_page_stops_between_tiles(reader: TextReader, monkeypatch: pytest.MonkeyPatch) -> None:
    detected: list[object] = []
    monkeypatch.setattr(reader, "detect_lines", lambda image: iter(detected.append(image) or ()))
    steps = reader.read_steps(Picture.from_image(Image.effect_noise((60, 20_000), 200).convert("RGB")))
    assert next(steps) == "" and len(detected) == 1
    steps.close()
    assert len(detected) == 1
