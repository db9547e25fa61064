"""Pictures from other programs (matplotlib, Qt, a font) and photographs that come with packages.

The starter kit's model was trained on none of them, only on the pictures of `assistant.starter`."""

from __future__ import annotations

import importlib.util
import io
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

KINDS = ("circle", "square", "triangle", "star")
GLYPHS = dict(zip(KINDS, "●■▲★", strict=True))
MARKERS = dict(zip(KINDS, "os^*", strict=True))
COLOUR_NAMES = ("red", "green", "blue", "yellow", "orange", "purple", "black", "white")
PALE_COLOURS = (
    "white",
    "whitesmoke",
    "ivory",
    "lavender",
    "honeydew",
    "aliceblue",
    "mistyrose",
    "lightyellow",
    "gainsboro",
)
_PLACES = (("top left", "top", "top right"), ("left", "middle", "right"), ("bottom left", "bottom", "bottom right"))


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec and spec.origin
    return Path(spec.origin).parent


def _choose_shape(rng: random.Random) -> tuple[str, str, str]:
    kind, colour = rng.choice(KINDS), rng.choice(COLOUR_NAMES)
    pale = rng.choice(
        [candidate for candidate in PALE_COLOURS if colour != "white" or candidate not in ("white", "whitesmoke")]
    )
    return kind, colour, pale


def _choose_place(rng: random.Random) -> tuple[float, float, str]:
    """A point well inside one of the nine places: x, y (down) in 0..1, and the place."""
    row, column = rng.randrange(3), rng.randrange(3)
    return (column + 0.5) / 3, (row + 0.5) / 3, _PLACES[row][column]


def draw_with_matplotlib(rng: random.Random) -> tuple[Image.Image, str, str, str]:
    """A picture with one marker of matplotlib; returns picture, kind, colour and place, as the next two do."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kind, colour, pale = _choose_shape(rng)
    x, y, place = _choose_place(rng)
    side = rng.uniform(2.5, 7)
    figure = Figure(figsize=(side * rng.uniform(1, 1.6), side), dpi=100, facecolor=pale)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    points = side * 72 * rng.uniform(0.27, 0.33)
    axes.plot([x], [y], MARKERS[kind], color=colour, markersize=points, markeredgewidth=0)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return Image.open(buffer).convert("RGB"), kind, colour, place


def draw_with_font(rng: random.Random) -> tuple[Image.Image, str, str, str]:
    """A picture with a geometric character of the font DejaVu Sans."""
    kind, colour, pale = _choose_shape(rng)
    x, y, place = _choose_place(rng)
    width, height = rng.randint(200, 800), rng.randint(200, 600)
    font = ImageFont.truetype(
        str(_package_folder("matplotlib") / "mpl-data/fonts/ttf/DejaVuSans.ttf"),
        int(min(width, height) * rng.uniform(0.38, 0.48)),
    )
    image = Image.new("RGB", (width, height), pale)
    ImageDraw.Draw(image).text((x * width, y * height), GLYPHS[kind], colour, font, anchor="mm")
    return image, kind, colour, place


def draw_with_qt(rng: random.Random) -> tuple[Image.Image, str, str, str]:
    """A picture with a shape drawn by Qt's painter, with antialiasing."""
    from PySide6.QtCore import QPointF, QRectF, Qt
    from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPolygonF

    kind, colour, pale = _choose_shape(rng)
    x, y, place = _choose_place(rng)
    width, height = rng.randint(180, 900), rng.randint(180, 700)
    image = QImage(width, height, QImage.Format.Format_RGB888)
    image.fill(QColor(pale))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    size = min(width, height) * rng.uniform(0.26, 0.32)
    painter.translate(x * width, y * height)
    path = QPainterPath()
    if kind == "circle":
        path.addEllipse(QRectF(-size / 2, -size / 2, size, size))
    elif kind == "square":
        path.addRect(QRectF(-size / 2, -size / 2, size, size))
    else:
        # A pentagram filled by the winding rule, or an equilateral triangle.
        steps = (0, 2, 4, 1, 3) if kind == "star" else (0, 1, 2)
        turns = [np.pi * 2 * step / len(steps) - np.pi / 2 for step in steps]
        path.addPolygon(QPolygonF([QPointF(size / 2 * np.cos(t), size / 2 * np.sin(t)) for t in turns]))
        path.setFillRule(Qt.FillRule.WindingFill)
    painter.drawPath(path)
    painter.end()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(height, image.bytesPerLine())[:, : width * 3]
    return Image.fromarray(rows.reshape(height, width, 3).copy()), kind, colour, place


def load_photographs() -> list[Image.Image]:
    """The sample photographs of installed packages, whole and 38 parts of them."""
    files = [_package_folder("sklearn") / "datasets/images" / name for name in ("china.jpg", "flower.jpg")]
    files.append(_package_folder("matplotlib") / "mpl-data/sample_data/grace_hopper.jpg")
    photographs = [Image.open(file).convert("RGB") for file in files if file.is_file()]
    rng, crops = random.Random(7), []
    while photographs and len(crops) < 38:
        photo = rng.choice(photographs)
        width, height = rng.randint(160, photo.width), rng.randint(160, photo.height)
        if 0.25 < width / height < 4:
            x, y = rng.randint(0, photo.width - width), rng.randint(0, photo.height - height)
            crops.append(photo.crop((x, y, x + width, y + height)))
    return photographs + crops


def draw_plot(rng: random.Random) -> Image.Image:
    """A figure of matplotlib with lines, bars or text, without a plain shape."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(rng.uniform(2.5, 7), rng.uniform(2.5, 6)), dpi=100)
    axes = figure.add_subplot()
    kind = rng.choice(("line", "bars", "words"))
    if kind == "line":
        for _ in range(rng.randint(1, 4)):
            axes.plot(np.cumsum([rng.gauss(0, 1) for _ in range(80)]))
    elif kind == "bars":
        axes.bar(range(7), [rng.uniform(1, 9) for _ in range(7)], color=rng.choice(("tab:blue", "tab:red", "grey")))
    else:
        axes.set_axis_off()
        for line in range(5):
            axes.text(
                0, line / 5, " ".join(rng.choice(("platform", "Leeds", "closed", "14:05", "exit")) for _ in range(4))
            )
    axes.set_title(kind)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return Image.open(buffer).convert("RGB")


def make_texture(rng: random.Random) -> Image.Image:
    """A picture of noise or a gradient, made with NumPy."""
    values = np.random.default_rng(rng.randrange(2**31))
    height, width = rng.randint(160, 600), rng.randint(160, 600)
    if rng.random() < 0.5:
        return Image.fromarray(values.integers(0, 256, (height, width, 3), np.uint8))
    ramp = np.linspace(values.uniform(0, 255, 3), values.uniform(0, 255, 3), width)
    return Image.fromarray(np.repeat(ramp[None], height, 0).astype(np.uint8))
