"""Opens untrusted pictures and videos through a limited child process. Knows nothing of what they show."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from assistant.errors import InvalidInputError
from assistant.limited_child import LimitedChild
from assistant.pictures.formats import (
    FOREIGN,
    MAX_FACTS_BYTES,
    MAX_RGB_BYTES,
    OURS,
    STRIP,
    USUAL,
    FrameSampling,
    is_video,
)
from assistant.safe_open import open_regular_file
from assistant.text.i18n import tr, tr_noop
from assistant.typed_reader import parse_json, read_as

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PICTURE_BYTES = 200 * 1024 * 1024
MAX_VIDEO_BYTES = 8 * 1024**3  # only the frames that are looked at are read
_DECODING_TIMEOUT_S = 15.0
_PAGE = re.compile(r"(.+)#page=(\d{1,5})")


@dataclass(frozen=True)
class Picture:
    """Decoded pixels. `rgb` is width x height x 3 bytes, row by row, for each of the `frames`: a video has several.

    `notes` is what the user should know of it; `pages` are those of the file that it is one of."""

    width: int
    height: int
    rgb: bytes = field(repr=False)
    name: str = ""
    notes: tuple[str, ...] = ()
    frames: int = 1
    pages: int = 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 of size and pixels: the same picture has the same digest, whatever its file."""
        return hashlib.sha256(b"%d %d " % (self.width, self.height) + self.rgb).hexdigest()

    @property
    def first_image(self) -> Image:
        """The pixels of the first frame as a Pillow image."""
        return self.frame_images[0]

    @property
    def frame_images(self) -> list[Image]:
        """All frames."""
        from PIL import Image

        size = self.width * self.height * 3
        parts = (self.rgb[at : at + size] for at in range(0, len(self.rgb), size))
        return [Image.frombytes("RGB", (self.width, self.height), part) for part in parts]

    def save_png(self, path: Path) -> None:
        """As a PNG that `open_picture` takes for the same again, as one of ours: frames stand one below the other."""
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        told = PngInfo()
        told.add_text(STRIP, str(self.frames))
        whole = Image.frombytes("RGB", (self.width, self.height * self.frames), self.rgb)
        whole.save(path, format="PNG", compress_level=1, pnginfo=told if self.frames > 1 else None)

    def crop_region(self, box: tuple[int, int, int, int]) -> Picture:
        """What lies inside left, top, right, bottom. Raises `BadInput` for a box that is not in the picture."""
        left, top, right, bottom = box
        if not (0 <= left < right <= self.width and 0 <= top < bottom <= self.height):
            told = tr("“{name}” is {width} x {height} pixels; the region {box} is not in it.").format(
                name=self.name, width=self.width, height=self.height, box=",".join(map(str, box))
            )
            raise InvalidInputError("look", told, tr("Give left, top, right and bottom in pixels."))
        return Picture.from_image(self.first_image.crop(box), f"{self.name} (part)")

    def crop(self, box: tuple[int, int, int, int]) -> Picture:
        """Cut to what lies inside; a video with all its frames. Raises `BadInput` for a box that is not in it."""
        part = self.crop_region(box)
        rgb = b"".join(one.crop(box).tobytes() for one in self.frame_images)
        return replace(self, width=part.width, height=part.height, rgb=rgb)

    def rotate(self, quarters: int) -> Picture:
        """Turned so many times by 90 degrees, clockwise; a video with all its frames."""
        images = [one.rotate(-90 * (quarters % 4), expand=True) for one in self.frame_images]
        rgb = b"".join(one.tobytes() for one in images)
        return replace(self, width=images[0].width, height=images[0].height, rgb=rgb)

    @classmethod
    def from_image(cls, image: Image, name: str = "") -> Picture:
        """A picture from pixels that we drew ourselves."""
        return cls(image.width, image.height, image.convert("RGB").tobytes(), name)


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


def open_picture(path: Path, sampling: FrameSampling = USUAL, ours: bool = False) -> Picture:
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
            name, [*_sampling_arguments(sampling), OURS if ours else FOREIGN, str(page or 1)], file
        )
    if picture.pages == 1 or page:
        return picture
    note = tr("It has {n} pages; this is page 1. Page 2 is “{name}#page=2”, and so on.")
    return replace(picture, notes=(note.format(n=picture.pages, name=path.name), *picture.notes))


def split_page(path: Path) -> tuple[Path, int]:
    """A file's path and the page that is asked for behind it, 0 for none; a file of just this name has none."""
    match = _PAGE.fullmatch(str(path))
    return (Path(match[1]), int(match[2])) if match and not os.path.lexists(path) else (path, 0)


def open_encoded(data: bytes, name: str) -> Picture:
    """The same for a picture that is in memory, as the clipboard gives it."""
    if len(data) > MAX_PICTURE_BYTES:
        raise _too_large(name, False)
    return _decode_in_process(name, [*_sampling_arguments(USUAL), FOREIGN, "1"], data)


def _sampling_arguments(sampling: FrameSampling) -> tuple[str, str]:
    return str(sampling.rate), str(sampling.most)


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
    head = parse_json(output.readline(MAX_FACTS_BYTES))
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
