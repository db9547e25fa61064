"""Decodes one picture or video from standard input to raw RGB on standard output. Knows no file names, opens nothing.

Its output is one line of JSON (`width`, `height`, `frames`, `notes`, or `error` and `hint`) and then the pixels, frame
by frame. Memory and processor time are limited with setrlimit; on Windows the parent's time-out alone holds."""

from __future__ import annotations

import io
import json
import sys
from typing import Any, BinaryIO, NoReturn

from PIL import Image, ImageFile, ImageOps

from assistant.pictures.formats import OURS, STRIP, Sampling, is_video
from assistant.words import tongue
from assistant.words.tongue import tr

FORMATS = {
    "PNG": b"\x89PNG\r\n\x1a\n",
    "JPEG": b"\xff\xd8\xff",
    "GIF": b"GIF8",
    "BMP": b"BM",
    "TIFF": b"II*\0",
    "WEBP": b"RIFF",
}
MOST_PIXELS = 100_000_000
KEPT_PIXELS = 16_000_000  # larger pictures are reduced: no model looks closer
MEMORY, SECONDS = 2 * 1024**3, 12


class Refused(Exception):
    """The picture is not opened; carries the end of a sentence and the next step."""


def format_of(head: bytes) -> str:
    """The format that the first bytes tell. Raises `Refused`."""
    for name, magic in FORMATS.items():
        if head.startswith(magic) and (name != "WEBP" or head[8:12] == b"WEBP"):
            return name
    if head.startswith(b"MM\0*"):
        return "TIFF"
    if b"<svg" in head[:4096].lower():
        raise Refused(tr("is an SVG drawing, which Hark does not open."), tr("Save it as PNG."))
    raise Refused(tr("is not a picture that Hark can open."), tr("Use PNG, JPEG, WebP, GIF, BMP or TIFF, or a video."))


def decode(data: bytes, whole: bool = False) -> tuple[Image.Image, list[str]]:
    """The first frame, upright, as RGB; and what the user should know. `whole`: never reduced. Raises `Refused`."""
    kind = format_of(data)
    notes: list[str] = []
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=[kind])
        if image.width * image.height > MOST_PIXELS:
            size = f"{image.width} x {image.height}"
            raise Refused(tr("has {size} pixels, more than Hark opens.").format(size=size), tr("Save it smaller."))
        if getattr(image, "is_animated", False) and kind not in ("TIFF", "JPEG"):
            notes.append(tr("It is animated; its first frame is used."))
        if kind == "JPEG":
            image.draft("RGB", (4000, 4000))
        image.load()
        upright = ImageOps.exif_transpose(image) or image
        rgb = to_rgb(upright)
        rgb.info = {STRIP: image.info.get(STRIP, 1)}
    except Refused:
        raise
    except MemoryError:
        raise Refused(tr("needs more memory than Hark gives a picture."), tr("Save it smaller.")) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow raises; anything else ends this child
        cut = "truncated" in str(error) or "Truncated" in str(error)
        state = tr("is cut off: its end is missing.") if cut else tr("is damaged.")
        raise Refused(state, tr("Copy or download it again.")) from None
    if rgb.width * rgb.height > KEPT_PIXELS and not whole:
        scale = (KEPT_PIXELS / (rgb.width * rgb.height)) ** 0.5
        rgb = rgb.resize((max(1, int(rgb.width * scale)), max(1, int(rgb.height * scale))), reducing_gap=2.0)
        notes.append(tr("It was reduced to {width} x {height} pixels.").format(width=rgb.width, height=rgb.height))
    return rgb, notes


def to_rgb(image: Image.Image) -> Image.Image:
    """RGB on white, whatever the mode; 16-bit and floating greys are scaled, not clipped."""
    if image.mode.startswith("I") or image.mode == "F":
        _low, high = image.convert("F").getextrema()
        top = 65535.0 if image.mode.startswith("I") and float(high) > 255 else max(float(high), 1.0)  # type: ignore[arg-type]
        return image.convert("F").point(lambda level: level * (255.0 / top)).convert("L").convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        page = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        page.alpha_composite(layer)
        return page.convert("RGB")
    return image.convert("RGB")


def limit() -> None:
    """Caps this process's memory and processor time where the system can."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def opened(source: BinaryIO, sampling: Sampling, ours: bool) -> tuple[list[Image.Image], list[str]]:
    """The frames of what is in it, one for a picture; and what the user should know. Raises `Refused`.

    `ours`: a PNG of the history's own, where a video's frames stand one below the other."""
    head = source.read(32)
    if not is_video(head):
        image, notes = decode(head + source.read(), ours)
        count = int(image.info.get(STRIP, 1)) if ours else 1
        tall = image.height // count
        return [image.crop((0, at * tall, image.width, (at + 1) * tall)) for at in range(count)], notes
    from assistant.pictures import film  # a video's decoder takes a while to load

    whole = source if source.seekable() else io.BytesIO(head + source.read())
    whole.seek(0)
    try:
        frames, length = film.frames(whole, sampling)
    except film.NoFrames:
        raise Refused(
            tr("has no pictures in it that can be decoded."), tr("Convert it to MP4 and try again.")
        ) from None
    minutes, seconds = divmod(round(length), 60)
    return frames, [
        tr("It lasts {minutes}:{seconds:02}; {n} of its frames are looked at.").format(
            minutes=minutes, seconds=seconds, n=len(frames)
        )
    ]


def main() -> NoReturn:
    tongue.inherit()
    limit()
    Image.MAX_IMAGE_PIXELS = None  # our own check is stricter and comes first
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    out = sys.stdout.buffer
    try:
        frames, notes = opened(sys.stdin.buffer, Sampling(float(sys.argv[1]), int(sys.argv[2])), sys.argv[3] == OURS)
        pixels = b"".join(frame.tobytes() for frame in frames)
    except Refused as refusal:
        out.write(json.dumps({"error": refusal.args[0], "hint": refusal.args[1]}).encode() + b"\n")
        sys.exit(0)
    except MemoryError:
        facts: dict[str, Any] = {
            "error": tr("needs more memory than Hark gives a picture."),
            "hint": tr("Save it smaller."),
        }
        out.write(json.dumps(facts).encode() + b"\n")
        sys.exit(0)
    facts = {"width": frames[0].width, "height": frames[0].height, "frames": len(frames), "notes": notes}
    out.write(json.dumps(facts).encode() + b"\n")
    out.write(pixels)
    sys.exit(0)


if __name__ == "__main__":
    main()
