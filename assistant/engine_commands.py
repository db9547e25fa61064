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
    """Any command to the engine.

    `is_awaited`: whether the user waits for the engine to take it up; an engine that does not is stuck."""

    is_awaited: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class NumberedCommand(EngineCommand):
    """A command that the client waits to see confirmed by an event.

    `request_id`: the client's number for it, given back in `TurnStarted` or `PictureAdded`; "" where nobody counts."""

    request_id: RequestId = ""


@dataclass(frozen=True)
class QuestionCommand(NumberedCommand):
    """A command that begins a turn with a question."""

    is_awaited: ClassVar[bool] = True


@dataclass(frozen=True)
class Ask(QuestionCommand):
    """Asks a typed question about the attached pictures.

    `text`: the question; "" asks for a description of the pictures.
    `picture`: the digest of the picture that the question is about; "" for all.
    `box`: the part of that picture: left, top, right and bottom, in its pixels; () for the whole."""

    text: Text
    picture: str = ""
    box: tuple[int, ...] = ()


@dataclass(frozen=True)
class AskAgain(QuestionCommand):
    """Asks a question of the history again, in a new conversation that branches off before it.

    `turn_id`: the turn of that question in the history.
    `text`: the question in other words; "" leaves it as it was.
    `opening_id`: the client's number for the new conversation, given back in its events."""

    turn_id: int
    text: Text
    opening_id: Count = 0


@dataclass(frozen=True)
class AskAudioFile(QuestionCommand):
    """Asks the question that is spoken in an audio file.

    `path`: of the file."""

    path: Text


@dataclass(frozen=True)
class ReadAloud(EngineCommand):
    """Speaks a text in the voice of the settings.

    `text`: the text as it was written, in Markdown."""

    is_awaited: ClassVar[bool] = True
    text: Text


@dataclass(frozen=True)
class SkipSentences(EngineCommand):
    """Moves in what is being spoken.

    `sentences`: how many sentences forward; negative: backward; 0: to the start of this one."""

    sentences: int


@dataclass(frozen=True)
class AttachFile(NumberedCommand):
    """Attaches a picture or video file to the next question.

    `path`: of the file.
    `is_restored`: whether it was attached before, in an engine that crashed."""

    path: Text
    is_restored: bool = False


@dataclass(frozen=True)
class AttachEncodedPicture(NumberedCommand):
    """Attaches an encoded picture to the next question.

    `data`: the picture as a file of its format would hold it, such as PNG.
    `name`: shown to the user for it.
    `is_restored`: whether it was attached before, in an engine that crashed."""

    data: bytes
    name: Text
    is_restored: bool = False


@dataclass(frozen=True)
class EditPicture(NumberedCommand):
    """Replaces an attached picture by one that is turned, then cropped.

    `digest`: of the attached picture.
    `quarter_turns`: by how many quarters it is turned clockwise.
    `box`: the part that stays: left, top, right and bottom, in pixels of the turned picture; () for all of it."""

    digest: str
    quarter_turns: int = 0
    box: tuple[int, ...] = ()


@dataclass(frozen=True)
class RemovePicture(EngineCommand):
    """Removes a picture from the attachments and from the conversation so far.

    `digest`: of the picture."""

    digest: str


@dataclass(frozen=True)
class Interrupt(EngineCommand):
    """Ends the turn under way; the speaker is silent at once."""

    is_awaited: ClassVar[bool] = True


@dataclass(frozen=True)
class SetHandsFree(EngineCommand):
    """Turns hands-free listening on or off.

    `hands_free`: whether speech itself begins a question."""

    hands_free: bool


@dataclass(frozen=True)
class PressTalkKey(EngineCommand):
    """The talk key went down: ends the turn under way and listens."""

    is_awaited: ClassVar[bool] = True


@dataclass(frozen=True)
class TapTalkKey(EngineCommand):
    """The talk key was only tapped: the question ends with the speech, or at the next press."""


@dataclass(frozen=True)
class ReleaseTalkKey(EngineCommand):
    """The talk key came up: what was said is the question."""


@dataclass(frozen=True)
class TestMicrophone(EngineCommand):
    """Records a few seconds and plays them."""

    __test__ = False  # for pytest: it is no test


@dataclass(frozen=True)
class ApplySettings(EngineCommand):
    """Uses other settings from the next turn on, for audio devices at once.

    `settings`: all of them."""

    settings: Settings


@dataclass(frozen=True)
class RescanModels(EngineCommand):
    """Looks again for models and voices: some were installed or deleted."""


@dataclass(frozen=True)
class OpenConversation(EngineCommand):
    """Goes on with a conversation of the history, or begins a new one.

    `conversation_id`: its number in the history; None begins a new one.
    `is_private`: whether it is not saved.
    `opening_id`: the client's number for it, given back in its events."""

    is_awaited: ClassVar[bool] = True
    conversation_id: int | None
    is_private: bool = False
    opening_id: Count = 0


@dataclass(frozen=True)
class Start(EngineCommand):
    """Starts the engine: always the first command, and sent only once.

    `settings`: those to begin with.
    `conversation_id`: the conversation of the history to go on with; None begins a new one.
    `is_private`: whether that one is not saved.
    `opening_id`: the client's number for it, given back in its events."""

    settings: Settings
    conversation_id: int | None = None
    is_private: bool = False
    opening_id: Count = 0


AttachmentCommand = AttachFile | AttachEncodedPicture | EditPicture
Command = (
    Ask
    | AskAgain
    | AskAudioFile
    | ReadAloud
    | SkipSentences
    | AttachFile
    | AttachEncodedPicture
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
