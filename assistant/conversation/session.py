"""What a turn needs to know: the session that all turns share, and the conversation that this one belongs to.

Both are values: whoever changes the settings or opens another conversation replaces them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from assistant.history.turn_recorder import TurnRecorder
from assistant.messages import Message
from assistant.models.manager import ModelManager
from assistant.paths import AppPaths
from assistant.pictures import FrameSampling, Picture, open_picture
from assistant.settings import Settings


@dataclass(frozen=True)
class Session:
    """What all turns share."""

    settings: Settings  # of the next turn
    paths: AppPaths
    history: TurnRecorder | None  # where turns are saved; None when they are not
    models: ModelManager

    def open_picture(self, path: Path) -> Picture:
        """The picture or video in a file, its frames sampled as in the settings. Raises `InvalidInputError`."""
        responder = self.settings.responder
        return open_picture(path, FrameSampling(responder.video_fps, responder.video_frames))


@dataclass(frozen=True)
class Conversation:
    """One conversation, as it stands between two turns."""

    id: int | None = None  # in the history; None until its first turn is saved
    is_private: bool = False  # whether its turns are not saved
    opening_id: int = 0  # the number it was opened with, which its events carry
    past_messages: tuple[Message, ...] = ()  # what was asked, and of each answer what was heard

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures of all its messages, oldest first."""
        return tuple(picture for message in self.past_messages for picture in message.pictures)

    def prompt_messages(self, system_prompt: str) -> tuple[Message, ...]:
        """Its messages after the system prompt, if there is one."""
        return (*((Message("system", system_prompt),) if system_prompt else ()), *self.past_messages)

    def with_turn(self, question: str, pictures: tuple[Picture, ...], heard_answer: str) -> Conversation:
        """The conversation after one more turn."""
        messages = (Message("user", question, pictures), Message("assistant", heard_answer))
        return replace(self, past_messages=(*self.past_messages, *messages))

    def without_picture(self, digest: str) -> Conversation:
        """The same conversation as if the picture had never been shown."""
        return replace(
            self,
            past_messages=tuple(
                replace(message, pictures=tuple(picture for picture in message.pictures if picture.digest != digest))
                for message in self.past_messages
            ),
        )
