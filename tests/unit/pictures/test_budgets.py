"""Memory that pictures take in the limited child and in the parent, and what the parent accepts from a faulty child."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from assistant.errors import InvalidInputError
from assistant.history import turn_recorder
from assistant.pictures import Picture, decoder, open_encoded, open_picture
from assistant.pictures.formats import MAX_RGB_BYTES
from tests.support.measured_process import run_measured


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def empty_png(path: Path, width: int, height: int, colours: int, *chunks: bytes) -> Path:
    """Write a PNG of zeros, which stays small at any size. `colours` is 0 for one bit, 2 for RGB, 6 for RGBA."""
    bits, samples = (1, 1) if colours == 0 else (8, {2: 3, 6: 4}[colours])
    row, packer = bytes(1 + (width * bits * samples + 7) // 8), zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    body = b"".join((chunk(b"IHDR", header), *chunks, chunk(b"IDAT", pixels), chunk(b"IEND", b"")))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="the kernel counts it elsewhere")
@pytest.mark.parametrize(("colours", "most"), [(0, 350), (2, 650), (6, 650)])
def test_a_picture_of_100_megapixels_stays_within_its_budget(tmp_path: Path, colours: int, most: int) -> None:
    """As one of the history's own, as an import brings it: parent and child, in megabytes at most."""
    path = empty_png(tmp_path / "huge.png", 10_000, 10_000, colours)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from assistant.pictures import open_picture\n"
        "picture = open_picture(Path(sys.argv[1]), is_own=True)\n"
        "from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage\n"
        "used = [getrusage(who).ru_maxrss // 1024 for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]\n"
        "print(picture.width * picture.height, *used)\n"
    )
    pixels, parent, child = run_measured(code, path)
    assert pixels <= 16_000_000 and parent < 150 and child < most


def test_a_strip_of_the_history_is_no_larger_than_a_video_can_be(tmp_path: Path) -> None:
    marker_chunk = chunk(b"tEXt", b"hark-frames\x0064")
    path = empty_png(tmp_path / "strip.png", 1500, 50_000, 2, marker_chunk)
    assert MAX_RGB_BYTES < 1500 * 50_000 * 3
    with pytest.raises(InvalidInputError, match="more memory"):
        open_picture(path, is_own=True)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('nonsense')", "damaged"),
        ("print('5')", "damaged"),
        ("print('[' * 100000)", r"damaged|too long"),
        ("print('{\"width\": 1e999}')", "damaged"),
        ('print(\'{"error": 5, "hint": null}\')', "damaged"),
        ("print(FACTS % (4, -2, 1)); print('x' * 23)", "damaged"),
        ("print(FACTS % (4, 2, 1)); print('x' * 5)", "damaged"),
        ("print(FACTS % (4, 2, 1)); print('x' * 5000)", "damaged"),
        ("print(FACTS % (400000, 200000, 1)); print('x')", "damaged"),
        ("[print('x' * 65536, end='') for _ in iter(int, 1)]", r"damaged|too long"),
        ("print(FACTS % (4, 2, 1)); import time; time.sleep(600)", "took too long"),
        ("import time; time.sleep(600)", "took too long"),
        ("import os; os.abort()", "damaged"),
    ],
)
def test_decoder_child_that_lies_or_never_ends_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    program = tmp_path / "child"
    facts = '{"width": %d, "height": %d, "frames": %d, "pages": 1, "notes": []}'
    program.write_text(f"#!{sys.executable}\nFACTS = {facts!r}\n{code}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(decoder, "_DECODING_TIMEOUT_S", 3.0)
    for data in (b"\x89PNG", b"\x89PNG" + bytes(3_000_000)):  # the child need not read it
        with pytest.raises(InvalidInputError, match=message):
            open_encoded(data, "a.png")


def test_the_clipboards_picture_has_the_limit_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "MAX_PICTURE_BYTES", 1000)
    with pytest.raises(InvalidInputError, match="larger than"):
        open_encoded(bytes(1001), "a.png")


def test_a_reduced_picture_has_no_seams(tmp_path: Path) -> None:
    """A picture reduced band by band equals one reduced at once, except for rounding."""
    import numpy as np

    waves = np.add.outer(np.sin(np.arange(5003) / 9), np.sin(np.arange(4001) / 7))
    image = Image.fromarray(np.uint8(127 + 60 * waves)).convert("RGB")
    image.save(tmp_path / "a.png", compress_level=1)
    picture = open_picture(tmp_path / "a.png")
    whole = np.asarray(image.resize((picture.width, picture.height)), np.int16)
    assert np.abs(np.asarray(picture.first_image, np.int16) - whole).max() <= 2
    assert "reduced" in picture.notes[0]


def test_a_pictures_file_may_be_named_like_a_page(tmp_path: Path) -> None:
    assert decoder.split_page(Path("x" * 5000 + "#page=2"))[1] == 2
    assert decoder.split_page(Path("a\0#page=2"))[1] == 2
    os.close(os.open(tmp_path / "a#page=3", os.O_CREAT))
    assert decoder.split_page(tmp_path / "a#page=3") == (tmp_path / "a#page=3", 0)


def test_saved_picture_reads_back_with_the_same_digest(tmp_path: Path) -> None:
    picture = Picture(640, 480, os.urandom(640 * 480 * 3))
    picture.save_png(tmp_path / "a.png")
    assert open_picture(tmp_path / "a.png", is_own=True).digest == picture.digest


def test_a_conversations_oldest_pictures_are_left_out_where_all_would_take_too_much(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = turn_recorder.TurnRecorder(home)
    conversation = recorder.start_conversation("many")
    pictures = [Picture.from_image(Image.new("RGB", (10, 10), (level, 0, 0)), f"{level}.png") for level in range(4)]
    for first in (0, 2):
        turn = recorder.add_turn(conversation, "What?", tuple(pictures[first : first + 2]))
        recorder.update_turn(turn, "What?", "A picture.", "tiny", "answered")
    monkeypatch.setattr(turn_recorder, "MAX_PIXEL_BYTES", 700)
    sent_names = [
        [picture.name for picture in message.pictures]
        for message in turn_recorder.load_messages(recorder, conversation)
    ]
    assert sent_names == [["0.png"], [], ["2.png", "3.png"], []]
    recorder.close()
