"""Child process that decodes one picture or video from standard input to raw RGB on standard output.

It opens no file. Its output is one line of JSON (`width`, `height`, `frames`, `pages`, `notes`, or `error` and `hint`)
and then the pixels, frame by frame. Memory and processor time are limited (`limited_child`). On Windows they are not:
there the check of the size in the header, and the parent's time-out and limit on the output, have to suffice."""

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
# Formats that users try to open, for a clearer message.
UNSUPPORTED_FORMATS = (
    (b"%PDF", tr_noop("a PDF document")), (b"8BPS", tr_noop("a Photoshop document")),
    (b"\0\0\0\x0cjP  ", tr_noop("a JPEG 2000 picture")), (b"\xff\x4f\xff\x51", tr_noop("a JPEG 2000 picture")),
    (b"\0\0\0\x0cJXL ", tr_noop("a JPEG XL picture")), (b"\xff\x0a", tr_noop("a JPEG XL picture")),
    (b"\0\0\x01\0", tr_noop("an icon")), (b"%!PS", tr_noop("a PostScript drawing")),
)  # fmt: skip
MAX_PIXELS = 100_000_000
MAX_MEMORY_BYTES, MAX_CPU_SECONDS = 2 * 1024**3, 12
# What Pillow raises for damaged files; any other error ends this process, and the parent reports damage.
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    OverflowError,
)


class PictureRefusedError(Exception):
    """The picture is not opened. Arguments: the end of a sentence on why, and a hint."""


@dataclass(frozen=True)
class DecodeRequest:
    """How a file is opened."""

    sampling: FrameSampling  # which frames of a video
    is_own: bool = False  # a PNG of the history, in which a video's frames are stacked from top to bottom
    page: int = 1  # of a TIFF, from 1


@dataclass(frozen=True)
class DecodedPicture:
    """What was decoded."""

    frames: list[Image.Image]  # RGB, all of one size
    notes: list[str] = field(default_factory=list)  # sentences for the user
    page_count: int = 1  # of the file


def detect_format(head: bytes) -> str:
    """Pillow's name of the format with these first bytes. Raises `PictureRefusedError` if it is not supported."""
    for name, magic_numbers in MAGIC_NUMBERS.items():
        if head.startswith(magic_numbers):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if kind := still_format(head):
        return _still_decoder(kind)
    unsupported = next((description for magic, description in UNSUPPORTED_FORMATS if head.startswith(magic)), "")
    if b"<svg" in head[:4096].lower():
        unsupported = tr_noop("an SVG drawing")
    if unsupported:
        raise PictureRefusedError(
            tr("is {what}, which Hark does not open.").format(what=tr(unsupported)), tr("Save it as PNG.")
        )
    hint = tr("Use PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF, or a video.")
    raise PictureRefusedError(tr("is not a picture that Hark can open."), hint)


def _still_decoder(kind: str) -> str:
    """Checks that the decoder for AVIF or HEIF is installed. Raises `PictureRefusedError`."""
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
    """Decodes a picture to its first frame, upright, as RGB; a stacked PNG of the history to all its frames.

    Raises `PictureRefusedError`."""
    kind = detect_format(data)
    try:
        return _decode_still(kind, data, request)
    except PictureRefusedError:
        raise
    except MemoryError:
        raise _make_memory_error() from None
    except _DECODING_ERRORS as error:
        if "truncated" in str(error).lower():
            raise PictureRefusedError(tr("is cut off: its end is missing."), tr("Copy or download it again.")) from None
        hint = tr("Copy or download it again, or save it as PNG in a program that opens it.")
        raise PictureRefusedError(tr("is damaged, or a rare kind of {kind}.").format(kind=kind), hint) from None


def _make_memory_error() -> PictureRefusedError:
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
    if kind == "AVIF":  # Pillow puts the container's rotation into the EXIF data
        stripped.orientation = read_orientation(image.info.get("exif") or b"")
    frame_count = stripped.frame_count if request.is_own else 1
    if frame_count > 1 and size[0] * size[1] * 3 > MAX_RGB_BYTES:
        raise _make_memory_error()
    rgb = pixels.turn_upright(pixels.to_rgb(image, keep_size=frame_count > 1), stripped.orientation)
    if rgb.width * rgb.height < size[0] * size[1]:
        notes.append(tr("It was reduced to {width} x {height} pixels.").format(width=rgb.width, height=rgb.height))
    if frame_count == 1:
        return DecodedPicture([rgb], notes, pages)
    frame_height = rgb.height // frame_count
    return DecodedPicture(
        [rgb.crop((0, number * frame_height, rgb.width, (number + 1) * frame_height)) for number in range(frame_count)],
        notes,
    )


def _prepare_file(kind: str, data: bytes, page: int) -> tuple[BinaryIO, StrippedPicture, int]:
    """The file without its metadata, the facts read from these, and the number of pages. Raises
    `PictureRefusedError`."""
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
    tiff_page = tiff.pages[page - 1]
    return tiff.extract_page(tiff_page), StrippedPicture(b"", tiff_page.orientation), len(tiff.pages)


def _check_page(page: int, page_count: int) -> None:
    if not 1 <= page <= page_count:
        message = tr("has no page {page}; its last one is {pages}.").format(page=page, pages=page_count)
        raise PictureRefusedError(message, tr("Ask for another page."))


def _is_animated(image: Image.Image) -> bool:
    """Whether there are several frames; True if the second one is damaged."""
    with contextlib.suppress(*_DECODING_ERRORS):
        return bool(getattr(image, "is_animated", False))
    return True


def open_frames(source: BinaryIO, request: DecodeRequest) -> DecodedPicture:
    """Decodes a file: one frame of a picture, several of a video. Raises `PictureRefusedError`."""
    head = source.read(32)
    if not is_video(head):
        return decode_picture(head + source.read(), request)
    from assistant.pictures import video  # FFmpeg takes a while to load

    video_file = source if source.seekable() else io.BytesIO(head + source.read())
    video_file.seek(0)
    try:
        frames, length = video.sample_frames(video_file, request.sampling)
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
    """The output: the line of JSON, then the frames."""
    try:
        decoded = open_frames(source, request)
        first_frame = decoded.frames[0]
        header = {
            "width": first_frame.width, "height": first_frame.height, "frames": len(decoded.frames),
            "pages": decoded.page_count, "notes": decoded.notes,
        }  # fmt: skip
        yield json.dumps(header).encode() + b"\n"
        for frame in decoded.frames:
            yield frame.tobytes()
    except (PictureRefusedError, MemoryError) as error:
        message, hint = (error if isinstance(error, PictureRefusedError) else _make_memory_error()).args
        yield json.dumps({"error": message, "hint": hint}).encode() + b"\n"


def main() -> NoReturn:
    """Arguments: frames per second, most frames, `OWN_FILE` or `FOREIGN_FILE`, page."""
    i18n.use_inherited_language()
    limit_resources(MAX_MEMORY_BYTES, MAX_CPU_SECONDS)
    Image.MAX_IMAGE_PIXELS = None  # `MAX_PIXELS` is stricter and checked first
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    frames_per_second, max_frames, origin, page = sys.argv[1:]
    request = DecodeRequest(FrameSampling(float(frames_per_second), int(max_frames)), origin == OWN_FILE, int(page))
    for part in _encode_output(sys.stdin.buffer, request):
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()
