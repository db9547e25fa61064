"""Pictures on their way into the tray: weighed, told, turned, cut, let go, and described if that is wanted.

Runs in the worker's thread. Knows nothing of sound or devices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict

from assistant.asking import Desk, Question
from assistant.errors import BadInput
from assistant.events import Event, Forgotten, Noted, Weighed
from assistant.floor import Floor
from assistant.pictures import Picture, shown
from assistant.words.tongue import tr

_MOST, _MOST_BYTES = 100, 1_000_000_000  # pictures, and their pixels


class Tray:
    """The floor's, as the engine's calls change it."""

    def __init__(self, desk: Desk, floor: Floor, emit: Callable[[Event], None]) -> None:
        self._desk, self._floor, self._emit = desk, floor, emit
        self._undescribed = False  # whether pictures came that no question was about
        self._reworked: dict[str, str] = {}  # digests, and those that came in their place

    def lay(self, picture: Picture, ticket: str, again: bool = False, instead: str = "") -> None:
        """For the next question; `again` what was there before, `instead` of the one with this digest."""
        for note in () if instead else picture.notes:
            self._emit(Noted(f"{picture.name}: {note}"))
        full = len(self._floor.tray) >= _MOST or sum(len(one.rgb) for one in self._floor.tray) > _MOST_BYTES
        if full and not instead and not again:
            raise BadInput(
                "look",
                tr("The tray is full; {name} was not taken.").format(name=picture.name),
                tr("Let some pictures go first."),
            )
        weighed = self._weighed(picture)  # first: one that the model cannot take is refused
        self._floor.show(picture, again, instead)
        self._emit(shown.told(picture, ticket, instead))
        for event in weighed:
            self._emit(event)
        self._undescribed |= not again and not instead

    def rework(self, digest: str, quarters: int, box: tuple[int, ...], ticket: str) -> None:
        """Turned by quarters, then cut. Raises `BadInput` for a box that is not in it."""
        known, seen = {one.digest: one for one in self._floor.tray}, set[str]()
        while digest not in known and digest in self._reworked and digest not in seen:
            seen.add(digest)
            digest = self._reworked[digest]  # asked for before the one before was shown
        if digest in known:
            turned = known[digest].turned(quarters)
            made = turned.cut(box) if len(box) == 4 else turned
            self._reworked[digest] = made.digest
            self.lay(made, ticket, instead=digest)

    def forget(self, digest: str) -> None:
        self._floor.forget(digest)
        self._emit(Forgotten(digest))

    def lay_back(self, pictures: Iterable[Picture]) -> None:
        """What the conversation knows already, unless it lies there."""
        for picture in pictures:
            if picture.digest not in {one.digest for one in self._floor.tray}:
                self.lay(picture, "", again=True)

    def leave_only(self, pictures: Iterable[Picture]) -> None:
        """All others are let go."""
        kept = {one.digest for one in pictures}
        for picture in self._floor.tray:
            if picture.digest not in kept:
                self.forget(picture.digest)

    def weigh(self) -> None:
        """Tells the cost of all: the model, or its settings, changed."""
        for event in (one for picture in self._floor.tray for one in self._weighed(picture)):
            self._emit(event)

    def leave(self) -> None:
        """Who says stop wants no description either."""
        self._undescribed = False

    def describe(self) -> None:
        """What came, as soon as nothing else is to be heard or answered, if the user wants that."""
        if self._undescribed and not self._floor.busy and not self._floor.hearing:
            self._undescribed = False
            if self._desk.settings.look.describe_dropped and self._floor.fresh:
                self._floor.ask(Question())

    def _weighed(self, picture: Picture) -> list[Weighed]:
        responder = self._desk.shelf.responder
        cost = responder.cost(picture) if responder else None
        return [Weighed(picture.digest, **asdict(cost))] if cost else []
