"""Negative examples for training: pictures without plain shapes, and questions that cannot be answered."""

from __future__ import annotations

import math
import random
from functools import cache
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from assistant.starter.scene import COLOURS, KINDS

_UNRELATED_FRAMES = (
    "what is the {w} of {w}", "who is the {w} {w}", "how do i {w} a {w}", "why is the {w} {w}",
    "when did the {w} {w}", "what time is it", "tell me a {w} about {w}", "how far is {w} from {w}",
    "can you {w} the {w} for me", "{w} {w} {w}", "what does {w} mean", "how old is the {w}", "who {w} the {w}",
    "is it going to {w} today", "play some {w} music", "i {w} my {w} yesterday", "the {w} is {w}", "turn on the {w}",
    "what is {w} plus {w}", "hello", "good {w}", "how are you", "who are you", "thank you for the {w}",
    "should i {w} {w}", "write a {w} about {w}", "{w}", "{w} {w}", "set a {w} for {w}", "do you like {w}",
    "where can i buy {w}", "translate {w} into {w}", "what is your name",
    "i think the {w} was {w} and {w} to the {w}", "they {w} a {w} in the {w} of the {w}",
    "we will {w} the {w} when {w} {w}",
)  # fmt: skip
_SIMILAR_FRAMES = (  # close to the starter kit's own questions; {w} a word, {k} a kind of shape, {c} a colour
    "what colour is the {w}", "what color is your {w}", "how many {w} are there", "where is the {w}",
    "is there a {w}", "what colour is the {w} of the {w}", "how many {w} does a {w} have", "where did the {w} go",
    "what shape is the {w}", "is the {k} {w}", "why is the {k} {c}", "how big is the {k}",
    "how many corners does a {k} have", "who drew the {k}", "what is behind the {k}",
    "is the {k} bigger than the {w}", "which {w} is {c}", "is the {w} {c}", "is there a {c} {w}",
    "how many {c} {w} are there", "how heavy is the {k}", "what does the {k} cost", "when was the {k} drawn",
    "where is the {c} {w}", "what is {c} and {w}", "what is the area of the {k}", "do you like the {k}",
    "is {c} a good {w}", "how large is the {c} {k}", "is the {k} next to the {w}",
    "what colour do you get from {c} and {w}", "is the {k} {w} or {w}", "paint the {k} {c}", "which {k} is the {w}",
    "what would a {k} {w}", "how many sides has a {k}", "make the {k} {w}",
    "who {w} this picture", "is this a {w} picture", "when was this image {w}", "why is the picture {w}",
    "how {w} is this picture", "do you {w} this image", "send the picture to {w}", "whose picture is this",
)  # fmt: skip


@cache
def _load_words() -> tuple[str, ...]:
    """The English words of pocketsphinx's dictionary, without those of the starter kit's questions."""
    import pocketsphinx

    path = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
    words = {line.split()[0] for line in path.read_text("utf-8").splitlines() if line.split()[0].isalpha()}
    starter_words = {
        *COLOURS,
        *KINDS,
        *(k + "s" for k in KINDS),
        "shape",
        "shapes",
        "figure",
        "object",
        "thing",
        "it",
        "this",
        "one",
    }
    return tuple(
        sorted(words - starter_words - {"figures", "objects", "things", "picture", "image", "colour", "color", "that"})
    )


def any_word(rng: random.Random) -> str:
    """A random word that the starter kit's questions do not contain."""
    return rng.choice(_load_words())


def other_question(rng: random.Random) -> str:
    """A random question that the starter kit cannot answer for any picture."""
    frame = rng.choice(_SIMILAR_FRAMES if rng.random() < 0.55 else _UNRELATED_FRAMES)
    while "{" in frame:
        frame = frame.replace("{w}", rng.choice(_load_words()), 1)
        frame = frame.replace("{k}", rng.choice(KINDS), 1).replace("{c}", rng.choice(tuple(COLOURS)), 1)
    return frame


