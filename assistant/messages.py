"""The values of a conversation: its messages, the regions they point at, what a picture costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from assistant.pictures import Picture


@dataclass(frozen=True)
class PictureRegion:
    """A part of a picture that is asked about; `box`: left, top, right, bottom in its pixels."""

    picture: Picture
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class PictureCost:
    """What a picture costs: the pixels that the model sees, its tokens, memory for the conversation, and time."""

    width: int
    height: int
    tokens: int
    megabytes: float
    seconds: float


@dataclass(frozen=True)
class Detection:
    """A place in the last picture, as an answer points at it: left, top, right, bottom as shares of its sides."""

    label: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Message:
    """One message of a conversation. `text` is plain or Markdown; pictures come before it, regions belong to it."""

    role: Literal["system", "user", "assistant"]
    text: str
    pictures: tuple[Picture, ...] = ()
    regions: tuple[PictureRegion, ...] = ()
