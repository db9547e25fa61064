"""Opens untrusted pictures and videos through a limited child process. Knows nothing of what they show."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import InvalidInputError
from assistant.pictures.formats import (
    FRAME_COUNT_KEY,
)
from assistant.text.i18n import tr

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Picture:
    """Decoded pixels. `rgb` is width x height x 3 bytes, row by row, for each of the `frames`: a video has several.

    `notes` is what the user should know of it; `pages` are those of the file that it is one of."""

    width: int
    height: int
    rgb: bytes = field(repr=False)
    name: str = ""
    notes: tuple[str, ...] = ()
    frame_count: int = 1
    page_count: int = 1

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
        told.add_text(FRAME_COUNT_KEY, str(self.frame_count))
        whole = Image.frombytes("RGB", (self.width, self.height * self.frame_count), self.rgb)
        whole.save(path, format="PNG", compress_level=1, pnginfo=told if self.frame_count > 1 else None)

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
