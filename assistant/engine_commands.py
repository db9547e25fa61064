"""What can be asked of the engine, as frozen values: one class for each method of `EngineApi`, its fields the method's
parameters. `EngineClient` sends them to the engine's process, where `ipc.server` makes the calls of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from assistant.events import Count, RequestId
from assistant.settings import Settings
from assistant.typed_reader import Verbatim

# Paths may hold any character; questions are cleaned where they are asked.
Text = Annotated[str, Verbatim()]


@dataclass(frozen=True)
class EngineCommand:
    """Any of them.

    `is_awaited`: whether the user waits for the engine to take it up; one that does not is stuck."""

    is_awaited: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class NumberedCommand(EngineCommand):
    """A command that the client waits to see confirmed by an event.

    `request_id`: the client's number for it, given back in `TurnStarted` or `PictureAdded`; "" where nobody counts."""

    request_id: RequestId = ""


@dataclass(frozen=True)
class QuestionCommand(NumberedCommand):
    """A command that asks something."""

    is_awaited: ClassVar[bool] = True


@dataclass(frozen=True)
class Ask(QuestionCommand):
    text: Text
    picture: str = ""
    box: tuple[int, ...] = ()


@dataclass(frozen=True)
class AskAgain(QuestionCommand):
    turn_id: int
    text: Text
    opening_id: Count = 0


@dataclass(frozen=True)
class AskAudioFile(QuestionCommand):
    path: Text


@dataclass(frozen=True)
class ReadAloud(EngineCommand):
    is_awaited: ClassVar[bool] = True
    text: Text


@dataclass(frozen=True)
class SkipSentences(EngineCommand):
    sentences: int


@dataclass(frozen=True)
class AttachFile(NumberedCommand):
    path: Text
    is_restored: bool = False  # whether it was attached before, in an engine that crashed


@dataclass(frozen=True)
class AttachImage(NumberedCommand):
    data: bytes
    name: Text
    is_restored: bool = False  # whether it was attached before, in an engine that crashed


@dataclass(frozen=True)
class EditPicture(NumberedCommand):
    digest: str
    quarter_turns: int = 0
    box: tuple[int, ...] = ()


@dataclass(frozen=True)
class RemovePicture(EngineCommand):
    digest: str


@dataclass(frozen=True)
class Interrupt(EngineCommand):
    is_awaited: ClassVar[bool] = True


@dataclass(frozen=True)
class SetHandsFree(EngineCommand):
    hands_free: bool


@dataclass(frozen=True)
class PressTalkKey(EngineCommand):
    is_awaited: ClassVar[bool] = True


@dataclass(frozen=True)
class TapTalkKey(EngineCommand):
    pass


@dataclass(frozen=True)
class ReleaseTalkKey(EngineCommand):
    pass


@dataclass(frozen=True)
class TestMicrophone(EngineCommand):
    __test__ = False  # for pytest: it is no test


@dataclass(frozen=True)
class ApplySettings(EngineCommand):
    settings: Settings


@dataclass(frozen=True)
class RescanModels(EngineCommand):
    pass


@dataclass(frozen=True)
class OpenConversation(EngineCommand):
    is_awaited: ClassVar[bool] = True
    conversation_id: int | None
    is_private: bool = False
    opening_id: Count = 0


@dataclass(frozen=True)
class Start(EngineCommand):
    """Always the first command, and sent only once: it makes the engine.

    `settings`: those to begin with; the other fields are the parameters of `Engine.start`."""

    settings: Settings
    conversation_id: int | None = None
    is_private: bool = False
    opening_id: Count = 0


AttachmentCommand = AttachFile | AttachImage | EditPicture
Command = (
    Ask
    | AskAgain
    | AskAudioFile
    | ReadAloud
    | SkipSentences
    | AttachFile
    | AttachImage
    | EditPicture
    | RemovePicture
    | Interrupt
    | SetHandsFree
    | PressTalkKey
    | TapTalkKey
    | ReleaseTalkKey
    | TestMicrophone
    | ApplySettings
    | RescanModels
    | OpenConversation
)


def method_name(command: type[EngineCommand]) -> str:
    """The method of `EngineApi` that a class of commands stands for: `AskAgain` is `ask_again`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", command.__name__).lower()
