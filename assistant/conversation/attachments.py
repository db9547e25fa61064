"""The pictures that are attached to the next question."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict

from assistant.errors import InvalidInputError
from assistant.events import Event, Notice, PictureCostEstimated, PictureRemoved
from assistant.models.manager import ModelManager
from assistant.pictures import Picture, thumbnail
from assistant.text.i18n import tr

_MAX_PICTURES = 100
_MAX_TOTAL_BYTES = 1_000_000_000  # of the pictures' pixels


class Attachments:
    """Owns the list of attached pictures, and knows which of them a question was already asked with: these stay in the
    list, but are not sent again.

    `models`: the responder among them says what a picture will cost.
    `emit`: receives `PictureAdded`, `PictureCostEstimated`, `PictureRemoved` and `Notice`.
    `on_change`: is called when other pictures will be sent with the next question.
    `has_new`: whether a picture was added that should be described without being asked; whoever does so clears it."""

    def __init__(self, models: ModelManager, emit: Callable[[Event], None], on_change: Callable[[], None]) -> None:
        self._models, self._emit, self._on_change = models, emit, on_change
        self._pictures: list[Picture] = []
        self._sent_digests: set[str] = set()
        self._edited_digests: dict[str, str] = {}  # digest of a picture that was edited: the digest it has now
        self.has_new = False

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All attached pictures, in the order in which they are shown."""
        return tuple(self._pictures)

    @property
    def unsent_pictures(self) -> tuple[Picture, ...]:
        """Those that no question was asked with."""
        return tuple(picture for picture in self._pictures if picture.digest not in self._sent_digests)

    def find(self, digest: str) -> Picture | None:
        """The attached picture with this digest."""
        return next((picture for picture in self._pictures if picture.digest == digest), None)

    def add(self, picture: Picture, request_id: str = "") -> None:
        """Attaches a picture. Raises `InvalidInputError` when there are too many, or when the model cannot take it."""
        for note in picture.notes:
            self._emit(Notice(f"{picture.name}: {note}"))
        total_bytes = sum(len(picture.rgb) for picture in self._pictures)
        if len(self._pictures) >= _MAX_PICTURES or total_bytes > _MAX_TOTAL_BYTES:
            raise InvalidInputError(
                "look",
                tr("The tray is full; {name} was not taken.").format(name=picture.name),
                tr("Let some pictures go first."),
            )
        self._insert(picture, request_id)
        self.has_new = True

    def restore(self, picture: Picture, request_id: str = "") -> None:
        """Attaches a picture that was attached before: in an engine that crashed, or in a conversation that is opened
        again. A question may have been asked with it. There is no limit to their number."""
        for note in picture.notes:
            self._emit(Notice(f"{picture.name}: {note}"))
        self._insert(picture, request_id, was_attached=True)

    def restore_missing(self, pictures: Iterable[Picture]) -> None:
        """Attaches those that are not attached."""
        for picture in pictures:
            if not self.find(picture.digest):
                self.restore(picture)

    def edit(self, digest: str, quarter_turns: int, box: tuple[int, ...], request_id: str = "") -> None:
        """Replaces a picture by one that is turned clockwise, then cut to the box (left, top, right, bottom in pixels)
        if there is one. Does nothing when the picture is not attached. Raises `InvalidInputError` for a box that does
        not lie in the picture."""
        picture, seen_digests = self.find(digest), {digest}
        while picture is None and (digest := self._edited_digests.get(digest, "")) and digest not in seen_digests:
            seen_digests.add(digest)  # the window asked before it had seen the last edit
            picture = self.find(digest)
        if picture:
            turned = picture.rotate(quarter_turns)
            edited = turned.crop(box) if len(box) == 4 else turned
            self._edited_digests[digest] = edited.digest
            self._insert(edited, request_id, replaces=digest)

    def remove(self, digest: str) -> None:
        """Removes a picture, if it is attached."""
        self._pictures = [picture for picture in self._pictures if picture.digest != digest]
        self._emit(PictureRemoved(digest))
        self._on_change()

    def mark_sent(self, digests: Iterable[str]) -> None:
        """A question was asked with these pictures."""
        self._sent_digests.update(digests)

    def reset_sent(self, digests: Iterable[str]) -> None:
        """Another conversation is open: questions in it were asked with these pictures, and with no others."""
        self._sent_digests = set(digests)
        self._on_change()

    def emit_costs(self) -> None:
        """Estimates the costs of all anew: the model has changed, or its settings."""
        for picture in self._pictures:
            for event in self._cost_events(picture):
                self._emit(event)

    def _insert(self, picture: Picture, request_id: str, replaces: str = "", was_attached: bool = False) -> None:
        cost_events = self._cost_events(picture)  # first, because it raises for a picture that the model cannot take
        others = [other for other in self._pictures if other.digest != picture.digest]
        place = next((index for index, other in enumerate(others) if other.digest == replaces), len(others))
        after = [other for other in others[place:] if other.digest != replaces]
        self._pictures = [*others[:place], picture, *after]
        if not was_attached:
            self._sent_digests.discard(picture.digest)
        self._on_change()
        self._emit(thumbnail.picture_added_event(picture, request_id, replaces))
        for event in cost_events:
            self._emit(event)

    def _cost_events(self, picture: Picture) -> list[PictureCostEstimated]:
        responder = self._models.responder
        cost = responder.estimate_cost(picture) if responder else None
        return [PictureCostEstimated(picture.digest, **asdict(cost))] if cost else []
