"""Pictures on their way into the tray: weighed, told, turned, cut, let go, and described if that is wanted.

Runs in the worker's thread. Knows nothing of sound or devices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict

from assistant.conversation.turn_manager import TurnManager
from assistant.conversation.turn_runner import Session, TurnRequest
from assistant.errors import InvalidInputError
from assistant.events import Event, Notice, PictureCostEstimated, PictureRemoved
from assistant.pictures import Picture, thumbnail
from assistant.text.i18n import tr

_MAX_PICTURES, _MAX_PICTURE_BYTES = 100, 1_000_000_000  # pictures, and their pixels


class Attachments:
    """The floor's, as the engine's calls change it."""

    def __init__(self, desk: Session, floor: TurnManager, emit: Callable[[Event], None]) -> None:
        self._session, self._turns, self._emit = desk, floor, emit
        self._description_pending = False  # whether pictures came that no question was about
        self._edited_digests: dict[str, str] = {}  # digests, and those that came in their place

    def add(self, picture: Picture, ticket: str, again: bool = False, instead: str = "") -> None:
        """For the next question; `again` what was there before, `instead` of the one with this digest."""
        for note in () if instead else picture.notes:
            self._emit(Notice(f"{picture.name}: {note}"))
        full = (
            len(self._turns.attachments) >= _MAX_PICTURES
            or sum(len(one.rgb) for one in self._turns.attachments) > _MAX_PICTURE_BYTES
        )
        if full and not instead and not again:
            raise InvalidInputError(
                "look",
                tr("The tray is full; {name} was not taken.").format(name=picture.name),
                tr("Let some pictures go first."),
            )
        weighed = self._cost_events(picture)  # first: one that the model cannot take is refused
        self._turns.attach(picture, again, instead)
        self._emit(thumbnail.picture_added_event(picture, ticket, instead))
        for event in weighed:
            self._emit(event)
        self._description_pending |= not again and not instead

    def edit(self, digest: str, quarters: int, box: tuple[int, ...], ticket: str) -> None:
        """Turned by quarters, then cut. Raises `BadInput` for a box that is not in it."""
        known, seen = {one.digest: one for one in self._turns.attachments}, set[str]()
        while digest not in known and digest in self._edited_digests and digest not in seen:
            seen.add(digest)
            digest = self._edited_digests[digest]  # asked for before the one before was shown
        if digest in known:
            turned = known[digest].rotate(quarters)
            made = turned.crop(box) if len(box) == 4 else turned
            self._edited_digests[digest] = made.digest
            self.add(made, ticket, instead=digest)

    def remove(self, digest: str) -> None:
        self._turns.remove_picture(digest)
        self._emit(PictureRemoved(digest))

    def restore(self, pictures: Iterable[Picture]) -> None:
        """What the conversation knows already, unless it lies there."""
        for picture in pictures:
            if picture.digest not in {one.digest for one in self._turns.attachments}:
                self.add(picture, "", again=True)

    def retain_only(self, pictures: Iterable[Picture]) -> None:
        """All others are let go."""
        kept = {one.digest for one in pictures}
        for picture in self._turns.attachments:
            if picture.digest not in kept:
                self.remove(picture.digest)

    def estimate_costs(self) -> None:
        """Tells the cost of all: the model, or its settings, changed."""
        for event in (one for picture in self._turns.attachments for one in self._cost_events(picture)):
            self._emit(event)

    def cancel_description(self) -> None:
        """Who says stop wants no description either."""
        self._description_pending = False

    def describe_new(self) -> None:
        """What came, as soon as nothing else is to be heard or answered, if the user wants that."""
        if self._description_pending and not self._turns.is_busy and not self._turns.is_hearing:
            self._description_pending = False
            if self._session.settings.responder.auto_describe and self._turns.unsent_pictures:
                self._turns.start_turn(TurnRequest())

    def _cost_events(self, picture: Picture) -> list[PictureCostEstimated]:
        responder = self._session.models.responder
        cost = responder.estimate_cost(picture) if responder else None
        return [PictureCostEstimated(picture.digest, **asdict(cost))] if cost else []
