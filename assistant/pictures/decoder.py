"""Opens picture and video files in a limited process, and hands over their pixels."""

from __future__ import annotations

import os
import re
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

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

if TYPE_CHECKING:
    pass

MAX_PICTURE_BYTES = 200 * 1024 * 1024
MAX_VIDEO_BYTES = 8 * 1024**3  # only the frames that are looked at are read
_DECODING_TIMEOUT_S = 15.0
_PAGE = re.compile(r"(.+)#page=(\d{1,5})")


@dataclass(frozen=True)
class _PictureHeader:
    """What the decoding child says before the pixels."""

    width: int
    height: int
    frames: int
    pages: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _DecoderRefusal:
    """Or why there are none: the end of a sentence, and the next step."""

    error: str
    hint: str


def open_picture(path: Path, sampling: FrameSampling = DEFAULT_SAMPLING, is_own: bool = False) -> Picture:
    """The picture in a file: first frame, upright, RGB; of a video some frames. `scan.tiff#page=2` is that page of a
    TIFF. Raises `BadInput` with the reason it cannot be opened. `ours`: a file of the history, as `Picture.save` writes
    it.

    The child that decodes it has little memory, few seconds and no name of the file, only its bytes."""
    path, page = split_page(path)
    name = f"{path.name}#page={page}" if page else path.name
    with open_regular_file(path, "look", tr_noop("picture")) as file:
        video = is_video(file.read(32))
        if file.seek(0, 2) > (MAX_VIDEO_BYTES if video else MAX_PICTURE_BYTES):
            raise _too_large(path.name, video)
        file.seek(0)
        picture = _decode_in_process(
            name, [*_sampling_arguments(sampling), OWN_FILE if is_own else FOREIGN_FILE, str(page or 1)], file
        )
    if picture.page_count == 1 or page:
        return picture
    note = tr("It has {n} pages; this is page 1. Page 2 is “{name}#page=2”, and so on.")
    return replace(picture, notes=(note.format(n=picture.page_count, name=path.name), *picture.notes))


def split_page(path: Path) -> tuple[Path, int]:
    """A file's path and the page that is asked for behind it, 0 for none; a file of just this name has none."""
    match = _PAGE.fullmatch(str(path))
    return (Path(match[1]), int(match[2])) if match and not os.path.lexists(path) else (path, 0)


def open_encoded(data: bytes, name: str) -> Picture:
    """The same for a picture that is in memory, as the clipboard gives it."""
    if len(data) > MAX_PICTURE_BYTES:
        raise _too_large(name, False)
    return _decode_in_process(name, [*_sampling_arguments(DEFAULT_SAMPLING), FOREIGN_FILE, "1"], data)


def _sampling_arguments(sampling: FrameSampling) -> tuple[str, str]:
    return str(sampling.frames_per_second), str(sampling.max_frames)


def _too_large(name: str, is_video: bool) -> InvalidInputError:
    told = tr("“{name}” is larger than {what}.").format(name=name, what="8 GB" if is_video else "200 MB")
    return InvalidInputError("look", told, tr("Save it smaller."))


def _decode_in_process(name: str, arguments: list[str], source: BinaryIO | bytes) -> Picture:
    """What the child makes of an open file, or of bytes."""
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
    """Raises `ValueError` for anything but facts and so many pixels; never reads more than these."""
    head = parse_json(output.readline(MAX_HEADER_BYTES))
    if isinstance(head, dict) and "error" in head:
        refusal = read_as(_DecoderRefusal, head, "it")
        raise InvalidInputError("look", f"“{name}” {refusal.error}", refusal.hint)
    facts = read_as(_PictureHeader, head, "it")
    size = facts.width * facts.height * facts.frames * 3
    if min(facts.width, facts.height, facts.frames, facts.pages) < 1 or size > MAX_RGB_BYTES:
        raise ValueError("no such picture")
    rgb = output.read(size)
    if len(rgb) != size or output.read(1):
        raise ValueError("not as many pixels as were announced")
    return Picture(facts.width, facts.height, rgb, name, facts.notes, facts.frames, facts.pages)
