"""What happens in a turn, as values. Knows nothing of who listens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from assistant.typed_reader import InvalidValueError, NumberRange, TextPattern

if TYPE_CHECKING:
    from assistant.audio.clip import AudioClip
    from assistant.errors import AssistantError

# What the window draws with and counts by: it comes from another process, and Qt takes 32 bits and no zero sides.
Pixel = Annotated[int, NumberRange(0, 2**31 - 1)]
Side = Annotated[int, NumberRange(1, 100_000_000)]
ThumbnailSide = Annotated[int, NumberRange(1, 4096)]
Seconds = Annotated[float, NumberRange(-1e9, 1e9)]
Count = Annotated[int, NumberRange(0)]


@dataclass(frozen=True)
class Heard:
    """The question: typed, or its transcript; "" when nothing was heard or typed."""

    text: str


@dataclass(frozen=True)
class Wrote:
    """A piece of the answer as it is written; joined, the pieces are the answer."""

    text: str


@dataclass(frozen=True)
class RegionPointed:
    """The answer points at a place in the picture with this digest, in its pixels."""

    label: str
    picture: str
    left: Pixel
    top: Pixel
    right: Pixel
    bottom: Pixel


@dataclass(frozen=True)
class Said:
    """A piece of the answer in its spoken form, before its sound.

    `until`: letters of the written answer up to the end of this piece."""

    text: str
    until: Count = 0


@dataclass(frozen=True)
class AudioProduced:
    """Sound of the piece said last."""

    audio: AudioClip


@dataclass(frozen=True)
class Notice:
    """Something the user should know that stops nothing, such as an animated picture's first frame being used."""

    message: str


@dataclass(frozen=True)
class ErrorOccurred:
    """A stage failed: one sentence, and the next step."""

    stage: str
    message: str
    hint: str

    @classmethod
    def from_error(cls, error: AssistantError) -> ErrorOccurred:
        return cls(error.stage, error.message, error.hint)


@dataclass(frozen=True)
class TurnTimings:
    """Seconds. `load`, `hear` and `look` took so long; the others count from the end of loading; None: never came."""

    load: Seconds | None = None
    hear: Seconds | None = None
    look: Seconds | None = None
    first_word: Seconds | None = None
    answer: Seconds | None = None
    first_sound: Seconds | None = None
    total: Seconds | None = None


@dataclass(frozen=True)
class TurnEnded:
    """Always a turn's last event. `reason` is 'answered', 'nothing heard', 'failed' or 'interrupted'.

    `heard_until`: so many letters of the written answer were heard, or read where nothing was played."""

    reason: str
    heard: str = ""
    answer: str = ""
    model_name: str = ""
    timings: TurnTimings = field(default_factory=TurnTimings)
    heard_until: Count = 0
    id: int | None = None


TurnEvent = Heard | Wrote | RegionPointed | Said | AudioProduced | Notice | ErrorOccurred | TurnEnded


@dataclass(frozen=True)
class TurnStarted:
    """A question was taken; `id` is its number in the history, None where none is kept.

    `ticket`: what the asker gave to know it by; `pictures`: digests of what goes with it for the first time."""

    id: int | None
    request_id: Annotated[str, TextPattern("[0-9]{0,18}", "a number")] = ""
    conversation: int | None = None
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConversationOpened:
    """A conversation was opened, None for a new one: what comes from now on belongs to it."""

    conversation: int | None


@dataclass(frozen=True)
class StateChanged:
    """What Hark does now: 'loading', 'ready', 'hearing' (a person speaks), 'thinking',
    'speaking'. Of its process: still 'working' at one step, 'frozen', or 'restarting' after a crash."""

    state: str


@dataclass(frozen=True)
class InputLevel:
    """How loud the microphone is, 0 to 1; about ten a second."""

    value: Annotated[float, NumberRange(0, 1)]


@dataclass(frozen=True)
class PartialTranscript:
    """The words of an utterance that still goes on; the next one replaces them."""

    text: str


@dataclass(frozen=True)
class ModelLoading:
    """`what` is being loaded: 'ear', 'eye' or 'voice'; `done` when it is there."""

    role: Annotated[str, TextPattern("transcriber|responder|voice", "a part")]
    done: bool


@dataclass(frozen=True)
class MicrophoneState:
    """Whether the microphone is open, and hands-free; why not, if it should be."""

    microphone: bool
    hands_free: bool
    why_not: str = ""


@dataclass(frozen=True)
class MicrophoneTestResult:
    """A few seconds were recorded. `found`: "speech", other "sound", or "silence"; `played`: they are heard now."""

    result: Annotated[str, TextPattern("speech|sound|silence", "a finding")]
    is_playing: bool


@dataclass(frozen=True)
class PictureAdded:
    """A picture lies in the tray. `thumbnail`: raw RGB, row by row, `thumb_width` x `thumb_height`. `instead`: the
    digest of the one in whose place it came, or ""; `pages`: those of the file that it came from. Raises
    `InvalidValueError` where the pixels are not so many: Qt
    would read behind their end."""

    digest: str
    name: str
    width: Side
    height: Side
    thumb_width: ThumbnailSide
    thumb_height: ThumbnailSide
    thumbnail: bytes = field(repr=False)
    request_id: str = ""
    replaces: str = ""
    pages: Count = 1

    def __post_init__(self) -> None:
        if len(self.thumbnail) != self.thumb_width * self.thumb_height * 3:
            raise InvalidValueError("thumbnail", "has another size")


@dataclass(frozen=True)
class PictureCostEstimated:
    """What a picture costs before it is sent: the size at which the model sees it, tokens, memory, and seconds until it
    is ready."""

    digest: str
    width: int
    height: int
    tokens: int
    megabytes: float
    seconds: Seconds


@dataclass(frozen=True)
class PictureRemoved:
    """A picture was let go."""

    digest: str


@dataclass(frozen=True)
class VoicesAvailable:
    """The voices that can be chosen: ids, and names for people, side by side. Raises `InvalidValueError` where they are
    not as many."""

    ids: tuple[str, ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.names):
            raise InvalidValueError("names", "are not as many as ids")


@dataclass(frozen=True)
class AudioDevicesAvailable:
    """The microphones and speakers that can be chosen, by name."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


Event = (
    TurnEvent
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
