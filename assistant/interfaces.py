"""What the three parts of a turn promise each other. Knows nothing of the models behind them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from assistant.messages import Detection, Message, PictureCost

if TYPE_CHECKING:
    from assistant.audio.clip import AudioClip
    from assistant.pictures import Picture


class Backend(Protocol):
    """What each of the three may have besides; none of it must be. `note`: what the user should know of how it runs.
    `late_loading_seconds`: what it has spent so far on loading what it needed only in the middle of its work."""

    load_warning: str = ""
    late_loading_seconds: float = 0.0

    def warm_up(self) -> None:
        """Does now what would make the first use slow."""
        return None

    def close(self) -> None:
        """Lets go of what it holds; it is not used again."""
        return None


class Transcriber(Backend, Protocol):
    """Hears. Yields pieces of the transcript, in order; nothing at all for sound without speech."""

    def transcribe(self, audio: AudioClip) -> Generator[str, None, None]: ...


class Responder(Backend, Protocol):
    """Answers. Yields pieces of text, places it points at, "" after a step that wrote none; closing the iterator stops
    the model within one step. `by`: who wrote the last reply, a model's name or a part of the starter kit; `remark`:
    what the user should know of it."""

    model_name: str
    reply_warning: str = ""

    def reply(self, messages: Sequence[Message]) -> Generator[str | Detection, None, None]: ...

    def prepare(self, messages: Sequence[Message]) -> Generator[None, None, None]:
        """Does, step by step, what the next question will need; the last message is its beginning."""
        yield from ()

    def estimate_cost(self, picture: Picture) -> PictureCost | None:
        """What a picture will cost; None where that is not known."""
        return None

    def forget_picture(self, digest: str) -> None:
        """Lets a picture go."""
        return None


class Voice(Backend, Protocol):
    """Speaks one piece of text. Yields sound at one rate; closing the iterator stops it. `speed`: 1 is its own."""

    speed: float = 1.0

    def synthesize(self, text: str) -> Generator[AudioClip, None, None]: ...


@dataclass(frozen=True)
class Backends:
    """Who hears, who answers and who speaks in a turn."""

    transcriber: Transcriber
    responder: Responder
    voice: Voice


@dataclass(frozen=True)
class LoadOptions:
    """How a back end is loaded.

    `model` is a folder ("" for the part's own), `name` what people call it, `device` "auto", "cpu" or "cuda",
    `dtype` "auto" or a torch name, `language` a code or "" to detect, `device_map` as in accelerate ("" for none),
    `max_memory` what each of its devices may take ("0=6GiB, cpu=16GiB"). `weights`: how a processor holds bfloat16
    ones, "int4", "bfloat16" or "stored"; `cache` is a folder for what was made of them ("" for none). `glance`: a
    picture that is still being encoded is answered from a small view of it. `budget`: gigabytes of a graphics card that
    it may take, 0 for all that is free; what does not fit runs on the processor. `find_installed` gives the name of an
    installed model that could answer instead of a part that cannot, or ""."""

    model: str = ""
    name: str = ""
    device: str = "auto"
    dtype: str = "auto"
    device_map: str = ""
    max_memory: str = ""
    language: str = ""
    speaker: str = ""
    min_pixels: int = 0
    max_pixels: int = 0
    max_new_tokens: int = 512
    cpu_weight_format: str = "bfloat16"
    cache: str = ""
    answer_from_preview: bool = False
    gpu_memory_limit_gb: float = 0.0
    find_installed: Callable[[], str] = lambda: ""
