"""The values that make up a conversation: messages, regions of pictures, and what a picture costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from assistant.pictures import Picture


@dataclass(frozen=True)
class PictureRegion:
    """A part of a picture that a question is about."""

    picture: Picture
    box: tuple[int, int, int, int]  # left, top, right, bottom in the picture's pixels


@dataclass(frozen=True)
class PictureCost:
    """What it costs to show a picture to the model."""

    width: int  # pixels, as the model sees the picture
    height: int  # pixels, as the model sees the picture
    tokens: int  # of the conversation
    megabytes: float  # of memory for the tokens' keys and values
    seconds: float  # to encode the picture and to feed its tokens


@dataclass(frozen=True)
class Detection:
    """A region of the last picture that an answer points at."""

    label: str  # what is there, in the model's words; may be ""
    box: tuple[float, float, float, float]  # left, top, right, bottom, each from 0 to 1 of the picture's side


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]  # who wrote it
    text: str  # plain text or Markdown
    pictures: tuple[Picture, ...] = ()  # shown before the text
    regions: tuple[PictureRegion, ...] = ()  # that the text is about
