"""What the next question will need, done before it is asked: pictures are encoded, the conversation is fed.

Knows no threads or models; a turn goes first, between any two steps."""

from __future__ import annotations

from collections.abc import Callable, Generator

from assistant.asking import Desk
from assistant.events import Event, Failed
from assistant.faults import told
from assistant.pictures import Picture
from assistant.roles import Message


class Preparing:
    """Takes the steps of the responder's `prepare`, where it has one; what cannot be done is told."""

    def __init__(self, desk: Desk, emit: Callable[[Event], None]) -> None:
        self._desk, self._emit = desk, emit
        self._steps: Generator[None, None, None] | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a step to take."""
        return self._steps is not None

    def begin(self, pictures: tuple[Picture, ...]) -> None:
        """Another next question: about these pictures, after `desk.past`."""
        self.stop()
        self._steps = self._work(pictures)

    def stop(self) -> None:
        """Leaves it; what was finished stays."""
        if self._steps:
            self._steps.close()
        self._steps = None

    def step(self) -> None:
        """One step, if there is one to take."""
        try:
            if self._steps:
                next(self._steps)
        except StopIteration:
            self._steps = None

    def forget(self, digest: str) -> None:
        """Lets a picture go, in the responder's memory too."""
        responder = self._desk.shelf.responder
        if responder:
            responder.forget(digest)

    def _work(self, pictures: tuple[Picture, ...]) -> Generator[None, None, None]:
        with told(lambda error: self._emit(Failed.of(error)), self._desk.folders.logs):
            responder = self._desk.shelf.responder
            if responder:
                yield from responder.prepare([*self._desk.messages, Message("user", "", pictures)])
