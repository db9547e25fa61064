"""Decodes one picture or video from standard input to raw RGB on standard output. Knows no file names, opens nothing.

Its output is one line of JSON (`width`, `height`, `frames`, `pages`, `notes`, or `error` and `hint`) and then the
pixels, frame by frame. Memory and processor time are limited (`limited_child`), but not on Windows: there the size in a
picture's header, which is checked before decoding, the most bytes that the parent takes, and its time-out hold."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

from PIL import Image, ImageFile, features

from assistant.limited_child import limit_resources
from assistant.pictures import pixels
from assistant.pictures.formats import MAX_RGB_BYTES, OWN_FILE, FrameSampling, is_video, still_format
from assistant.pictures.metadata import StrippedPicture, read_orientation, strip_metadata
from assistant.pictures.tiff import TiffFile
from assistant.text import i18n
from assistant.text.i18n import tr, tr_noop

MAGIC_NUMBERS = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "GIF": (b"GIF8",),
    "BMP": (b"BM",),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
# What is often taken for a picture that opens.
UNSUPPORTED_FORMATS = (
    (b"%PDF", tr_noop("a PDF document")), (b"8BPS", tr_noop("a Photoshop document")),
    (b"\0\0\0\x0cjP  ", tr_noop("a JPEG 2000 picture")), (b"\xff\x4f\xff\x51", tr_noop("a JPEG 2000 picture")),
    (b"\0\0\0\x0cJXL ", tr_noop("a JPEG XL picture")), (b"\xff\x0a", tr_noop("a JPEG XL picture")),
    (b"\0\0\x01\0", tr_noop("an icon")), (b"%!PS", tr_noop("a PostScript drawing")),
)  # fmt: skip
MAX_PIXELS = 100_000_000
MAX_MEMORY_BYTES, MAX_CPU_SECONDS = 2 * 1024**3, 12
# What Pillow raises for a damaged file; anything else ends this child, which the parent tells.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, OverflowError)


class PictureRefusedError(Exception):
    """The picture is not opened; carries the end of a sentence and the next step."""


@dataclass(frozen=True)
class DecodeRequest:
    """How a file is opened. `ours`: a PNG of the history's own, where a video's frames stand one below the other.
    `page` of a TIFF counts from 1."""

    sampling: FrameSampling
    is_own: bool = False
    page: int = 1


@dataclass(frozen=True)
class DecodedPicture:
    """Frames of one size, how many pages the file has, and what the user should know of it."""

    frames: list[Image.Image]
    notes: list[str] = field(default_factory=list)
    page_count: int = 1


def detect_format(head: bytes) -> str:
    """The format that the first bytes tell, as Pillow names it. Raises `Refused`."""
    for name, magics in MAGIC_NUMBERS.items():
        if head.startswith(magics):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if kind := still_format(head):
        return _still_decoder(kind)
    other = next((what for magic, what in UNSUPPORTED_FORMATS if head.startswith(magic)), "")
    if b"<svg" in head[:4096].lower():
        other = tr_noop("an SVG drawing")
    if other:
        raise PictureRefusedError(
            tr("is {what}, which Hark does not open.").format(what=tr(other)), tr("Save it as PNG.")
        )
    hint = tr("Use PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF, or a video.")
    raise PictureRefusedError(tr("is not a picture that Hark can open."), hint)


def _still_decoder(kind: str) -> str:
    """Makes sure that what decodes AVIF or HEIC is installed. Raises `Refused`."""
    if kind == "AVIF":
        if not features.check("avif"):
            raise PictureRefusedError(
                tr("is not a picture that this Pillow can open: it is AVIF."),
                tr("Install a newer one (pip install --upgrade pillow), or save the picture as PNG."),
            )
        return kind
    try:
        import pillow_heif
    except ImportError:
        raise PictureRefusedError(
            tr("is not a picture that Hark can open as it is installed: HEIC needs pillow-heif."),
            tr("Install it (pip install pillow-heif), or save the picture as JPEG."),
        ) from None
    pillow_heif.register_heif_opener(thumbnails=False)
    return kind


def decode_picture(data: bytes, request: DecodeRequest) -> DecodedPicture:
    """The first frame, upright, as RGB; a strip of the history cut into its frames. Raises `Refused`."""
    kind = detect_format(data)
    try:
        return _decode_still(kind, data, request)
    except PictureRefusedError:
        raise
    except MemoryError:
        raise _needs_memory() from None
    except _DAMAGE as error:
        if "truncated" in str(error).lower():
            raise PictureRefusedError(tr("is cut off: its end is missing."), tr("Copy or download it again.")) from None
        hint = tr("Copy or download it again, or save it as PNG in a program that opens it.")
        raise PictureRefusedError(tr("is damaged, or a rare kind of {kind}.").format(kind=kind), hint) from None


def _needs_memory() -> PictureRefusedError:
    return PictureRefusedError(tr("needs more memory than Hark gives a picture."), tr("Save it smaller."))


def _decode_still(kind: str, data: bytes, request: DecodeRequest) -> DecodedPicture:
    file, stripped, pages = _prepare_file(kind, data, request.page)
    del data
    image: Image.Image = Image.open(file, formats=[kind])
    size = image.size
    if size[0] * size[1] > MAX_PIXELS:
        message = tr("has {size} pixels, more than Hark opens.").format(size=f"{size[0]} x {size[1]}")
        raise PictureRefusedError(message, tr("Save it smaller."))
    notes = []
    if stripped.is_animated or (kind in ("GIF", "WEBP", "AVIF") and _is_animated(image)):
        notes.append(tr("It is animated; its first frame is used."))
    if kind == "JPEG":
        image.draft("RGB", (4000, 4000))
    image.load()
    if kind == "AVIF":  # Pillow tells here how the container turns it
        stripped.orientation = read_orientation(image.info.get("exif") or b"")
    count = stripped.frame_count if request.is_own else 1
    if count > 1 and size[0] * size[1] * 3 > MAX_RGB_BYTES:
        raise _needs_memory()
    rgb = pixels.turn_upright(pixels.to_rgb(image, keep_size=count > 1), stripped.orientation)
    if rgb.width * rgb.height < size[0] * size[1]:
        notes.append(tr("It was reduced to {width} x {height} pixels.").format(width=rgb.width, height=rgb.height))
    if count == 1:
        return DecodedPicture([rgb], notes, pages)
    tall = rgb.height // count
    return DecodedPicture([rgb.crop((0, at * tall, rgb.width, (at + 1) * tall)) for at in range(count)], notes)


def _prepare_file(kind: str, data: bytes, page: int) -> tuple[BinaryIO, StrippedPicture, int]:
    """The file without its metadata, what these said, and how many pages there are. Raises `Refused`."""
    if kind != "TIFF":
        _check_page(page, 1)
        stripped = strip_metadata(kind, data)
        return (
            io.BytesIO(stripped.data),
            StrippedPicture(b"", stripped.orientation, stripped.frame_count, stripped.is_animated),
            1,
        )
    tiff = TiffFile(data)
    if not tiff.pages:
        raise SyntaxError("no directory")
    _check_page(page, len(tiff.pages))
    chosen = tiff.pages[page - 1]
    return tiff.extract_page(chosen), StrippedPicture(b"", chosen.orientation), len(tiff.pages)


def _check_page(page: int, pages: int) -> None:
    if not 1 <= page <= pages:
        message = tr("has no page {page}; its last one is {pages}.").format(page=page, pages=pages)
        raise PictureRefusedError(message, tr("Ask for another page."))


def _is_animated(image: Image.Image) -> bool:
    """A damaged second frame is no reason not to show the first."""
    with contextlib.suppress(*_DAMAGE):
        return bool(getattr(image, "is_animated", False))
    return True


def open_frames(source: BinaryIO, request: DecodeRequest) -> DecodedPicture:
    """What is in the file: one frame of a picture, several of a video. Raises `Refused`."""
    head = source.read(32)
    if not is_video(head):
        return decode_picture(head + source.read(), request)
    from assistant.pictures import video  # a video's decoder takes a while to load

    whole = source if source.seekable() else io.BytesIO(head + source.read())
    whole.seek(0)
    try:
        frames, length = video.sample_frames(whole, request.sampling)
    except video.NoFramesError:
        raise PictureRefusedError(
            tr("has no pictures in it that can be decoded."), tr("Convert it to MP4 and try again.")
        ) from None
    minutes, seconds = divmod(round(length), 60)
    return DecodedPicture(
        frames,
        [
            tr("It lasts {minutes}:{seconds:02}; {n} of its frames are looked at.").format(
                minutes=minutes, seconds=seconds, n=len(frames)
            )
        ],
    )


def _encode_output(source: BinaryIO, request: DecodeRequest) -> Iterator[bytes]:
    """The line of JSON, then the frames."""
    try:
        decoded = open_frames(source, request)
        first = decoded.frames[0]
        facts = {
            "width": first.width, "height": first.height, "frames": len(decoded.frames), "pages": decoded.page_count,
            "notes": decoded.notes,
        }  # fmt: skip
        yield json.dumps(facts).encode() + b"\n"
        for frame in decoded.frames:
            yield frame.tobytes()
    except (PictureRefusedError, MemoryError) as error:
        message, hint = (error if isinstance(error, PictureRefusedError) else _needs_memory()).args
        yield json.dumps({"error": message, "hint": hint}).encode() + b"\n"


def main() -> NoReturn:
    """The arguments: frames a second, the most frames, whether it is ours, the page."""
    i18n.use_inherited_language()
    limit_resources(MAX_MEMORY_BYTES, MAX_CPU_SECONDS)
    Image.MAX_IMAGE_PIXELS = None  # our own check is stricter and comes first
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    rate, most, whose, page = sys.argv[1:]
    request = DecodeRequest(FrameSampling(float(rate), int(most)), whose == OWN_FILE, int(page))
    for part in _encode_output(sys.stdin.buffer, request):
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()
