"""Prepares the responder for the next question before it is asked: pictures are encoded, past messages are fed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from assistant.error_boundary import reporting_errors
from assistant.errors import AssistantError
from assistant.messages import Message
from assistant.models.manager import ModelManager


class PromptPrefiller:
    """Runs `Responder.prepare` step by step, so that a turn can begin between any two steps.

    `models`: the responder among them is prepared.
    `on_error`: receives what goes wrong; `logs` is the folder of the log."""

    def __init__(self, models: ModelManager, on_error: Callable[[AssistantError], None], logs: Path) -> None:
        self._models, self._on_error, self._logs = models, on_error, logs
        self._steps: Generator[None, None, None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether there is a step to run."""
        return self._steps is not None

    def start_prefill(self, messages: Sequence[Message]) -> None:
        """Begins anew: these messages, the last without its text, are what the next question will come with."""
        self.stop_prefill()
        self._steps = self._prefill(messages)

    def stop_prefill(self) -> None:
        """Runs no more steps; the responder keeps what is finished."""
        if self._steps:
            self._steps.close()
        self._steps = None

    def run_step(self) -> None:
        """Runs one step, if there is one."""
        try:
            if self._steps:
                next(self._steps)
        except StopIteration:
            self._steps = None

    def forget_picture(self, digest: str) -> None:
        """Frees what the responder keeps of a picture."""
        responder = self._models.responder
        if responder:
            responder.forget_picture(digest)

    def _prefill(self, messages: Sequence[Message]) -> Generator[None, None, None]:
        with reporting_errors(self._on_error, self._logs):
            responder = self._models.responder
            if responder:
                yield from responder.prepare(messages)
