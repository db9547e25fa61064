"""The protocols of the three back ends of a turn (transcriber, responder, voice), and how one is loaded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from assistant.messages import Detection, Message, PictureCost

if TYPE_CHECKING:
    from assistant.audio.clip import AudioClip
    from assistant.pictures import Picture


class Backend(Protocol):
    """What all three back ends have in common. Every member has a default, so that none must be implemented."""

    load_warning: str = ""  # a sentence for the user, such as that it runs on the processor; "" for none
    late_loading_seconds: float = 0.0  # total time spent loading something in the middle of its work

    def warm_up(self) -> None:
        """Does what would otherwise make the first use slow, such as a first pass through the model."""
        return None

    def close(self) -> None:
        """Frees memory and child processes; the back end is not used again."""
        return None


class Transcriber(Backend, Protocol):
    """Turns speech into text."""

    def transcribe(self, audio: AudioClip) -> Generator[str, None, None]:
        """Yields the transcript piece by piece, in order; nothing for audio without speech. Closing it stops it."""
        ...


class Responder(Backend, Protocol):
    """Answers a conversation about pictures."""

    model_name: str  # what wrote the last reply: a model's name, or "reader" or "tiny" of the starter kit
    reply_warning: str = (
        ""  # a sentence for the user about the last reply, such as that it saw a small view; "" for none
    )

    def reply(self, messages: Sequence[Message]) -> Generator[str | Detection, None, None]:
        """Yields the answer to the last message: pieces of text, and the regions that it points at.

        Yields "" after a step that wrote nothing. Closing the iterator stops the model within one step."""
        ...

    def prepare(self, messages: Sequence[Message]) -> Generator[None, None, None]:
        """Computes in advance, step by step, what the next question needs; the last message is the question's start."""
        yield from ()

    def estimate_cost(self, picture: Picture) -> PictureCost | None:
        """What it costs to look at a picture; None where that is not known."""
        return None

    def forget_picture(self, digest: str) -> None:
        """Drops everything computed for the picture with this digest."""
        return None


class Voice(Backend, Protocol):
    """Turns text into speech."""

    speed: float = 1.0  # a factor; 1 is the voice's own speed

    def synthesize(self, text: str) -> Generator[AudioClip, None, None]:
        """Yields the audio of one piece of text, all of it at one sample rate. Closing the iterator stops it."""
        ...


@dataclass(frozen=True)
class Backends:
    """The three back ends that a turn runs with."""

    transcriber: Transcriber
    responder: Responder
    voice: Voice


@dataclass(frozen=True)
class LoadOptions:
    """How a back end is loaded. Each back end reads the options that concern it."""

    model: str = ""  # folder of the model, "" for the back end's own
    name: str = ""  # what people call the model
    device: str = "auto"  # "auto", "cpu" or "cuda"
    dtype: str = "auto"  # "auto" or the name of a torch dtype
    device_map: str = ""  # as in accelerate, "" for none
    max_memory: str = ""  # what each device of the map may take, such as "0=6GiB, cpu=16GiB"
    language: str = ""  # code of the spoken language, "" to detect it
    speaker: str = ""  # name or number of a voice's speaker, "" for the first
    min_pixels: int = 0  # a picture is enlarged to at least so many pixels; 0 for the model's own limit
    max_pixels: int = 0  # a picture is reduced to at most so many pixels; 0 for the model's own limit
    max_new_tokens: int = 512  # length of an answer at most
    cpu_weight_format: str = "bfloat16"  # of bfloat16 weights on a processor: "int4", "bfloat16" or "stored"
    cache: str = ""  # folder for packed weights, "" for none
    answer_from_preview: bool = False  # answer from a small view of a picture that is still being encoded
    gpu_memory_limit_gb: float = 0.0  # a model that needs more runs on the processor; 0 for all that is free
    find_installed: Callable[[], str] = lambda: ""  # name of an installed model that can answer more, "" for none
