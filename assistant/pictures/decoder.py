"""Opens picture and video files: a child process with limited memory and time decodes them."""

from __future__ import annotations

import os
import re
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, BinaryIO

from assistant.errors import InvalidInputError
from assistant.limited_child import LimitedChild
from assistant.pictures.formats import (
    DEFAULT_SAMPLING,
    FOREIGN_FILE,
    MAX_HEADER_BYTES,
    MAX_RGB_BYTES,
    OWN_FILE,
    FrameSampling,
    is_video,
)
from assistant.pictures.picture import Picture
from assistant.safe_open import open_regular_file
from assistant.text.i18n import tr, tr_noop
from assistant.typed_reader import parse_json, read_as

MAX_PICTURE_BYTES = 200 * 1024 * 1024
MAX_VIDEO_BYTES = 8 * 1024**3  # only the sampled frames are read
_DECODING_TIMEOUT_S = 15.0
_PAGE_SUFFIX = re.compile(r"(.+)#page=(\d{1,5})")


@dataclass(frozen=True)
class _PictureHeader:
    """The line of JSON that the child process writes before the pixels."""

    width: int
    height: int
    frames: int
    pages: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _DecoderRefusal:
    """The line of JSON that it writes instead if it refuses the file: the end of a sentence, and a hint."""

    error: str
    hint: str


def open_picture(path: Path, sampling: FrameSampling = DEFAULT_SAMPLING, is_own: bool = False) -> Picture:
    """Opens a picture as upright RGB: the first frame of a picture, several frames of a video.

    `path`: a file; `scan.tiff#page=2` is that page of a TIFF.
    `sampling`: which frames of a video.
    `is_own`: a PNG of the history, as `Picture.save_png` writes it.

    Raises `InvalidInputError` with the reason if it cannot be opened. The child process that decodes it gets the bytes
    only, not the file's name."""
    path, page = split_page(path)
    name = f"{path.name}#page={page}" if page else path.name
    with open_regular_file(path, "look", tr_noop("picture")) as file:
        file_is_video = is_video(file.read(32))
        if file.seek(0, 2) > (MAX_VIDEO_BYTES if file_is_video else MAX_PICTURE_BYTES):
            raise _make_too_large_error(path.name, file_is_video)
        file.seek(0)
        picture = _decode_in_process(
            name, [*_sampling_arguments(sampling), OWN_FILE if is_own else FOREIGN_FILE, str(page or 1)], file
        )
    if picture.page_count == 1 or page:
        return picture
    page_note = tr("It has {n} pages; this is page 1. Page 2 is “{name}#page=2”, and so on.")
    return replace(picture, notes=(page_note.format(n=picture.page_count, name=path.name), *picture.notes))


def split_page(path: Path) -> tuple[Path, int]:
    """Splits `scan.tiff#page=2` into path and page; page 0 without a suffix, or if a file has exactly this name."""
    match = _PAGE_SUFFIX.fullmatch(str(path))
    return (Path(match[1]), int(match[2])) if match and not os.path.lexists(path) else (path, 0)


def open_encoded(data: bytes, name: str) -> Picture:
    """Opens a picture from encoded bytes, as the clipboard gives them. Raises `InvalidInputError`."""
    if len(data) > MAX_PICTURE_BYTES:
        raise _make_too_large_error(name, False)
    return _decode_in_process(name, [*_sampling_arguments(DEFAULT_SAMPLING), FOREIGN_FILE, "1"], data)


def _sampling_arguments(sampling: FrameSampling) -> tuple[str, str]:
    return str(sampling.frames_per_second), str(sampling.max_frames)


def _make_too_large_error(name: str, is_video: bool) -> InvalidInputError:
    message = tr("“{name}” is larger than {what}.").format(name=name, what="8 GB" if is_video else "200 MB")
    return InvalidInputError("look", message, tr("Save it smaller."))


def _decode_in_process(name: str, arguments: list[str], source: BinaryIO | bytes) -> Picture:
    """Decodes an open file, or bytes, in a child process. Raises `InvalidInputError`."""
    with closing(LimitedChild("assistant.pictures.decoder_process", arguments, source, _DECODING_TIMEOUT_S)) as child:
        try:
            return _read_picture(name, child.output_stream)
        except ValueError:
            message = tr("“{name}” is damaged or needs too much memory.")
            if child.has_timed_out:
                message = tr("“{name}” took too long to open.")
            hint = tr("Save it smaller, a picture as PNG.")
            raise InvalidInputError("look", message.format(name=name), hint) from None


def _read_picture(name: str, output: IO[bytes]) -> Picture:
    """Reads the child's output. Raises `ValueError` unless it is a header and exactly its number of pixels."""
    table = parse_json(output.readline(MAX_HEADER_BYTES))
    if isinstance(table, dict) and "error" in table:
        refusal = read_as(_DecoderRefusal, table, "it")
        raise InvalidInputError("look", f"“{name}” {refusal.error}", refusal.hint)
    header = read_as(_PictureHeader, table, "it")
    size = header.width * header.height * header.frames * 3
    if min(header.width, header.height, header.frames, header.pages) < 1 or size > MAX_RGB_BYTES:
        raise ValueError("no such picture")
    rgb = output.read(size)
    if len(rgb) != size or output.read(1):
        raise ValueError("not as many pixels as were announced")
    return Picture(header.width, header.height, rgb, name, header.notes, header.frames, header.pages)
