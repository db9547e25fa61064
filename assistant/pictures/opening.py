"""Opens untrusted pictures and videos through a limited child process. Knows nothing of what they show."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import BadInput
from assistant.files import open_regular
from assistant.pictures.formats import FOREIGN, OURS, STRIP, USUAL, Sampling, is_video
from assistant.words.tongue import mark, tr

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 200 * 1024 * 1024
MOST_VIDEO_BYTES = 8 * 1024**3  # only the frames that are looked at are read
_SECONDS = 15.0


@dataclass(frozen=True)
class Picture:
    """Decoded pixels. `rgb` is width x height x 3 bytes, row by row, for each of the `frames`: a video has several.

    `notes` is what the user should know of it."""

    width: int
    height: int
    rgb: bytes = field(repr=False)
    name: str = ""
    notes: tuple[str, ...] = ()
    frames: int = 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 of size and pixels: the same picture has the same digest, whatever its file."""
        return hashlib.sha256(b"%d %d " % (self.width, self.height) + self.rgb).hexdigest()

    @property
    def image(self) -> Image:
        """The pixels of the first frame as a Pillow image."""
        return self.images[0]

    @property
    def images(self) -> list[Image]:
        """All frames."""
        from PIL import Image

        size = self.width * self.height * 3
        parts = (self.rgb[at : at + size] for at in range(0, len(self.rgb), size))
        return [Image.frombytes("RGB", (self.width, self.height), part) for part in parts]

    def save(self, path: Path) -> None:
        """As a PNG that `open_picture` takes for the same again, as one of ours: frames stand one below the other."""
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        told = PngInfo()
        told.add_text(STRIP, str(self.frames))
        whole = Image.frombytes("RGB", (self.width, self.height * self.frames), self.rgb)
        whole.save(path, format="PNG", compress_level=1, pnginfo=told if self.frames > 1 else None)

    def part(self, box: tuple[int, int, int, int]) -> Picture:
        """What lies inside left, top, right, bottom. Raises `BadInput` for a box that is not in the picture."""
        left, top, right, bottom = box
        if not (0 <= left < right <= self.width and 0 <= top < bottom <= self.height):
            told = tr("“{name}” is {width} x {height} pixels; the region {box} is not in it.").format(
                name=self.name, width=self.width, height=self.height, box=",".join(map(str, box))
            )
            raise BadInput("look", told, tr("Give left, top, right and bottom in pixels."))
        return Picture.of(self.image.crop(box), f"{self.name} (part)")

    def cut(self, box: tuple[int, int, int, int]) -> Picture:
        """Cut to what lies inside; a video with all its frames. Raises `BadInput` for a box that is not in it."""
        part = self.part(box)
        rgb = b"".join(one.crop(box).tobytes() for one in self.images)
        return replace(self, width=part.width, height=part.height, rgb=rgb)

    def turned(self, quarters: int) -> Picture:
        """Turned so many times by 90 degrees, clockwise; a video with all its frames."""
        images = [one.rotate(-90 * (quarters % 4), expand=True) for one in self.images]
        rgb = b"".join(one.tobytes() for one in images)
        return replace(self, width=images[0].width, height=images[0].height, rgb=rgb)

    @classmethod
    def of(cls, image: Image, name: str = "") -> Picture:
        """A picture from pixels that we drew ourselves."""
        return cls(image.width, image.height, image.convert("RGB").tobytes(), name)


def open_picture(path: Path, sampling: Sampling = USUAL, ours: bool = False) -> Picture:
    """The picture in a file: first frame, upright, RGB; of a video some frames. Raises `BadInput` with the reason it
    cannot be opened. `ours`: a file of the history, as `Picture.save` writes it.

    The child that decodes it has little memory, few seconds and no name of the file, only its bytes."""
    with open_regular(path, "look", mark("picture")) as file:
        video = is_video(file.read(32))
        if file.seek(0, 2) > (MOST_VIDEO_BYTES if video else MOST_BYTES):
            raise BadInput(
                "look",
                tr("“{name}” is larger than {what}.").format(name=path.name, what="8 GB" if video else "200 MB"),
                tr("Save it smaller."),
            )
        file.seek(0)
        return _decoded(path.name, sampling, ours, stdin=file)


def open_encoded(data: bytes, name: str) -> Picture:
    """The same for a picture that is in memory, as the clipboard gives it."""
    return _decoded(name, USUAL, False, input=data)


def _decoded(name: str, sampling: Sampling, ours: bool, **source: Any) -> Picture:
    smaller = tr("Save it smaller, a picture as PNG.")
    told = (str(sampling.rate), str(sampling.most), OURS if ours else FOREIGN)
    command = [sys.executable, "-P", "-m", "assistant.pictures.child", *told]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, **source)
    except subprocess.TimeoutExpired:
        raise BadInput("look", tr("“{name}” took too long to open.").format(name=name), smaller) from None
    head, _, rgb = done.stdout.partition(b"\n")
    damaged = BadInput("look", tr("“{name}” is damaged or needs too much memory.").format(name=name), smaller)
    try:
        facts = json.loads(head)
    except ValueError:
        raise damaged from None
    if "error" in facts:
        raise BadInput("look", f"“{name}” {facts['error']}", facts["hint"])
    if len(rgb) != facts["width"] * facts["height"] * 3 * facts["frames"]:
        raise damaged
    return Picture(facts["width"], facts["height"], rgb, name, tuple(facts["notes"]), facts["frames"])
