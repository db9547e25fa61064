"""The event for a picture that was attached, with its thumbnail."""

from __future__ import annotations

from assistant.events import PictureAdded
from assistant.pictures.picture import Picture

_THUMBNAIL_SIDE_PX = 512  # longer side


def picture_added_event(picture: Picture, request_id: str, replaces: str = "") -> PictureAdded:
    """The event for an attached picture; `request_id` is its request's, `replaces` the digest of the picture it
    replaces."""
    thumbnail = picture.first_image
    thumbnail.thumbnail((_THUMBNAIL_SIDE_PX, _THUMBNAIL_SIDE_PX))
    size = (picture.width, picture.height, thumbnail.width, thumbnail.height)
    return PictureAdded(
        picture.digest, picture.name, *size, thumbnail.tobytes(), request_id, replaces, picture.page_count
    )
