"""What the engine tells whoever uses it, as frozen values: a window, the command line, a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from assistant.typed_reader import InvalidValueError, NumberRange, TextPattern

if TYPE_CHECKING:
    from assistant.audio.clip import AudioClip
    from assistant.errors import AssistantError

# Limits of what a window draws and counts with: events come from another process, and Qt takes 32 bits and no empty
# pictures.
Pixel = Annotated[int, NumberRange(0, 2**31 - 1)]
Side = Annotated[int, NumberRange(1, 100_000_000)]
ThumbnailSide = Annotated[int, NumberRange(1, 4096)]
Seconds = Annotated[float, NumberRange(-1e9, 1e9)]
Count = Annotated[int, NumberRange(0)]
RequestId = Annotated[str, TextPattern("[0-9]{0,18}", "a number")]


@dataclass(frozen=True, kw_only=True)
class ConversationEvent:
    """An event of a turn, or of the conversation itself.

    `opening_id`: which opening of a conversation it belongs to: the number that `open_conversation` or `ask_again` was
    called with; 0 before the first such call. A window numbers the conversations it opens 1, 2, 3 … and ignores events
    with another number than that of the conversation it shows. The id in the history cannot serve for this: new and
    private conversations have none."""

    opening_id: Count = 0


@dataclass(frozen=True)
class Heard(ConversationEvent):
    """The question is known."""

    text: str  # what was typed, or the transcript; "" when nothing was typed or no speech was recognized


@dataclass(frozen=True)
class Wrote(ConversationEvent):
    """The answer grew."""

    text: str  # the new piece, never empty; all pieces joined are the answer


@dataclass(frozen=True)
class RegionPointed(ConversationEvent):
    """The answer points at a place in a picture."""

    label: str  # what is there, in the model's words
    picture: str  # the picture's digest
    left: Pixel  # the box, in the picture's pixels
    top: Pixel
    right: Pixel
    bottom: Pixel


@dataclass(frozen=True)
class Said(ConversationEvent):
    """A piece of the answer is about to be spoken; its audio follows."""

    text: str  # the piece in its spoken form, with numbers and signs spelled out
    until: Count = 0  # letters of the written answer up to the end of the piece


@dataclass(frozen=True)
class AudioProduced:
    """Audio of the piece in the last `Said`. It stays inside the engine, which plays it."""

    audio: AudioClip


@dataclass(frozen=True)
class Notice:
    """Something that the user should know and that stops nothing, such as that only the first frame of an animated
    picture is used."""

    message: str  # one or two whole sentences


@dataclass(frozen=True)
class ErrorOccurred:
    """A stage failed."""

    stage: str  # where, such as "ask", "hear", "look", "answer" or "speak"
    message: str  # what went wrong, one sentence
    hint: str  # what the user can do about it

    @classmethod
    def from_error(cls, error: AssistantError) -> ErrorOccurred:
        return cls(error.stage, error.message, error.hint)


@dataclass(frozen=True)
class TurnTimings:
    """How long the stages of a turn took, in seconds; None for a stage that was never reached. The last four count from
    the end of loading."""

    load: Seconds | None = None  # loading of models
    transcribe: Seconds | None = None  # transcribing of speech
    open_pictures: Seconds | None = None  # opening of pictures
    first_word: Seconds | None = None  # until the first word was written
    answer: Seconds | None = None  # until the last word was written
    first_sound: Seconds | None = None  # until the first audio was synthesized
    total: Seconds | None = None  # the whole turn, with loading


@dataclass(frozen=True)
class TurnEnded(ConversationEvent):
    """The last event of every turn."""

    reason: str  # "answered", "nothing heard", "failed" or "interrupted"
    heard: str = ""  # the question
    answer: str = ""  # all that was written
    model_name: str = ""  # the model that wrote it, "" when there is no answer
    timings: TurnTimings = field(default_factory=TurnTimings)  # how long the stages took
    heard_until: Count = 0  # letters of the written answer that the user heard; all of them where nothing was played
    id: int | None = None  # the turn's id in the history, None when it is not saved
    is_read_aloud: bool = False  # it only read a text aloud: without a `TurnStarted`, a question or an answer


@dataclass(frozen=True)
class TurnStarted(ConversationEvent):
    """The engine began to work on a question."""

    id: int | None  # the turn's id in the history, None when it is not saved
    request_id: RequestId = ""  # the number that the question was asked with, or ""
    conversation: int | None = None  # the conversation's id in the history, None when it is not saved
    pictures: tuple[str, ...] = ()  # digests of the pictures that go with this question for the first time


@dataclass(frozen=True)
class ConversationOpened(ConversationEvent):
    """A conversation was opened: turns that start from now on belong to it."""

    conversation: int | None  # its id in the history, None for a new or private one


@dataclass(frozen=True)
class StateChanged:
    """The engine is in another state: "loading", "ready", "hearing" (a person speaks), "thinking" or "speaking".

    `EngineClient` adds states of the engine's process: "working" (still at one step), "frozen", or "restarting" after a
    crash."""

    state: str


@dataclass(frozen=True)
class InputLevel:
    """How loud the microphone is, about ten times a second."""

    value: Annotated[float, NumberRange(0, 1)]  # the peak, 0 to 1


@dataclass(frozen=True)
class PartialTranscript(ConversationEvent):
    """What is recognized of an utterance that may still go on."""

    text: str  # all its words so far; the next event replaces them


@dataclass(frozen=True)
class ModelLoading:
    """A model is being loaded, or was."""

    role: Annotated[str, TextPattern("transcriber|responder|voice", "a role")]
    is_loaded: bool  # whether it is loaded now


@dataclass(frozen=True)
class MicrophoneState:
    """The microphone was opened, closed, or is used in another way."""

    is_open: bool  # whether it is open
    is_hands_free: bool  # whether speech itself begins a question
    why_not: str = ""  # why it is not open, a sentence with its hint, or ""


@dataclass(frozen=True)
class MicrophoneTestResult:
    """A test of the microphone recorded a few seconds."""

    result: Annotated[str, TextPattern("speech|sound|silence", "a result")]
    is_playing: bool  # whether the recording is played now


@dataclass(frozen=True)
class PictureAdded:
    """A picture was attached to the next question, or attached anew after it was edited.

    Raises `InvalidValueError` when the thumbnail has another length than its size says: Qt would read beyond it."""

    digest: str  # the hash of its pixels, by which it is known
    name: str  # its file's name, or what it was called
    width: Side  # in pixels
    height: Side
    thumb_width: ThumbnailSide  # size of the thumbnail, in pixels
    thumb_height: ThumbnailSide
    thumbnail: bytes = field(repr=False)  # raw RGB, row by row
    request_id: str = ""  # the number that it was attached with, or ""
    replaces: str = ""  # the digest of the picture that it takes the place of, or ""
    pages: Count = 1  # how many pages the file has that it came from

    def __post_init__(self) -> None:
        if len(self.thumbnail) != self.thumb_width * self.thumb_height * 3:
            raise InvalidValueError("thumbnail", "has another size")


@dataclass(frozen=True)
class PictureCostEstimated:
    """What a picture will cost when it is sent, or anew after the model was changed."""

    digest: str
    width: int  # the size at which the model sees it, in pixels
    height: int
    tokens: int  # its length in the prompt
    megabytes: float  # memory that it takes
    seconds: Seconds  # time until the model has encoded it


@dataclass(frozen=True)
class PictureRemoved:
    """A picture is no longer attached, nor part of the conversation."""

    digest: str


@dataclass(frozen=True)
class VoicesAvailable:
    """The voices that can be chosen. Raises `InvalidValueError` when there are not as many names as ids."""

    ids: tuple[str, ...]  # as in the settings
    names: tuple[str, ...]  # what they are called, in the order of the ids

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.names):
            raise InvalidValueError("names", "are not as many as ids")


@dataclass(frozen=True)
class AudioDevicesAvailable:
    """The audio devices that can be chosen."""

    inputs: tuple[str, ...]  # names of microphones
    outputs: tuple[str, ...]  # names of speakers


Event = (
    Heard
    | Wrote
    | RegionPointed
    | Said
    | AudioProduced
    | Notice
    | ErrorOccurred
    | TurnEnded
    | TurnStarted
    | ConversationOpened
    | StateChanged
    | InputLevel
    | PartialTranscript
    | ModelLoading
    | MicrophoneState
    | MicrophoneTestResult
    | PictureAdded
    | PictureCostEstimated
    | PictureRemoved
    | VoicesAvailable
    | AudioDevicesAvailable
)