def other_picture(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """A random picture without a plain shape; `size` is width and height in pixels."""
    makers = (
        _text_picture,
        _chart_picture,
        _noise_picture,
        _gradient_picture,
        _drawing_picture,
        _drawing_picture,
        _clouds_picture,
        _clouds_picture,
        _strange_picture,
        _strange_picture,
        _empty_picture,
    )
    return rng.choice(makers)(rng, size)


def _random_color(rng: random.Random, low: int = 0) -> tuple[int, int, int]:
    return rng.randint(low, 255), rng.randint(low, 255), rng.randint(low, 255)


def _text_picture(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    is_dark = rng.random() < 0.25
    picture = Image.new("RGB", size, _random_color(rng, 200) if not is_dark else (rng.randint(0, 60),) * 3)
    pen = ImageDraw.Draw(picture)
    y = rng.uniform(0, size[1] / 3)
    while y < size[1]:
        height = rng.uniform(0.06, 0.35) * min(size)
        line = " ".join(rng.choice(_load_words()) for _ in range(rng.randint(1, 6)))
        line = rng.choice((line, line.upper(), line.title(), str(rng.randint(0, 10**6))))
        ink = (rng.randint(0, 90),) * 3 if not is_dark else (255, 255, 255)
        pen.text(
            (rng.uniform(0, size[0] / 3), y),
            line,
            ink if rng.random() < 0.7 else _random_color(rng),
            _load_font(height),
        )
        y += height * rng.uniform(1.1, 2.5)
        if rng.random() < 0.2:
            break
    return picture


def _load_font(height: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(8, height))


def _noise_picture(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    cell = rng.choice((1, 2, 4, 8, 24))
    small = (max(2, size[0] // cell), max(2, size[1] // cell))
    bands = [Image.effect_noise(small, rng.uniform(20, 120)) for _ in range(3)]
    if rng.random() < 0.4:
        bands = [bands[0]] * 3
    return Image.merge("RGB", bands).resize(size, rng.choice((Image.Resampling.NEAREST, Image.Resampling.BICUBIC)))


def _gradient_picture(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    ramp = rng.choice((Image.linear_gradient, Image.radial_gradient))("L")
    ramp = ramp.rotate(rng.choice((0, 90, 180, 270)))
    box = sorted(rng.randint(0, 255) for _ in range(2)) if rng.random() < 0.5 else [0, 255]
    ramp = ramp.crop((box[0], 0, box[1] + 1, 256)).resize(size)
    return Image.composite(Image.new("RGB", size, _random_color(rng)), Image.new("RGB", size, _random_color(rng)), ramp)


def _empty_picture(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    return Image.new("RGB", size, _random_color(rng, rng.choice((0, 0, 200))))


def _clouds_picture(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """Soft colours at several scales, with blurred polygons and grain, to resemble a photograph."""
    bands = []
    for _ in range(3):
        band = Image.new("L", size, 0)
        for cells, weight in ((3, 0.5), (9, 0.5), (40, rng.uniform(0.1, 0.5))):
            layer = Image.effect_noise((cells, cells), 90).resize(size, Image.Resampling.BICUBIC)
            band = Image.blend(band, layer, weight)
        bands.append(band)
    picture = Image.merge("RGB", bands)
    if rng.random() < 0.6:
        pen = ImageDraw.Draw(picture)
        for _ in range(rng.randint(1, 7)):
            points = [
                (rng.uniform(-0.2, 1.2) * size[0], rng.uniform(-0.2, 1.2) * size[1]) for _ in range(rng.randint(5, 9))
            ]
            pen.polygon(points, _random_color(rng))
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, min(size) / 20)))
        grain = Image.effect_noise(size, rng.uniform(10, 80)).convert("RGB")
        picture = ImageChops.overlay(picture, grain) if rng.random() < 0.7 else picture
    return picture


def _drawing_picture(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """Lines, arcs and scribbles on paper."""
    picture = Image.new("RGB", size, _random_color(rng, 200) if rng.random() < 0.9 else _random_color(rng))
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.randint(2, 14)):
        points = [(rng.uniform(0, size[0]), rng.uniform(0, size[1])) for _ in range(rng.randint(2, 8))]
        ink, width = (
            rng.choice(((0, 0, 0), (60, 60, 60), _random_color(rng))),
            max(1, round(rng.uniform(0.004, 0.03) * min(size))),
        )
        if rng.random() < 0.7:
            pen.line(points, ink, width, "curve")
        else:
            (x, y), reach = points[0], rng.uniform(0.1, 0.5) * min(size)
            pen.arc((x - reach, y - reach, x + reach, y + reach), rng.uniform(0, 360), rng.uniform(0, 360), ink, width)
    return picture


def _chart_picture(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """Axes with a line or bars, on white."""
    picture = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    width, height = size
    left, top = rng.uniform(0.05, 0.2) * width, rng.uniform(0.05, 0.2) * height
    pen.rectangle((left, top, width - left, height - top), None, (0, 0, 0), max(1, min(size) // 200))
    ink, count = _random_color(rng), rng.randint(4, 12)
    tops = [rng.uniform(top, height - top) for _ in range(count)]
    step = (width - 2 * left) / count
    for number, top_y in enumerate(tops):
        if count > 7:
            pen.rectangle((left + step * (number + 0.1), top_y, left + step * (number + 0.9), height - top), ink)
        pen.text((left + step * (number + 0.3), height - top), str(number), (0, 0, 0), _load_font(top / 2))
    if count <= 7:
        pen.line(
            [(left + step * (number + 0.5), top_y) for number, top_y in enumerate(tops)], ink, max(1, min(size) // 100)
        )
    return picture


def _strange_picture(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """Shapes other than the four kinds: long boxes, ellipses, hexagons, crosses, rings, hearts, arrows."""
    picture = Image.new("RGB", size, _random_color(rng, 200))
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.choice((1, 1, 2, 3))):
        r = rng.uniform(0.14, 0.35) * min(size)
        x, y = rng.uniform(r, size[0] - r), rng.uniform(r, size[1] - r)
        ink = rng.choice(COLOURS[rng.choice(tuple(COLOURS))]) if rng.random() < 0.7 else _random_color(rng)
        _draw_strange_shape(rng, pen, (x, y, r), ink)
    return picture


def _draw_strange_shape(
    rng: random.Random, pen: ImageDraw.ImageDraw, place: tuple[float, float, float], ink: tuple[int, int, int]
) -> None:
    x, y, r = place
    narrowing = rng.uniform(0.25, 0.55)
    wide, tall = (r, r * narrowing) if rng.random() < 0.5 else (r * narrowing, r)
    box = (x - wide, y - tall, x + wide, y + tall)
    kind = rng.choice(("box", "ellipse", "polygon", "cross", "ring", "arc", "heart", "arrow", "frame", "blob"))
    if kind == "box":
        pen.rectangle(box, ink)
    elif kind == "ellipse":
        pen.ellipse(box, ink)
    elif kind == "polygon":
        pen.regular_polygon((x, y, r), rng.choice((5, 6, 6, 8)), rng.uniform(0, 90), ink)
    elif kind == "cross":
        pen.rectangle((x - r, y - r * 0.25, x + r, y + r * 0.25), ink)
        pen.rectangle((x - r * 0.25, y - r, x + r * 0.25, y + r), ink)
    elif kind == "ring":
        pen.ellipse((x - r, y - r, x + r, y + r), None, ink, max(2, int(r * rng.uniform(0.1, 0.35))))
    elif kind == "arc":
        pen.pieslice((x - r, y - r, x + r, y + r), rng.uniform(0, 360), rng.uniform(0, 360), ink)
    elif kind == "frame":
        pen.rectangle((x - r, y - r, x + r, y + r), None, ink, max(2, int(r * rng.uniform(0.08, 0.3))))
    else:
        pen.polygon(_curve_points(rng, kind, x, y, r), ink)


def _curve_points(rng: random.Random, kind: str, x: float, y: float, r: float) -> list[tuple[float, float]]:
    turns = [k * math.tau / 60 for k in range(60)]
    if kind == "heart":
        return [
            (x + r * math.sin(t) ** 3, y - r * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t)) / 16)
            for t in turns
        ]
    if kind == "arrow":
        points = [(-1, -0.2), (0.2, -0.2), (0.2, -0.6), (1, 0), (0.2, 0.6), (0.2, 0.2), (-1, 0.2)]
        return [(x + r * px, y + r * py) for px, py in points]
    waves, phase = rng.choice((2, 3, 5, 7)), rng.uniform(0, 6)
    return [
        (
            x + r * (0.7 + 0.3 * math.sin(waves * t + phase)) * math.cos(t),
            y + r * 0.8 * (0.7 + 0.3 * math.cos(3 * t)) * math.sin(t),
        )
        for t in turns
    ]
