"""Random scenes of plain coloured shapes, and how they are drawn."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

KINDS = ("circle", "square", "triangle", "star")
PLACES = (
    ("at the top left", "at the top", "at the top right"),
    ("on the left", "in the middle", "on the right"),
    ("at the bottom left", "at the bottom", "at the bottom right"),
)
Rgb = tuple[int, int, int]

# The shades that CSS, matplotlib, Qt and flat-design palettes call by these names.
COLOURS: dict[str, tuple[Rgb, ...]] = {
    "red": ((255, 0, 0), (220, 20, 60), (214, 39, 40), (231, 76, 60), (178, 34, 34), (200, 0, 0), (229, 57, 53)),
    "green": ((0, 128, 0), (0, 255, 0), (34, 139, 34), (46, 204, 113), (44, 160, 44), (0, 150, 80), (76, 175, 80)),
    "blue": ((0, 0, 255), (65, 105, 225), (31, 119, 180), (52, 152, 219), (30, 144, 255), (0, 0, 160), (33, 150, 243)),
    "yellow": ((255, 255, 0), (255, 215, 0), (241, 196, 15), (255, 235, 59), (240, 220, 30), (250, 230, 60)),
    "orange": ((255, 165, 0), (255, 140, 0), (230, 126, 34), (255, 127, 14), (255, 152, 0), (245, 130, 30)),
    "purple": ((128, 0, 128), (155, 89, 182), (148, 103, 189), (138, 43, 226), (106, 13, 173), (156, 39, 176)),
    "black": ((0, 0, 0), (10, 10, 10), (25, 25, 25), (35, 35, 40)),
    "white": ((255, 255, 255), (255, 255, 255), (254, 254, 252), (252, 252, 252)),
}


@dataclass(frozen=True)
class SceneShape:
    """One shape of a scene."""

    kind: str  # one of `KINDS`
    colour: str  # one of `COLOURS`
    rgb: Rgb  # the shade that it is drawn in
    x: float  # of its centre, in pixels
    y: float  # of its centre, in pixels
    size: float  # side of the box around it, in pixels
    turn: float = 0.0  # in degrees
    outline: Rgb | None = None


@dataclass(frozen=True)
class Scene:
    """What a picture shows."""

    width: int  # pixels
    height: int  # pixels
    background: tuple[Rgb, Rgb]  # colours at the top and at the bottom, blended in between
    shapes: tuple[SceneShape, ...]

    def place_of(self, shape: SceneShape) -> str:
        """The ninth of the picture that holds the shape's centre, in words of `PLACES`."""
        column = min(2, int(3 * shape.x / self.width))
        row = min(2, int(3 * shape.y / self.height))
        return PLACES[row][column]


def random_scene(rng: random.Random, size: tuple[int, int], count: int, is_plain: bool = False) -> Scene:
    """A scene of `count` (1 to 5) shapes that neither overlap nor lie on the border between two places.

    size: width and height in pixels.
    is_plain: pure colours and no turned shapes, for a demonstration."""
    width, height = size
    shapes: list[SceneShape] = []
    background = _random_background(rng)
    largest_share = {1: 0.9, 2: 0.7, 3: 0.55, 4: 0.45, 5: 0.4}[count]
    while len(shapes) < count:
        shapes = []
        for _ in range(40):
            shape = _random_shape(rng, size, largest_share, background[0], is_plain)
            if shape and all(_are_apart(shape, other) for other in shapes):
                shapes.append(shape)
                if len(shapes) == count:
                    break
        largest_share = max(0.26, largest_share * 0.85)
    return Scene(width, height, background, tuple(shapes))


def draw_scene(scene: Scene, rng: random.Random | None = None) -> Image.Image:
    """Draws a scene as an RGB picture; with `rng` at random with smooth edges, blurred or noisy."""
    scale = 2 if (rng is None or rng.random() < 0.5) and max(scene.width, scene.height) <= 700 else 1
    picture = _paint_background(scene, scale)
    pen = ImageDraw.Draw(picture)
    for shape in scene.shapes:
        _paint_shape(pen, shape, scale, scene)
    if scale > 1:
        picture = picture.reduce(scale)
    if rng is not None and rng.random() < 0.08:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, scene.height / 200)))
    if rng is not None and rng.random() < 0.1:
        picture = Image.blend(picture, Image.effect_noise(picture.size, rng.uniform(5, 30)).convert("RGB"), 0.04)
    return picture


