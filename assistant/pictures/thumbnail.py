"""What is told of a picture in the tray: its size, and a thumbnail as raw pixels. Knows nothing of windows."""

from __future__ import annotations

from assistant.events import PictureAdded
from assistant.pictures.picture import Picture

_EDGE = 512  # pixels; the longer side of a thumbnail


def picture_added_event(picture: Picture, request_id: str, replaces: str = "") -> PictureAdded:
    """The event for a picture, that may stand in the place of another one."""
    small = picture.first_image
    small.thumbnail((_EDGE, _EDGE))
    size = (picture.width, picture.height, small.width, small.height)
    return PictureAdded(picture.digest, picture.name, *size, small.tobytes(), request_id, replaces, picture.page_count)
