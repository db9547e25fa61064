"""A decoded picture or video as a value."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import InvalidInputError
from assistant.pictures.formats import FRAME_COUNT_KEY
from assistant.text.i18n import tr

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Picture:
    """The pixels of a picture, or of several frames of a video."""

    width: int  # pixels
    height: int  # pixels
    rgb: bytes = field(repr=False)  # height x width x 3 bytes for each frame
    name: str = ""  # of its file
    notes: tuple[str, ...] = ()  # sentences for the user on how it was opened
    frame_count: int = 1  # a video has several
    page_count: int = 1  # of its file

    @cached_property
    def digest(self) -> str:
        """SHA-256 of size and pixels in hexadecimal: the same picture in another file has the same digest."""
        return hashlib.sha256(b"%d %d " % (self.width, self.height) + self.rgb).hexdigest()

    @property
    def first_image(self) -> Image:
        """The pixels of the first frame as a Pillow image."""
        return self.frame_images[0]

    @property
    def frame_images(self) -> list[Image]:
        """All frames as Pillow images."""
        from PIL import Image

        size = self.width * self.height * 3
        frames = (self.rgb[start : start + size] for start in range(0, len(self.rgb), size))
        return [Image.frombytes("RGB", (self.width, self.height), frame) for frame in frames]

    def save_png(self, path: Path) -> None:
        """Saves a PNG that `open_picture(path, is_own=True)` reads back; frames are stacked from top to bottom."""
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        chunks = PngInfo()
        chunks.add_text(FRAME_COUNT_KEY, str(self.frame_count))
        stacked = Image.frombytes("RGB", (self.width, self.height * self.frame_count), self.rgb)
        stacked.save(path, format="PNG", compress_level=1, pnginfo=chunks if self.frame_count > 1 else None)

    def crop_region(self, box: tuple[int, int, int, int]) -> Picture:
        """The first frame's part inside `box`: left, top, right, bottom in pixels.

        Raises `InvalidInputError` if the box is not inside the picture."""
        left, top, right, bottom = box
        if not (0 <= left < right <= self.width and 0 <= top < bottom <= self.height):
            message = tr("“{name}” is {width} x {height} pixels; the region {box} is not in it.").format(
                name=self.name, width=self.width, height=self.height, box=",".join(map(str, box))
            )
            raise InvalidInputError("look", message, tr("Give left, top, right and bottom in pixels."))
        return Picture.from_image(self.first_image.crop(box), f"{self.name} (part)")

    def crop(self, box: tuple[int, int, int, int]) -> Picture:
        """Crops all frames to `box` as `crop_region` does. Raises `InvalidInputError`."""
        region = self.crop_region(box)
        rgb = b"".join(image.crop(box).tobytes() for image in self.frame_images)
        return replace(self, width=region.width, height=region.height, rgb=rgb)

    def rotate(self, quarters: int) -> Picture:
        """Rotates all frames clockwise by this many quarter turns."""
        images = [image.rotate(-90 * (quarters % 4), expand=True) for image in self.frame_images]
        rgb = b"".join(image.tobytes() for image in images)
        return replace(self, width=images[0].width, height=images[0].height, rgb=rgb)

    @classmethod
    def from_image(cls, image: Image, name: str = "") -> Picture:
        """A picture of one frame from a Pillow image."""
        return cls(image.width, image.height, image.convert("RGB").tobytes(), name)