def _random_background(rng: random.Random) -> tuple[Rgb, Rgb]:
    kind = rng.random()
    if kind < 0.2:
        level = rng.randint(232, 255)
        top_colour = (level, level, level)
    elif kind < 0.4:  # off-white: warm or cool
        level = rng.randint(238, 252)
        top_colour = (level, level - rng.randint(0, 6), level - rng.randint(0, 16))
    else:
        top_colour = tuple(rng.randint(198, 255) for _ in range(3))  # type: ignore[assignment]
    if rng.random() < 0.85:
        return top_colour, top_colour
    bottom_colour: Rgb = tuple(max(200, min(255, level + rng.randint(-30, 30))) for level in top_colour)  # type: ignore[assignment]
    return top_colour, bottom_colour


def _random_shape(
    rng: random.Random, size: tuple[int, int], largest_share: float, background: Rgb, is_plain: bool
) -> SceneShape | None:
    width, height = size
    span = rng.uniform(0.25, largest_share) * min(size)
    x = rng.uniform(span / 2 + 1, width - span / 2 - 1)
    y = rng.uniform(span / 2 + 1, height - span / 2 - 1)
    if any(
        abs(3 * coordinate / side - edge) < 0.12 for coordinate, side in ((x, width), (y, height)) for edge in (1, 2)
    ):
        return None
    kind, colour = rng.choice(KINDS), rng.choice(tuple(COLOURS))
    rgb = COLOURS[colour][0] if is_plain else _random_shade(rng, colour)
    if max(abs(a - b) for a, b in zip(rgb, background, strict=True)) < 5:
        return None
    turn, outline = 0.0, None
    if not is_plain:
        turn = _random_turn(rng, kind)
        if rng.random() < (0.3 if colour == "white" else 0.15):
            outline = rng.choice(((0, 0, 0), (40, 40, 40), (90, 90, 90), (150, 150, 150)))
    return SceneShape(kind, colour, rgb, x, y, span, turn, outline)


def _random_shade(rng: random.Random, colour: str) -> Rgb:
    spread = {"white": 1, "black": 6, "orange": 6, "yellow": 8}.get(colour, 14)
    shade = rng.choice(COLOURS[colour])
    return tuple(max(0, min(255, level + rng.randint(-spread, spread))) for level in shade)  # type: ignore[return-value]


def _random_turn(rng: random.Random, kind: str) -> float:
    if kind == "circle" or rng.random() < 0.45:
        return 0.0
    if kind == "square":
        return 45.0 if rng.random() < 0.15 else rng.uniform(-20, 20)
    return rng.choice((180.0, 90.0, 270.0, rng.uniform(0, 360), rng.uniform(-20, 20)))


def _are_apart(first: SceneShape, second: SceneShape) -> bool:
    return math.hypot(first.x - second.x, first.y - second.y) > 0.56 * (first.size + second.size)


def shape_corners(kind: str, turn: float, sharpness: float = 0.42) -> list[tuple[float, float]]:
    """The corners of a square, triangle or star in the unit circle, with y pointing down.

    turn: in degrees.
    sharpness: a star's inner radius."""
    if kind == "star":
        angles = [(k * 36 - 90, 1.0 if k % 2 == 0 else sharpness) for k in range(10)]
    elif kind == "square":
        angles = [(45 + 90 * k, 1.0) for k in range(4)]
    else:
        angles = [(-90 + 120 * k, 1.0) for k in range(3)]
    return [(r * math.cos(math.radians(a + turn)), r * math.sin(math.radians(a + turn))) for a, r in angles]


def _paint_background(scene: Scene, scale: int) -> Image.Image:
    size = (scene.width * scale, scene.height * scale)
    top_colour, bottom_colour = scene.background
    if top_colour == bottom_colour:
        return Image.new("RGB", size, top_colour)
    mask = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, top_colour), Image.new("RGB", size, bottom_colour), mask)


def _paint_shape(pen: ImageDraw.ImageDraw, shape: SceneShape, scale: int, scene: Scene) -> None:
    radius, x, y = shape.size / 2 * scale, shape.x * scale, shape.y * scale
    edge = max(1, round(radius / 14)) if shape.outline else 0
    if shape.kind == "circle":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), shape.rgb, shape.outline, edge)
        return
    # A star's sharpness and a triangle's width depend on its position, so that a scene always gives the same pixels.
    vary = (shape.x * 7.3 + shape.y * 3.1) % 1.0
    points = shape_corners(shape.kind, shape.turn, 0.34 + 0.2 * vary)
    if shape.kind == "triangle":
        points = [(px * (0.8 + 0.35 * vary), py) for px, py in points]
    fit = max(max(abs(px), abs(py)) for px, py in points)
    points = [(x + px / fit * radius, y + py / fit * radius) for px, py in points]
    pen.polygon(points, shape.rgb, shape.outline, edge) if edge else pen.polygon(points, shape.rgb)
