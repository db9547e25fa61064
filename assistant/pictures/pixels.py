"""Converts decoded pixels of any mode to upright RGB of limited size; runs in the decoding process.

A large picture is converted and reduced band by band: a full-size copy in a wider mode would take four times the memory
of the result."""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import Image, ImageChops, ImageFilter

MAX_OUTPUT_PIXELS = 16_000_000  # larger pictures are reduced; no model uses more

_BAND_ROWS = 256
_FILTER_REACH_ROWS = 3  # rows of the result beyond a band that the resampling filter reads
# Greys behind transparent pictures in order of preference, and the share of the ink that must stand out from each.
_BACKGROUND_CHOICES = ((255, 0.9), (30, 0.98), (118, 1.01))
_MIN_VISIBLE_LEVELS = 90  # difference in brightness between ink and background; pure green on white has 105
_INK_SIDE_PX = 1024  # longer side at which the ink is measured
_MIN_INK_ALPHA = 32  # pixels with less alpha count as transparent

_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def to_rgb(image: Image.Image, keep_size: bool = False) -> Image.Image:
    """Converts to RGB of at most `MAX_OUTPUT_PIXELS`, or of the same size with `keep_size`.

    Transparent pictures get the background on which most of their ink is visible. 16-bit and floating-point greys are
    scaled, not clipped."""
    convert = _make_converter(image)
    width, height = image.size
    if width * height > MAX_OUTPUT_PIXELS and not keep_size:
        scale = math.sqrt(MAX_OUTPUT_PIXELS / (width * height))
        layer = _reduce_in_bands(image, (max(1, int(width * scale)), max(1, int(height * scale))), convert)
    else:
        layer = convert(image)
    if layer.mode == "RGB":
        return layer
    canvas = Image.new("RGBA", layer.size, (choose_background(layer),) * 3 + (255,))
    canvas.alpha_composite(layer)
    return canvas.convert("RGB")


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Flips and rotates as EXIF's Orientation tag (1 to 8) says."""
    method = _TRANSPOSITIONS.get(orientation)
    return image if method is None else image.transpose(method)


def choose_background(layer: Image.Image) -> int:
    """The grey level on which an RGBA picture's ink is visible: white if that suffices, else dark, else medium.

    Ink means the opaque pixels next to transparent ones; pixels further inside have a background of their own."""
    small = (
        layer.copy() if max(layer.size) <= _INK_SIDE_PX else layer.resize(_fit_ink_size(layer.size), reducing_gap=2.0)
    )
    alpha = small.getchannel("A")
    ink = alpha.point(lambda level: 255 * (level >= _MIN_INK_ALPHA))
    inside = ink.filter(ImageFilter.MinFilter(5))
    edge = ImageChops.subtract(ink, inside)
    levels = small.convert("RGB").convert("L").histogram(edge if edge.getbbox() else ink)
    total = sum(levels)
    if not total:
        return _BACKGROUND_CHOICES[0][0]
    shares = {
        ground: sum(n for level, n in enumerate(levels) if abs(level - ground) >= _MIN_VISIBLE_LEVELS) / total
        for ground, _ in _BACKGROUND_CHOICES
    }
    sufficient = [ground for ground, min_share in _BACKGROUND_CHOICES if shares[ground] >= min_share]
    return sufficient[0] if sufficient else max(shares, key=lambda ground: shares[ground])


def _fit_ink_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = _INK_SIDE_PX / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _make_converter(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Returns a function that converts this picture, or a part of it, to RGB, or to RGBA if it has transparency."""
    if image.mode.startswith("I") or image.mode == "F":
        high = float(image.getextrema()[1])  # type: ignore[arg-type]  # one band
        top = max(65535.0, high) if image.mode.startswith("I") and high > 255 else max(high, 1.0)
        return lambda part: part.convert("F").point(lambda level: level * (255.0 / top)).convert("L").convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return lambda part: part.convert("RGBA")
    return lambda part: part if part.mode == "RGB" else part.convert("RGB")


def _reduce_in_bands(
    image: Image.Image, size: tuple[int, int], convert: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    scale = image.height / size[1]
    reach = math.ceil(_FILTER_REACH_ROWS * scale)
    bands = []
    for top in range(0, size[1], _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, size[1])
        first, last = max(0, int(top * scale) - reach), min(image.height, math.ceil(bottom * scale) + reach)
        band = convert(image.crop((0, first, image.width, last)))
        box = (0, top * scale - first, image.width, min(bottom * scale - first, band.height))
        bands.append(band.resize((size[0], bottom - top), box=box))
    reduced = Image.new(bands[0].mode, size)
    for number, band in enumerate(bands):
        reduced.paste(band, (0, number * _BAND_ROWS))
    return reduced
