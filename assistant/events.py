"""What happens in a turn, as values. Knows nothing of who listens."""

from __future__ import annotations

from dataclasses import dataclass, field

from assistant.sound.audio import Audio


@dataclass(frozen=True)
class Heard:
    """The question: typed, or its transcript; "" when nothing was heard or typed."""

    text: str


@dataclass(frozen=True)
class Wrote:
    """A piece of the answer as it is written; joined, the pieces are the answer."""

    text: str


@dataclass(frozen=True)
class Said:
    """A piece of the answer in its spoken form, before its sound."""

    text: str


@dataclass(frozen=True)
class Sound:
    """Sound of the piece said last."""

    audio: Audio


@dataclass(frozen=True)
class Noted:
    """Something the user should know that stops nothing, such as an animated picture's first frame being used."""

    message: str


@dataclass(frozen=True)
class Failed:
    """A stage failed: one sentence, and the next step."""

    stage: str
    message: str
    hint: str


@dataclass(frozen=True)
class Timings:
    """Seconds. `load`, `hear` and `look` took so long; the others count from the end of loading; None: never came."""

    load: float | None = None
    hear: float | None = None
    look: float | None = None
    first_word: float | None = None
    answer: float | None = None
    first_sound: float | None = None
    total: float | None = None


@dataclass(frozen=True)
class TurnEnded:
    """Always the last event. `reason` is 'answered', 'nothing heard', 'failed' or 'interrupted'."""

    reason: str
    heard: str = ""
    answer: str = ""
    by: str = ""
    timings: Timings = field(default_factory=Timings)


Event = Heard | Wrote | Said | Sound | Noted | Failed | TurnEnded
