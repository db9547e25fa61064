"""What the next question will need, done before it is asked: pictures are encoded, the conversation is fed.

Knows no threads or models; a turn goes first, between any two steps."""

from __future__ import annotations

from collections.abc import Callable, Generator

from assistant.conversation.turn_runner import Session
from assistant.error_boundary import reporting_errors
from assistant.events import ErrorOccurred, Event
from assistant.messages import Message
from assistant.pictures import Picture


class PromptPrefiller:
    """Takes the steps of the responder's `prepare`, where it has one; what cannot be done is told."""

    def __init__(self, desk: Session, emit: Callable[[Event], None]) -> None:
        self._desk, self._emit = desk, emit
        self._steps: Generator[None, None, None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether there is a step to take."""
        return self._steps is not None

    def start_prefill(self, pictures: tuple[Picture, ...]) -> None:
        """Another next question: about these pictures, after `desk.past`."""
        self.stop_prefill()
        self._steps = self._prefill(pictures)

    def stop_prefill(self) -> None:
        """Leaves it; what was finished stays."""
        if self._steps:
            self._steps.close()
        self._steps = None

    def run_step(self) -> None:
        """One step, if there is one to take."""
        try:
            if self._steps:
                next(self._steps)
        except StopIteration:
            self._steps = None

    def forget_picture(self, digest: str) -> None:
        """Lets a picture go, in the responder's memory too."""
        responder = self._desk.models.responder
        if responder:
            responder.forget_picture(digest)

    def _prefill(self, pictures: tuple[Picture, ...]) -> Generator[None, None, None]:
        with reporting_errors(lambda error: self._emit(ErrorOccurred.from_error(error)), self._desk.folders.logs):
            responder = self._desk.models.responder
            if responder:
                yield from responder.prepare([*self._desk.prompt_messages, Message("user", "", pictures)])
